"""What PHP's operators make of values that are known."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from runbook_lib.migrations.reading.syntax import text
from runbook_lib.migrations.reading.values import (
    ByDriver,
    Dynamic,
    Value,
    by_driver,
    expected,
    is_literal,
    shown,
    truth,
)

if TYPE_CHECKING:
    from tree_sitter import Node


def php_text(value: Value) -> str:
    """A literal as PHP puts it into a string."""
    if value is None or value is False:
        return ""
    return "1" if value is True else str(value)


_ARITHMETIC: dict[str, Callable[[Any, Any], Value]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
    "**": lambda a, b: a**b if 0 <= b <= 64 and abs(a) <= 1024 else Dynamic("a power", "pure"),
    "<<": lambda a, b: a << b if 0 <= b <= 64 else Dynamic("a number", "pure"),
    "<": lambda a, b: a < b, ">": lambda a, b: a > b, "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def _number(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# The kind of a value that is the name of a connection of the driver that follows.
CONNECTION = "connection "
_DRIVERS = {"mysql", "mariadb", "pgsql", "sqlite", "sqlsrv"}


def _named_connection(node: Node, operator: str, one: Value, other: Value) -> Value:
    """A connection may have any name, and that of another driver least of all; its own driver's is the usual one."""
    name, connection = (one, other) if isinstance(one, str) else (other, one)
    driver = connection.kind.removeprefix(CONNECTION)
    equal = operator in {"==", "==="}
    if name in _DRIVERS and {name, driver} != {"mysql", "mariadb"} and name != driver:
        return not equal
    return Dynamic(text(node)[:200], "pure", never_null=True, expected=equal if name == driver else None)


def equal_loosely(one: Value, other: Value) -> bool | None:
    """one == other, where both are of one type and no numbers in strings, which PHP takes for numbers."""
    if type(one) is not type(other) or not is_literal(one):
        return None
    if isinstance(one, str) and one != other and any(text[:1] in "0123456789+-. \t\n" for text in (one, other)):
        return None
    return bool(one == other)


def _is_connection(one: Value, other: Value) -> bool:
    return any(
        isinstance(a, str) and isinstance(b, Dynamic) and b.kind.startswith(CONNECTION)
        for a, b in ((one, other), (other, one))
    )


def combined(node: Node, operator: str, one: Value, other: Value) -> Value:
    if isinstance(one, ByDriver) or isinstance(other, ByDriver):
        return by_driver(partial(combined, node, operator), one, other)
    if operator in {"==", "===", "!=", "!=="} and _is_connection(one, other):
        return _named_connection(node, operator, one, other)
    if operator in _ARITHMETIC and _number(one) and _number(other):
        return _ARITHMETIC[operator](one, other)
    literal = is_literal(one) and is_literal(other)
    if operator == "." and literal:
        return php_text(one) + php_text(other)
    if operator in {"===", "!=="} and literal:
        return (type(one) is type(other) and one == other) == (operator == "===")
    if operator in {"==", "!=", "<>"} and equal_loosely(one, other) is not None:
        return (one == other) == (operator == "==")
    if operator in {"&&", "and"} and truth(one) is not None and truth(other) is not None:
        return bool(truth(one) and truth(other))
    if operator in {"||", "or"} and truth(one) is not None and truth(other) is not None:
        return bool(truth(one) or truth(other))
    if operator == "??" and is_literal(one) and one is not None:
        return one
    fixed = all(is_literal(value) or (isinstance(value, Dynamic) and value.fixed) for value in (one, other))
    shown_text = shown(one) + shown(other) if operator == "." else text(node)[:200]
    likely = _likely(operator, one, other)
    return Dynamic(shown_text, "pure", fixed, never_null=operator != "??", expected=likely)


def negated(node: Node, value: Value) -> Value:
    """!value"""
    known, likely = truth(value), expected(value)
    if known is not None:
        return not known
    return Dynamic(text(node)[:200], "pure", never_null=True, expected=None if likely is None else not likely)


def _likely(operator: str, one: Value, other: Value) -> bool | None:
    """What the migrations before say of a condition of two parts."""
    found = {expected(one), expected(other)}
    if operator in {"&&", "and"}:
        return False if False in found else None if None in found else True
    if operator in {"||", "or"}:
        return True if True in found else None if None in found else False
    return None
