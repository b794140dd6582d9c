"""Statements: what runs for certain, what only under a condition, what ends a function or a loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import TYPE_CHECKING

from runbook_lib.command import printable
from runbook_lib.migrations.reading import reader as reading
from runbook_lib.migrations.reading.acts import Expected
from runbook_lib.migrations.reading.expressions import bind
from runbook_lib.migrations.reading.operators import combined
from runbook_lib.migrations.reading.syntax import children, text
from runbook_lib.migrations.reading.values import ByDriver, Collection, Dynamic, Value, expected, truth

if TYPE_CHECKING:
    from tree_sitter import Node

    from runbook_lib.migrations.reading.reader import Reader

UNROLL_LIMIT = 500
# The guard of a try with a catch: what is in it was done, or failed on the way.
TRIED = "it did not fail in try"


def _shown(node: Node) -> str:
    return printable(" ".join(text(node).split()), 100)


def _block(reader: Reader, node: Node) -> int:
    return _sequence(reader, children(node))


def _sequence(reader: Reader, nodes: list[Node]) -> int:
    left = 0
    depth, drivers = len(reader.guards), reader.drivers
    try:
        for node in nodes:
            ended = reader.run(node)
            left |= ended & ~reading.NEXT
            if not ended & reading.NEXT:
                return left
            if ended & (reading.RETURN | reading.BREAK):
                reader.guards.append(f"it was not left before, in line {node.start_point[0] + 1}")
        return left | reading.NEXT | (reading.RETURN if reader.drivers != drivers else 0)
    finally:
        reader.drivers = drivers
        del reader.guards[depth:]


def _expression(reader: Reader, node: Node) -> int:
    for child in children(node):
        if child.type == "throw_expression":
            reader.value(child)
            return reading.THROW
        reader.value(child)
    return reading.NEXT


def _if(reader: Reader, node: Node) -> int:
    rest = [child for child in children(node) if child.type in {"else_if_clause", "else_clause"}]
    return _either(reader, node, rest)


def _either(reader: Reader, node: Node, rest: list[Node]) -> int:
    """An if or elseif, and what is done otherwise."""
    condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
    if condition is None or body is None:
        reader.unread(node, "this condition is not understood")
        return reading.NEXT
    return _decided(reader, reader.value(condition), _shown(condition), body, rest)


def _decided(reader: Reader, asked: Value, words: str, body: Node, rest: list[Node]) -> int:
    """The body, what is done otherwise, or both under conditions; on each driver alone where they differ."""
    if isinstance(asked, ByDriver):
        return _on_drivers(reader, _answers(reader, asked, words, body, rest))
    known, likely = truth(asked), expected(asked)
    if known is True:
        return _body(reader, body)
    if known is False:
        return _otherwise(reader, rest)
    scope = dict(reader.scope)
    with reader.guarded(Expected(f"if {words}") if likely is True else f"if {words}"):
        ended = _body(reader, body)
    taken, reader.scope = reader.scope, scope
    with reader.guarded(Expected(f"unless {words}") if likely is False else f"unless {words}"):
        other = _otherwise(reader, rest)
    reader.scope = merged(taken, reader.scope)
    return ended | other if likely is None else (ended if likely else other) | reading.NEXT


def _answers(
    reader: Reader, asked: ByDriver, words: str, body: Node, rest: list[Node]
) -> list[tuple[frozenset[str], Callable[[], int]]]:
    """A condition on the drivers, those together that answer it alike."""
    groups: dict[tuple[bool | None, bool | None], set[str]] = {}
    for driver in sorted(reader.drivers):
        value = asked.on(driver)
        groups.setdefault((truth(value), expected(value)), set()).add(driver)
    return [
        (frozenset(drivers), partial(_decided, reader, asked.on(min(drivers)), words, body, rest))
        for drivers in groups.values()
    ]


def _on_drivers(reader: Reader, ways: Sequence[tuple[frozenset[str], Callable[[], int]]]) -> int:
    """Each way is taken, on its drivers. One that leaves is no question for what follows on the others."""
    scope, ended, left = dict(reader.scope), 0, frozenset[str]()
    taken: list[dict[str, Value]] = []
    for chosen, run in ways:
        if not chosen:
            continue
        reader.scope = dict(scope)
        with reader.on(chosen):
            end = run()
        if end == reading.RETURN:
            left |= chosen
            continue
        ended |= end
        if end & reading.NEXT:
            taken.append(reader.scope)
    if not taken:
        return ended | (reading.RETURN if left else 0)
    reader.scope = reduce(merged, taken)
    if left:
        reader.leave(left)
    return ended


def merged(one: dict[str, Value], other: dict[str, Value]) -> dict[str, Value]:
    """The variables after two ways met: what differs is known only when the migration runs."""
    return {
        name: one[name] if name in one and name in other and one[name] == other[name] else Dynamic(f"${name}")
        for name in {**one, **other}
    }


def _otherwise(reader: Reader, rest: list[Node]) -> int:
    if not rest:
        return reading.NEXT
    first = rest[0]
    if first.type == "else_clause":
        inner = children(first)
        return _sequence(reader, children(inner[0]) if [c.type for c in inner] == ["colon_block"] else inner)
    return _either(reader, first, rest[1:])


def _body(reader: Reader, node: Node) -> int:
    """The body of a condition or loop: a block, one statement, or the statements after a colon."""
    return _block(reader, node) if node.type in {"compound_statement", "colon_block"} else reader.run(node)


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
        return _unrolled(reader, over, parts[1], body)
    kind = over.kind if isinstance(over, Dynamic) else "rows"
    words = _shown(parts[0])
    before = dict(reader.scope)
    with reader.guarded(f"for each of {words}"):
        forget_assigned(reader, body)
        _bind_pair(reader, parts[1], Dynamic(f"each of {words}", kind), Dynamic("the key", "pure"))
        ended = _body(reader, body)
    reader.scope = merged(before, reader.scope)
    return (ended & reading.RETURN) | reading.NEXT


def _unrolled(reader: Reader, over: dict[Value, Value], target: Node, body: Node) -> int:
    left = 0
    depth = len(reader.guards)
    for key, item in over.items():
        _bind_pair(reader, target, item, key)
        ended = _body(reader, body)
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
            ended = _body(reader, body)
    reader.scope = merged(before, reader.scope)
    return (ended & reading.RETURN) | reading.NEXT


def _switch(reader: Reader, node: Node) -> int:
    condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
    words = _shown(condition) if condition is not None else ""
    asked = reader.value(condition) if condition is not None else None
    cases = children(body) if body is not None else []
    if isinstance(asked, ByDriver):
        return _on_drivers(reader, _cases_by_driver(reader, cases, asked, words))
    return _cases(reader, cases, asked, words)


def _cases(reader: Reader, cases: list[Node], asked: Value, words: str) -> int:
    if isinstance(asked, str) and (chosen := _chosen_case(cases, asked)) is not None:
        return _case(reader, chosen)
    ended, falls = reading.NEXT, False
    before = dict(reader.scope)
    for case in cases:
        statements = children(case)
        value = case.child_by_field_name("value")
        likely: bool | None = None
        if value is not None:
            answer = combined(case, "==", asked, reader.value(value))
            statements = [child for child in statements if child != value]
            if truth(answer) is False and not falls:
                continue
            likely = expected(answer)
        guard = f"if {words} is {_shown(value) if value is not None else 'something else'}"
        with reader.guarded(Expected(guard) if likely else guard):
            end = _sequence(reader, statements)
        falls = bool(end & reading.NEXT)
        ended |= end & reading.RETURN
        reader.scope = merged(before, reader.scope)
    return ended


def _case(reader: Reader, nodes: list[Node]) -> int:
    ended = _sequence(reader, nodes)
    return ended & ~reading.BREAK | reading.NEXT if ended & reading.BREAK else ended


def _cases_by_driver(
    reader: Reader, cases: list[Node], asked: ByDriver, words: str
) -> list[tuple[frozenset[str], Callable[[], int]]]:
    """The cases that run on the drivers, those together whose cases are the same."""
    groups: dict[tuple[int, ...] | str, tuple[set[str], Callable[[], int]]] = {}
    for driver in sorted(reader.drivers):
        value = asked.on(driver)
        nodes = _chosen_case(cases, value) if isinstance(value, str) else None
        if nodes is None:
            groups[driver] = ({driver}, partial(_cases, reader, cases, value, words))
        else:
            key = tuple(node.id for node in nodes)
            groups.setdefault(key, (set(), partial(_case, reader, nodes)))[0].add(driver)
    return [(frozenset(drivers), run) for drivers, run in groups.values()]


def _chosen_case(cases: list[Node], asked: str) -> list[Node] | None:
    """The statements that run for a known value, up to the first break; None when a case is no plain string."""
    values = [case.child_by_field_name("value") for case in cases]
    if any(value is not None and value.type not in {"string", "encapsed_string"} for value in values):
        return None
    if any(value is not None and len(children(value)) > 1 for value in values):
        return None
    names = [text(value)[1:-1] if value is not None else None for value in values]
    start = names.index(asked) if asked in names else names.index(None) if None in names else len(cases)
    found: list[Node] = []
    for case, value in zip(cases[start:], values[start:], strict=True):
        for statement in children(case):
            if statement.type == "break_statement":
                return found
            if statement != value:
                found.append(statement)
    return found


def _try(reader: Reader, node: Node) -> int:
    body = node.child_by_field_name("body")
    catches = [child for child in children(node) if child.type == "catch_clause"]
    before = dict(reader.scope)
    ended = 0
    with reader.guarded(*([TRIED] if catches else [])):
        ended |= _block(reader, body) if body is not None else reading.NEXT
    reader.scope = merged(before, reader.scope) if catches else reader.scope
    for clause in catches:
        inner = clause.child_by_field_name("body")
        name = clause.child_by_field_name("name")
        with reader.guarded("if it failed in try"):
            if name is not None:
                reader.scope[text(name)[1:]] = Dynamic(text(name), "pure")
            ended |= _block(reader, inner) if inner is not None else reading.NEXT
    for clause in children(node):
        if clause.type == "finally_clause":
            _sequence(reader, [c for inner in children(clause) for c in children(inner)])
    return ended


def _return(reader: Reader, node: Node) -> int:
    for child in children(node):
        reader.value(child)
    return reading.RETURN


def _break(reader: Reader, node: Node) -> int:
    return reading.BREAK


def _goto(reader: Reader, node: Node) -> int:
    """Forward, it leaves what is between; what follows its label stays in doubt as well. Backward, it is a loop."""
    label = text(children(node)[0]) if children(node) else ""
    if label in reader.labels:
        reader.unread(node, "it goes back")
    return reading.RETURN | reading.NEXT


def _label(reader: Reader, node: Node) -> int:
    reader.labels.add(text(children(node)[0]))
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
    "compound_statement": _block,
    "expression_statement": _expression,
    "if_statement": _if,
    "foreach_statement": _foreach,
    "for_statement": _loop,
    "while_statement": _loop,
    "do_statement": _loop,
    "switch_statement": _switch,
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
