"""Statements one after another, and how they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook_lib.command import printable
from runbook_lib.migrations.reading import reader as reading
from runbook_lib.migrations.reading.syntax import children, text

if TYPE_CHECKING:
    from tree_sitter import Node

    from runbook_lib.migrations.reading.reader import Reader


def shown(node: Node) -> str:
    return printable(" ".join(text(node).split()), 100)


def block(reader: Reader, node: Node) -> int:
    return sequence(reader, children(node))


def sequence(reader: Reader, nodes: list[Node]) -> int:
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


def body(reader: Reader, node: Node) -> int:
    """The body of a condition or loop: a block, one statement, or the statements after a colon."""
    return block(reader, node) if node.type in {"compound_statement", "colon_block"} else reader.run(node)
