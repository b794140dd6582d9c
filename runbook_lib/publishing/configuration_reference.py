"""The reference of runbooks.toml, made from the descriptions of its keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from runbook_lib.config import Configuration, Table
from runbook_lib.config.problems import table_of
from runbook_lib.publishing.markdown import code, table, text

ROOT = "runbooks.toml"

_PLAIN = {str: "text", bool: "true or false", int: "whole number", float: "number", Path: "path"}


def configuration_reference() -> str:
    """The page: a section for each table of the file, a row for each key."""
    parts = [
        "# Configuration",
        "Every key of `runbooks.toml`. The file `runbooks.example.toml` shows each in use; `runbook check` validates "
        "yours.",
        *_table(Configuration, "", set()),
    ]
    return "\n\n".join(parts) + "\n"


def _table(kind: type[Table], path: str, seen: set[type[Table]]) -> Iterator[str]:
    """The section of a table and those of the tables within it, each kind once."""
    if kind in seen:
        return
    seen.add(kind)
    yield f"## {kind.__name__ if path else ROOT}"
    yield " ".join(filter(None, (f"`[{path}]`" if path else "", _first_paragraph(kind))))
    yield table(("key", "type", "default", "meaning"), [_row(name, about) for name, about in kind.model_fields.items()])
    for name, about in kind.model_fields.items():
        inner = table_of(about.annotation)
        if inner is not None:
            yield from _table(inner, f"{path}.{name}{_named(about)}".strip("."), seen)


def _named(about: FieldInfo) -> str:
    """What stands for the name in a table of named tables."""
    return ".NAME" if str(about.annotation).startswith("dict[") else ""


def _first_paragraph(kind: type[Table]) -> str:
    return text((kind.__doc__ or "").partition("\n\n")[0], 1000)


def _row(name: str, about: FieldInfo) -> tuple[str, str, str, str]:
    return code(name), text(type_words(about.annotation)), _default(about), text(about.description or "", 1000)


def type_words(annotation: Any) -> str:
    """A key's type as a writer of TOML would call it."""
    kind, inner = get_origin(annotation), get_args(annotation)
    if kind is Literal:
        return " or ".join(map(str, inner))
    if kind is Annotated:
        return type_words(inner[0])
    if kind in (Union, UnionType):
        return " or ".join(dict.fromkeys(type_words(one) for one in inner if one is not type(None)))
    if kind is list:
        return f"list of {type_words(inner[0])}"
    if kind is dict:
        return f"table of {type_words(inner[1])} by name"
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return "table"
    return _PLAIN.get(annotation, str(annotation))


def _default(about: FieldInfo) -> str:
    if about.is_required():
        return "**required**"
    value = about.get_default(call_default_factory=True)
    if value in (None, "", [], {}) or isinstance(value, Table):
        return ""
    return code("true" if value is True else "false" if value is False else str(value))
