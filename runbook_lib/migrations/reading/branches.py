"""Branches: what is done under a condition, otherwise, or on some kinds of databases only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, reduce
from typing import TYPE_CHECKING

from runbook_lib.migrations.reading import reader as reading
from runbook_lib.migrations.reading.acts import Expected
from runbook_lib.migrations.reading.operators import combined
from runbook_lib.migrations.reading.sequences import body as run_body
from runbook_lib.migrations.reading.sequences import sequence, shown
from runbook_lib.migrations.reading.syntax import children, text
from runbook_lib.migrations.reading.values import ByDriver, Dynamic, Value, expected, truth

if TYPE_CHECKING:
    from tree_sitter import Node

    from runbook_lib.migrations.reading.reader import Reader


def chosen_branch(reader: Reader, node: Node) -> int:
    rest = [child for child in children(node) if child.type in {"else_if_clause", "else_clause"}]
    return _either(reader, node, rest)


def _either(reader: Reader, node: Node, rest: list[Node]) -> int:
    """An if or elseif, and what is done otherwise."""
    condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
    if condition is None or body is None:
        reader.unread(node, "this condition is not understood")
        return reading.NEXT
    return _decided(reader, reader.value(condition), shown(condition), body, rest)


def _decided(reader: Reader, asked: Value, words: str, body: Node, rest: list[Node]) -> int:
    """The body, what is done otherwise, or both under conditions; on each driver alone where they differ."""
    if isinstance(asked, ByDriver):
        return _on_drivers(reader, _answers(reader, asked, words, body, rest))
    known, likely = truth(asked), expected(asked)
    if known is True:
        return run_body(reader, body)
    if known is False:
        return _otherwise(reader, rest)
    scope = dict(reader.scope)
    with reader.guarded(Expected(f"if {words}") if likely is True else f"if {words}"):
        ended = run_body(reader, body)
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


@contextmanager
def perhaps(reader: Reader, guard: str) -> Iterator[None]:
    """What is evaluated within happens only under a condition; what it sets, too."""
    before = dict(reader.scope)
    with reader.guarded(guard):
        yield
    reader.scope = merged(before, reader.scope)


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
        return sequence(reader, children(inner[0]) if [c.type for c in inner] == ["colon_block"] else inner)
    return _either(reader, first, rest[1:])


def chosen_case(reader: Reader, node: Node) -> int:
    condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
    words = shown(condition) if condition is not None else ""
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
        guard = f"if {words} is {shown(value) if value is not None else 'something else'}"
        with reader.guarded(Expected(guard) if likely else guard):
            end = sequence(reader, statements)
        falls = bool(end & reading.NEXT)
        ended |= end & reading.RETURN
        reader.scope = merged(before, reader.scope)
    return ended


def _case(reader: Reader, nodes: list[Node]) -> int:
    ended = sequence(reader, nodes)
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
