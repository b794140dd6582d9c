"""Statements: what runs for certain, what only under a condition, what ends a function or a loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from runbook_lib.migrations.reading import reader as reading
from runbook_lib.migrations.reading.acts import TRIED
from runbook_lib.migrations.reading.binding import bind
from runbook_lib.migrations.reading.branches import chosen_branch, chosen_case, merged
from runbook_lib.migrations.reading.sequences import block, sequence, shown
from runbook_lib.migrations.reading.sequences import body as run_body
from runbook_lib.migrations.reading.syntax import children, text
from runbook_lib.migrations.reading.values import Collection, Dynamic, Value

if TYPE_CHECKING:
    from tree_sitter import Node

    from runbook_lib.migrations.reading.reader import Reader

UNROLL_LIMIT = 500


def _expression(reader: Reader, node: Node) -> int:
    for child in children(node):
        if child.type == "throw_expression":
            reader.value(child)
            return reading.THROW
        reader.value(child)
    return reading.NEXT


def _foreach(reader: Reader, node: Node) -> int:
    parts = children(node)
    body = node.child_by_field_name("body")
    if len(parts) < 2 or body is None:
        reader.unread(node, "this loop is not understood")
        return reading.NEXT
    over = reader.value(parts[0])
    if isinstance(over, Collection):
        over = over.items
    if isinstance(over, dict) and len(over) <= UNROLL_LIMIT:
        ended = _unrolled(reader, over, parts[1], body)
        _forget_walked(reader, parts[0], parts[1])
        return ended
    kind = over.kind if isinstance(over, Dynamic) else "rows"
    words = shown(parts[0])
    before = dict(reader.scope)
    with reader.guarded(f"for each of {words}"):
        forget_assigned(reader, body)
        _bind_pair(reader, parts[1], Dynamic(f"each of {words}", kind), Dynamic("the key", "pure"))
        ended = run_body(reader, body)
    reader.scope = merged(before, reader.scope)
    return (ended & reading.RETURN) | reading.NEXT


def _forget_walked(reader: Reader, over: Node, target: Node) -> None:
    """A loop by reference may have set the elements that it walked over."""
    item = children(target)[-1] if target.type == "pair" else target
    if item.type == "by_ref" and over.type in {"variable_name", "member_access_expression"}:
        bind(reader, over, Dynamic(text(over)))


def _unrolled(reader: Reader, over: dict[Value, Value], target: Node, body: Node) -> int:
    left = 0
    depth = len(reader.guards)
    for key, item in over.items():
        _bind_pair(reader, target, item, key)
        ended = run_body(reader, body)
        left |= ended & reading.RETURN
        if not ended & reading.NEXT and not ended & reading.BREAK:
            break
        if ended & (reading.RETURN | reading.BREAK):
            reader.guards.append("the loop was not left before")
    del reader.guards[depth:]
    return left | reading.NEXT


def _bind_pair(reader: Reader, target: Node, item: Value, key: Value) -> None:
    if target.type == "pair":
        names = children(target)
        bind(reader, names[0], key)
        bind(reader, names[1], item)
    else:
        bind(reader, target, item)


def forget_assigned(reader: Reader, body: Node) -> None:
    """Before a loop's body is read once: what it assigns may hold anything from an earlier round."""
    waiting = [body]
    while waiting:
        node = waiting.pop()
        if node.type in {"assignment_expression", "augmented_assignment_expression", "update_expression"}:
            left = node.child_by_field_name("left") or node.child_by_field_name("argument")
            while left is not None and left.type == "subscript_expression":
                left = children(left)[0]
            if left is not None and left.type == "variable_name":
                name = text(left)[1:]
                if name in reader.scope:
                    reader.scope[name] = Dynamic(f"${name}")
        waiting += node.named_children


def _loop(reader: Reader, node: Node) -> int:
    """while, do and for: the body is read once, under the condition that it is reached."""
    before = dict(reader.scope)
    for child in children(node):
        if child != node.child_by_field_name("body") and child.type != "compound_statement":
            forget_assigned(reader, node)
            reader.value(child)
    body = node.child_by_field_name("body")
    ended = reading.NEXT
    if body is not None:
        with reader.guarded(f"in the loop of line {node.start_point[0] + 1}"):
            forget_assigned(reader, node)
            ended = run_body(reader, body)
    reader.scope = merged(before, reader.scope)
    return (ended & reading.RETURN) | reading.NEXT


def _try(reader: Reader, node: Node) -> int:
    body = node.child_by_field_name("body")
    catches = [child for child in children(node) if child.type == "catch_clause"]
    before = dict(reader.scope)
    ended = 0
    with reader.guarded(*([TRIED] if catches else [])):
        ended |= block(reader, body) if body is not None else reading.NEXT
    reader.scope = merged(before, reader.scope) if catches else reader.scope
    for clause in catches:
        inner = clause.child_by_field_name("body")
        name = clause.child_by_field_name("name")
        with reader.guarded("if it failed in try"):
            if name is not None:
                reader.scope[text(name)[1:]] = Dynamic(text(name), "pure")
            ended |= block(reader, inner) if inner is not None else reading.NEXT
    for clause in children(node):
        if clause.type == "finally_clause":
            sequence(reader, [c for inner in children(clause) for c in children(inner)])
    return ended


def _return(reader: Reader, node: Node) -> int:
    for child in children(node):
        reader.value(child)
    return reading.RETURN


def _break(reader: Reader, node: Node) -> int:
    return reading.BREAK


def _goto(reader: Reader, node: Node) -> int:
    reader.unread(node, "where goto leads is not followed")
    return reading.NEXT


def _label(reader: Reader, node: Node) -> int:
    return reading.NEXT


def _values(reader: Reader, node: Node) -> int:
    for child in children(node):
        reader.value(child)
    return reading.NEXT


def _nothing(reader: Reader, node: Node) -> int:
    return reading.NEXT


def _unset(reader: Reader, node: Node) -> int:
    for child in children(node):
        bind(reader, child, Dynamic("unset"))
    return reading.NEXT


def _static(reader: Reader, node: Node) -> int:
    for declaration in children(node):
        name = declaration.child_by_field_name("name")
        if name is not None:
            reader.scope[text(name)[1:]] = Dynamic(text(name))
    return reading.NEXT


STATEMENTS: dict[str, Callable[[Reader, Node], int]] = {
    "compound_statement": block,
    "expression_statement": _expression,
    "if_statement": chosen_branch,
    "foreach_statement": _foreach,
    "for_statement": _loop,
    "while_statement": _loop,
    "do_statement": _loop,
    "switch_statement": chosen_case,
    "try_statement": _try,
    "return_statement": _return,
    "break_statement": _break,
    "continue_statement": _break,
    "goto_statement": _goto,
    "named_label_statement": _label,
    "echo_statement": _values,
    "empty_statement": _nothing,
    "comment": _nothing,
    "unset_statement": _unset,
    "function_static_declaration": _static,
}
