"""Expressions: literals, variables, operators; calls are in calls.py."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from runbook_lib.migrations.reading import calls, classes, functions
from runbook_lib.migrations.reading.binding import bind
from runbook_lib.migrations.reading.branches import perhaps
from runbook_lib.migrations.reading.drivers import chosen, holding, ways_of
from runbook_lib.migrations.reading.operators import combined, negated, php_text
from runbook_lib.migrations.reading.strings import encapsed, heredoc, nowdoc, string
from runbook_lib.migrations.reading.syntax import children, text
from runbook_lib.migrations.reading.values import (
    ByDriver,
    Class,
    Closure,
    Connection,
    Dynamic,
    This,
    Value,
    by_driver,
    is_literal,
    shown,
    truth,
)

if TYPE_CHECKING:
    from tree_sitter import Node

    from runbook_lib.migrations.reading.reader import Reader


def _integer(reader: Reader, node: Node) -> Value:
    digits = text(node).replace("_", "").lower()
    try:
        return int(digits, 8) if re.fullmatch(r"0[0-7]+", digits) else int(digits, 0)
    except ValueError:
        return Dynamic(digits, "pure", True, True)


def _float(reader: Reader, node: Node) -> Value:
    try:
        return float(text(node).replace("_", ""))
    except ValueError:
        return Dynamic(text(node), "pure", True, True)


def _name(reader: Reader, node: Node) -> Value:
    word = text(node)
    known = {"true": True, "false": False, "null": None}
    if word.lower() in known:
        return known[word.lower()]
    return Dynamic(word, "pure", True, True)


def _variable(reader: Reader, node: Node) -> Value:
    name = text(node)[1:]
    if name == "this":
        return This()
    return reader.scope[name] if name in reader.scope else Dynamic(f"${name}")


def _named_variable(reader: Reader, node: Node) -> Value:
    """${name} in a string is $name; everywhere else the name is computed."""
    inner = children(node)
    if len(inner) == 1 and inner[0].type == "name":
        return reader.scope.get(text(inner[0]), Dynamic(text(node)))
    return reader.unread(node, "which variable it is is known only when it runs")


def _array(reader: Reader, node: Node) -> Value:
    found: dict[Value, Value] = {}
    count = 0
    for element in children(node):
        parts = children(element)
        if element.type != "array_element_initializer" or not parts:
            reader.unread(element, "this array is not understood")
            continue
        if parts[-1].type == "variadic_unpacking" or element.type == "variadic_unpacking":
            given = reader.value(children(parts[-1])[0])
            for item in given.values() if isinstance(given, dict) else [Dynamic(text(parts[-1])[:80])]:
                found[count] = item
                count += 1
        elif len(parts) == 2:
            key, value = reader.value(parts[0]), reader.value(parts[1])
            found[key if is_literal(key) else shown(key)] = value
            count = max(count, key + 1) if isinstance(key, int) else count
        else:
            found[count] = reader.value(parts[0])
            count += 1
    return found


def _parenthesized(reader: Reader, node: Node) -> Value:
    inner = children(node)
    return reader.value(inner[0]) if inner else None


def _assignment(reader: Reader, node: Node) -> Value:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None:
        return reader.unread(node, "this assignment is not understood")
    value = reader.value(right)
    bind(reader, left, value)
    return value


def _referred(reader: Reader, node: Node) -> Value:
    return reader.unread(node, "two names of one value: what either holds is not followed")


def _augmented(reader: Reader, node: Node) -> Value:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None:
        return reader.unread(node, "this assignment is not understood")
    before, given = reader.value(left), reader.value(right)
    joins = any(child.type == ".=" for child in node.children)
    if joins and is_literal(before) and is_literal(given):
        value: Value = php_text(before) + php_text(given)
    else:
        value = Dynamic(text(node)[:200], "pure")
    bind(reader, left, value)
    return value


def _update(reader: Reader, node: Node) -> Value:
    argument = node.child_by_field_name("argument")
    if argument is not None:
        bind(reader, argument, Dynamic(text(argument), "pure"))
    return Dynamic(text(node), "pure")


def _unary(reader: Reader, node: Node) -> Value:
    inner = children(node)
    value = reader.value(inner[-1]) if inner else None
    operator = node.children[0].type
    if operator == "!":
        if isinstance(value, ByDriver):
            return by_driver(lambda one: negated(node, one), value)
        return negated(node, value)
    if operator in {"-", "+"} and isinstance(value, int | float):
        return -value if operator == "-" else value
    return Dynamic(text(node)[:200], "pure", never_null=True)


def _binary(reader: Reader, node: Node) -> Value:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None:
        return reader.unread(node, "this expression is not understood")
    operator = next((child.type for child in node.children if not child.is_named), "")
    one = reader.value(left)
    if operator == "instanceof":
        drivers = _CONNECTIONS.get(text(right).rsplit("\\", 1)[-1])
        if drivers and isinstance(one, Connection) and one.name == "":
            return reader.by_driver(lambda driver: driver in drivers)
        return Dynamic(text(node)[:200], "pure")
    if operator in {"&&", "and"} and truth(one) is False:
        return False
    if operator in {"||", "or"} and truth(one) is True:
        return True
    if operator in {"&&", "and", "||", "or", "??"} and truth(one) is None:
        with perhaps(reader, f"depending on {text(left)[:80]}"):
            other = reader.value(right)
    else:
        other = reader.value(right)
    return combined(node, operator, one, other)


_CONNECTIONS = {
    "MySqlConnection": {"mysql", "mariadb"}, "MariaDbConnection": {"mariadb"}, "PostgresConnection": {"pgsql"},
    "SQLiteConnection": {"sqlite"}, "SqlServerConnection": {"sqlsrv"},
}  # fmt: skip


def _conditional(reader: Reader, node: Node) -> Value:
    condition = node.child_by_field_name("condition")
    body, other = node.child_by_field_name("body"), node.child_by_field_name("alternative")
    if condition is None or other is None:
        return reader.unread(node, "this expression is not understood")
    asked = reader.value(condition)
    known = truth(asked)
    if known is True:
        return reader.value(body) if body is not None else asked
    if known is False:
        return reader.value(other)
    drivers = holding(reader, asked)
    if drivers is not None and body is not None:
        return chosen(reader, [(drivers, body), (reader.drivers - drivers, other)])
    words = f"depending on {text(condition)[:80]}"
    with perhaps(reader, words):
        one = reader.value(body) if body is not None else asked
    with perhaps(reader, words):
        two = reader.value(other)
    if is_literal(one) and is_literal(two) and one == two and type(one) is type(two):
        return one
    solid = all(is_literal(v) and v is not None for v in (one, two))
    return Dynamic(text(node)[:200], "pure", never_null=solid)


def _match(reader: Reader, node: Node) -> Value:
    condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
    asked = reader.value(condition) if condition is not None else None
    words = text(condition)[:80] if condition is not None else ""
    arms = children(body) if body is not None else []
    ways = ways_of(reader, asked, arms)
    if ways is not None:
        return chosen(reader, ways) if ways else Dynamic(text(node)[:80], "pure")
    for arm in arms:
        given = arm.child_by_field_name("return_expression")
        tests = arm.child_by_field_name("conditional_expressions")
        with perhaps(reader, f"depending on {words}"):
            for test in children(tests) if tests is not None else []:
                reader.value(test)
            if given is not None:
                reader.value(given)
    return Dynamic(text(node)[:80], "pure")


def _subscript(reader: Reader, node: Node) -> Value:
    parts = children(node)
    held = reader.value(parts[0])
    key = reader.value(parts[1]) if len(parts) > 1 else None
    if isinstance(held, dict) and is_literal(key) and key in held:
        return held[key]
    if isinstance(held, Dynamic) and held.kind == "application":
        return functions.application({0: key})
    if isinstance(held, Dynamic):
        fixed = held.fixed and is_literal(key)
        return Dynamic(f"{held.text}[{shown(key)!r}]", held.kind, fixed)
    return Dynamic(text(node)[:200])


def _member(reader: Reader, node: Node) -> Value:
    parts = children(node)
    owner = reader.value(parts[0])
    name = text(parts[-1])
    if isinstance(owner, This):
        return _property(reader, name)
    if isinstance(owner, Dynamic):
        return Dynamic(f"{owner.text}->{name}", owner.kind, owner.fixed, owner.fixed and owner.never_null)
    return Dynamic(text(node)[:200])


def _property(reader: Reader, name: str) -> Value:
    if name not in reader.properties:
        node = reader.file.migration.properties.get(name)
        reader.properties[name] = reader.value(node) if node is not None else Dynamic(f"$this->{name}")
    return reader.properties[name]


def _class_constant(reader: Reader, node: Node) -> Value:
    parts = children(node)
    owner, name = text(parts[0]), text(parts[-1])
    if parts[0].type not in {"name", "qualified_name", "relative_scope"}:
        reader.value(parts[0])
    if name == "class":
        return Class(reader.file.resolve(owner))
    constant = reader.file.migration.constants.get(name) if owner in {"self", "static"} else None
    if constant is not None:
        return reader.value(constant)
    return Dynamic(f"{owner}::{name}", "pure", fixed=True, never_null=True)


def _static_property(reader: Reader, node: Node) -> Value:
    parts = children(node)
    if text(parts[0]) in {"self", "static"}:
        return _property(reader, text(parts[-1]).lstrip("$"))
    return Dynamic(text(node)[:200])


def _function(reader: Reader, node: Node) -> Value:
    seen: dict[str, Value] = {}
    for clause in children(node):
        if clause.type == "anonymous_function_use_clause":
            for child in children(clause):
                name = text(child).lstrip("&$")
                seen[name] = reader.scope.get(name, Dynamic(f"${name}"))
                if child.type != "variable_name":  # by reference: the closure may set it
                    reader.scope[name] = Dynamic(f"${name}", "plain")
    return Closure(node, seen)


def _arrow(reader: Reader, node: Node) -> Value:
    return Closure(node, dict(reader.scope))


def _cast(reader: Reader, node: Node) -> Value:
    value = node.child_by_field_name("value")
    given = reader.value(value) if value is not None else None
    kind = node.child_by_field_name("type")
    wanted = text(kind).lower() if kind is not None else ""
    if wanted == "string" and is_literal(given):
        return php_text(given)
    if wanted in {"bool", "boolean"} and truth(given) is not None:
        return truth(given)
    if wanted in {"array", "object"} and isinstance(given, dict | Dynamic):
        return given
    return Dynamic(text(node)[:200], "pure", never_null=True)


def _inner(reader: Reader, node: Node) -> Value:
    value: Value = None
    for child in children(node):
        value = reader.value(child)
    return value


def _throw(reader: Reader, node: Node) -> Value:
    _inner(reader, node)
    return Dynamic("thrown", "pure")


EXPRESSIONS: dict[str, Callable[[Reader, Node], Value]] = {
    "string": string,
    "encapsed_string": encapsed,
    "heredoc": heredoc,
    "nowdoc": nowdoc,
    "integer": _integer,
    "float": _float,
    "boolean": _name,
    "null": _name,
    "name": _name,
    "qualified_name": _name,
    "variable_name": _variable,
    "dynamic_variable_name": _named_variable,
    "array_creation_expression": _array,
    "parenthesized_expression": _parenthesized,
    "assignment_expression": _assignment,
    "reference_assignment_expression": _referred,
    "augmented_assignment_expression": _augmented,
    "update_expression": _update,
    "unary_op_expression": _unary,
    "binary_expression": _binary,
    "conditional_expression": _conditional,
    "match_expression": _match,
    "subscript_expression": _subscript,
    "member_access_expression": _member,
    "nullsafe_member_access_expression": _member,
    "class_constant_access_expression": _class_constant,
    "scoped_property_access_expression": _static_property,
    "anonymous_function": _function,
    "anonymous_function_creation_expression": _function,
    "arrow_function": _arrow,
    "cast_expression": _cast,
    "clone_expression": _inner,
    "error_suppression_expression": _inner,
    "print_intrinsic": _inner,
    "throw_expression": _throw,
    "sequence_expression": _inner,
    "function_call_expression": functions.function,
    "member_call_expression": calls.member,
    "nullsafe_member_call_expression": calls.member,
    "scoped_call_expression": calls.scoped,
    "object_creation_expression": classes.created,
}
