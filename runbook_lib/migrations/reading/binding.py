"""Assignments: what a variable, a property or an element holds from here on."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from runbook_lib.migrations.reading.syntax import children, text
from runbook_lib.migrations.reading.values import Blueprint, Dynamic, Query, This, Value, is_literal

if TYPE_CHECKING:
    from tree_sitter import Node

    from runbook_lib.migrations.reading.reader import Reader


_LISTS = {"list_literal", "array_creation_expression"}
_SET = {"variable_name", "member_access_expression", "subscript_expression"}


def forget_given(reader: Reader, call: Node, positions: Collection[int]) -> None:
    """What a call takes by reference, at these positions, holds anything afterwards."""
    listed = call.child_by_field_name("arguments")
    for position, argument in enumerate(children(listed) if listed is not None else []):
        given = children(argument)[-1] if children(argument) else argument
        if given.type in _SET and position in positions:
            bind(reader, given, Dynamic(text(given)))


def by_reference(function: Node) -> set[int]:
    """The positions of the parameters that a function takes by reference; a variadic one takes all that follow."""
    listed = function.child_by_field_name("parameters")
    found: set[int] = set()
    for position, parameter in enumerate(children(listed) if listed is not None else []):
        if any(child.type == "reference_modifier" for child in children(parameter)):
            found |= set(range(position, 100)) if parameter.type == "variadic_parameter" else {position}
    return found


def bind(reader: Reader, target: Node, value: Value) -> None:
    """Assign to a variable, a property, an element or a list of them."""
    if target.type == "variable_name":
        reader.scope[text(target)[1:]] = value
    elif target.type == "member_access_expression":
        _bind_property(reader, target, value)
    elif target.type in _LISTS:
        for child in (c for part in children(target) for c in ([part] if part.type != "pair" else children(part)[1:])):
            inner = children(child)[-1] if child.type == "array_element_initializer" else child
            if inner.type in {*_SET, *_LISTS}:
                bind(reader, inner, Dynamic(text(inner), value.kind if isinstance(value, Dynamic) else "plain"))
    elif target.type == "subscript_expression":
        _bind_element(reader, target, value)
    elif target.type in {"reference_modifier", "by_ref"}:
        bind(reader, children(target)[0], value)
    elif target.type == "scoped_property_access_expression":
        reader.unread(target, "a static property is set")
    else:
        reader.unread(target, "it is not understood what is assigned to")


def _bind_property(reader: Reader, target: Node, value: Value) -> None:
    parts = children(target)
    owner = reader.value(parts[0])
    if isinstance(owner, This):
        name = text(parts[-1])
        reader.properties[name] = Dynamic(f"$this->{name}") if reader.guards else value
    elif isinstance(owner, Blueprint | Query) or (isinstance(owner, Dynamic) and owner.kind in {"rows", "pure"}):
        return  # $table->engine = ..., $row->name = ...: nothing is written before save()
    else:
        reader.unread(target, "a property of something unknown is set")


def _bind_element(reader: Reader, target: Node, value: Value) -> None:
    parts = children(target)
    if parts[0].type != "variable_name":
        for part in parts[1:]:
            reader.value(part)
        if parts[0].type in {"subscript_expression", "member_access_expression"}:
            _forget(reader, parts[0])
        return
    name = text(parts[0])[1:]
    held = reader.scope.get(name)
    key = reader.value(parts[1]) if len(parts) > 1 else None
    if isinstance(held, dict):
        index = max([k for k in held if isinstance(k, int)], default=-1) + 1 if len(parts) == 1 else key
        if is_literal(index):
            reader.scope[name] = {**held, index: value}
            return
    reader.scope[name] = Dynamic(f"${name}", held.kind if isinstance(held, Dynamic) else "plain")


def _forget(reader: Reader, node: Node) -> None:
    """The root of $a['b']['c'] or $this->a['b'] holds something that is not followed."""
    while node.type == "subscript_expression":
        node = children(node)[0]
    if node.type == "variable_name":
        reader.scope[text(node)[1:]] = Dynamic(text(node))
    elif node.type == "member_access_expression":
        _bind_property(reader, node, Dynamic(text(node)))
