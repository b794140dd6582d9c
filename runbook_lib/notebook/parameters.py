"""The parameters of a runbook: what its parameters cell declares, and whether given values fit.

A parameters cell (tagged "parameters") holds one declaration a line, `name: type = default  # help`, where type is
str, int, float, bool, Literal[...] of plain values, or one of these with `| None`.
"""

from __future__ import annotations

import ast
import io
import math
import tokenize
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.command import nearest, printable
from runbook_lib.errors import ParameterError

Value = str | int | float | bool | None

_YES_OR_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Parameter:
    """One declared parameter. annotation: the type as it is written; default: the value when none is given;
    help: the comment beside it; choices: the allowed values of a Literal, else empty; optional: None is allowed;
    kind: the type that a value is made into."""

    name: str
    annotation: str
    default: Value
    help: str
    kind: str
    choices: tuple[Value, ...] = ()
    optional: bool = False

    def convert(self, value: object) -> Value:
        """The value as this parameter's type. ParameterError when it is not one."""
        if self.optional and (value is None or value == ""):
            return None
        try:
            return _choose(value, self.choices) if self.choices else _KINDS[self.kind](value)
        except ValueError as error:
            raise ParameterError(
                f"parameter {self.name} ({self.annotation}) cannot be {_quoted(value)}: {error}",
                next_step=f"give {self.name} {self._advice(value)}",
            ) from error

    def _advice(self, value: object) -> str:
        if self.choices:
            guesses = nearest(str(value), [str(choice) for choice in self.choices], 1)
            meant = f"; did you mean {guesses[0]}?" if guesses else ""
            return f"as one of {', '.join(map(str, self.choices))}{meant}"
        return _ADVICE[self.kind]


class Parameters:
    """The parameters that a runbook declares, in order."""

    def __init__(self, declared: Iterable[Parameter]) -> None:
        self.declared = tuple(declared)

    @classmethod
    def of(cls, cells: Iterable[Mapping[str, Any]]) -> Parameters:
        """Those of a notebook with these cells; none when it has no parameters cell. ParameterError when the
        cell is not made of declarations."""
        for cell in cells:
            if "parameters" in cell.get("metadata", {}).get("tags", ()):
                return cls(declarations("".join(cell["source"])))
        return cls(())

    def validate(self, values: Mapping[str, object]) -> dict[str, Value]:
        """The given values, each as its declared type. ParameterError on the first that is unknown or ill-typed."""
        known = {parameter.name: parameter for parameter in self.declared}
        unknown = [name for name in values if name not in known]
        if unknown:
            raise _unknown(unknown[0], list(known))
        return {name: known[name].convert(value) for name, value in values.items()}


def declarations(source: str) -> list[Parameter]:
    """The parameters that the text of a parameters cell declares. ParameterError naming the line that does not."""
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise _misdeclared(error.lineno or 1, source, "this is not Python") from error
    comments = _comments(source)
    return [_declaration(node, source, comments) for node in statements if not _imports_typing(node)]


def _imports_typing(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module in ("typing", "__future__")


def _declaration(node: ast.stmt, source: str, comments: dict[int, str]) -> Parameter:
    if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name) or node.value is None:
        raise _misdeclared(node.lineno, source, "this is no declaration")
    try:
        kind, choices, optional = _type(node.annotation)
        default = ast.literal_eval(node.value)
        parameter = Parameter(
            name=node.target.id,
            annotation=ast.unparse(node.annotation),
            default=default,
            help=comments.get(node.end_lineno or node.lineno, ""),
            kind=kind,
            choices=choices,
            optional=optional,
        )
        # A default may be what no value may be: the empty text of a choice that has to be made.
        if type(default).__name__ != kind and parameter.convert(default) != default:
            raise ValueError(f"the default {default!r} is not of the declared type")
    except (ValueError, ParameterError) as error:
        wrong = error.message if isinstance(error, ParameterError) else str(error)
        raise _misdeclared(node.lineno, source, wrong) from error
    return parameter


def _type(node: ast.expr) -> tuple[str, tuple[Value, ...], bool]:
    """The kind, the choices and whether None is allowed, of an annotation. ValueError when it is another type."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = [side for side in (node.left, node.right) if ast.unparse(side) != "None"]
        if len(sides) == 1:
            kind, choices, _ = _type(sides[0])
            return kind, choices, True
    if isinstance(node, ast.Name) and node.id in _KINDS:
        return node.id, (), False
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) in ("Literal", "typing.Literal"):
        choices = ast.literal_eval(node.slice)
        choices = choices if isinstance(choices, tuple) else (choices,)
        return type(choices[0]).__name__, choices, False
    raise ValueError(f"{ast.unparse(node)} is not a type of a parameter")


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"it arrived as {type(value).__name__}, so what was typed is lost")
    return value


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("it is not a whole number")
    try:
        return int(value)
    except ValueError:
        raise ValueError("it is not a whole number") from None


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("it is not a number")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError("it is not a number") from None
    if not math.isfinite(number):
        raise ValueError("it is not a finite number")
    return number


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    answer = _YES_OR_NO.get(str(value).lower()) if isinstance(value, str | int) else None
    if answer is None:
        raise ValueError("it is neither yes nor no")
    return answer


_KINDS: dict[str, Callable[[object], Value]] = {"str": _text, "int": _integer, "float": _number, "bool": _truth}

_ADVICE = {
    "str": "as text: in YAML in quotes, or with -p as it is",
    "int": "as a whole number, such as 3",
    "float": "as a number, such as 1.5",
    "bool": "as true, false, yes, no, 1 or 0",
}


def _choose(value: object, choices: tuple[Value, ...]) -> Value:
    for choice in choices:
        # The type counts where there is one: True is not 1.
        if (value == choice and type(value) is type(choice)) or (isinstance(value, str) and value == str(choice)):
            return choice
    raise ValueError("it is none of the choices")


def _quoted(value: object) -> str:
    return repr(printable(value if isinstance(value, str) else repr(value), 80))


def _unknown(name: str, known: list[str]) -> ParameterError:
    guesses = nearest(str(name), known, 1)
    if guesses:
        next_step = f"did you mean {guesses[0]}?"
    elif known:
        next_step = f"the parameters are {', '.join(known)}"
    else:
        next_step = "leave it out: this runbook has no parameters"
    return ParameterError(f"unknown parameter {_quoted(name)}", next_step=next_step)


def _misdeclared(line: int, source: str, wrong: str) -> ParameterError:
    lines = source.splitlines()
    text = lines[line - 1].strip() if line <= len(lines) else ""
    return ParameterError(
        f"line {line} of the parameters cell, {_quoted(text)}: {wrong}",
        next_step="write each line as `name: type = default  # help`, type one of str, int, float, bool, Literal[...]",
    )
