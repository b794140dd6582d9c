"""Where the kind of database alone decides: which way is taken on which driver."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from runbook_lib.migrations.reading.syntax import children
from runbook_lib.migrations.reading.values import ByDriver, Dynamic, Value, by_driver, is_literal, truth

if TYPE_CHECKING:
    from tree_sitter import Node

    from runbook_lib.migrations.reading.reader import Reader

Ways = list[tuple[Collection[str], "Node"]]


def holding(reader: Reader, asked: Value) -> frozenset[str] | None:
    """The drivers on which a condition holds; None when something else decides as well."""
    if not isinstance(asked, ByDriver):
        return None
    answers = {driver: truth(asked.on(driver)) for driver in reader.drivers}
    return None if None in answers.values() else frozenset(driver for driver, holds in answers.items() if holds)


def chosen(reader: Reader, ways: Sequence[tuple[Collection[str], Node]]) -> Value:
    """The value of the way that is taken on each driver."""
    found: dict[str, Value] = {}
    for drivers, node in ways:
        if drivers:
            with reader.on(drivers):
                value = reader.value(node)
            found |= {driver: value.on(driver) if isinstance(value, ByDriver) else value for driver in sorted(drivers)}
    held = ByDriver(tuple(sorted(found.items(), key=lambda item: item[0])))
    return by_driver(lambda one: one, held) if found else Dynamic("nothing", "pure")


def ways_of(reader: Reader, asked: Value, arms: list[Node]) -> Ways | None:
    """The arms of a match by the drivers on which they are taken; None when something else decides."""
    if not (isinstance(asked, ByDriver) or is_literal(asked)):
        return None
    left = set(reader.drivers)
    ways: Ways = []
    for arm in arms:
        given = arm.child_by_field_name("return_expression")
        tests = arm.child_by_field_name("conditional_expressions")
        if given is None:
            return None
        taken = set(left) if tests is None else set()
        for test in children(tests) if tests is not None else []:
            value = reader.value(test)
            for driver in left:
                one, other = (v.on(driver) if isinstance(v, ByDriver) else v for v in (asked, value))
                if not (is_literal(one) and is_literal(other)):
                    return None
                if type(one) is type(other) and one == other:
                    taken.add(driver)
        ways.append((frozenset(taken), given))
        left -= taken
    return ways
