"""What is wrong with a runbooks.toml, a line each: the key, what is wrong with it, what it means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from runbook_lib.command import nearest, printable
from runbook_lib.config.service import Configuration
from runbook_lib.config.values import IDENTIFIER, NAME, QUEUE, ROUTE, URL, VARIABLE, Table

_MUST = {
    IDENTIFIER: "must be a plain name in SQL: up to 63 letters, digits and underscores, not beginning with a digit",
    NAME: "must be 1 to 63 letters, digits, dots, dashes and underscores, and begin with a letter or digit",
    QUEUE: "must be the name of a queue, or CONNECTION:QUEUE",
    ROUTE: "must begin with /",
    URL: "must begin with http:// or https:// and name a host",
    VARIABLE: "must be letters, digits and underscores, and not begin with a digit",
}


def problem(item: Mapping[str, Any]) -> str:
    """One line of an error: the key's path, what is wrong with it, what the key means."""
    parts = [part for at, part in enumerate(item["loc"]) if not (part in ("plain", "reference") and _in_env(item, at))]
    path = [str(part) for part in parts if part != "[key]"]
    key = printable(".".join(path)) or "the file"
    table, meaning = _descend(path)
    if item["type"] == "extra_forbidden":
        return f"{key}: unknown key; {_hint(path[-1], table)}"
    return f"{key}: {_wrong(item)}" + (f" ({meaning})" if meaning else "")


def _in_env(item: Mapping[str, Any], at: int) -> bool:
    """Whether a part of an error's place is the form of a variable's value."""
    return at >= 2 and item["loc"][at - 2] == "env"


def _wrong(item: Mapping[str, Any]) -> str:
    match item["type"]:
        case "missing":
            return "is missing"
        case "too_short":
            return "must not be empty"
        case "string_pattern_mismatch":
            return _MUST[item["ctx"]["pattern"]]
        case "model_type" if item["loc"][-1] == "reference":
            return 'must be text, { env = "NAME" } or { file = "PATH" }'
        case "model_type" | "dict_type":
            return "must be a table"
    message = str(item["msg"]).removeprefix("Value error, ")
    return message.replace("Input should be", "must be").replace("valid string", "text")


def _hint(key: str, table: type[Table] | None) -> str:
    known = list(table.model_fields) if table else []
    guess = nearest(key, known, 1)
    return f"did you mean {guess[0]}?" if guess else f"there are {', '.join(known)}"


def _descend(path: list[str]) -> tuple[type[Table] | None, str]:
    """The table that holds the last key of a path, and that key's description."""
    table: type[Table] | None = Configuration
    meaning = ""
    for position, part in enumerate(path):
        if table is None or part.isdigit():
            continue
        known = table.model_fields.get(part)
        if known is None:
            # The name of a service or environment: its table was reached with the key before it.
            if position == len(path) - 1:
                return table, ""
            continue
        meaning = known.description or ""
        inner = table_of(known.annotation)
        if position == len(path) - 1:
            return table, meaning
        table = inner or table
    return table, meaning


def table_of(annotation: Any) -> type[Table] | None:
    """The table class inside an annotation such as dict[Name, Service], list[Hook] or Git | None."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return annotation
    for inner in reversed(get_args(annotation)):
        found = table_of(inner)
        if found is not None:
            return found
    return None
