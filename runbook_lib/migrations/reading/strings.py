"""Strings: with escapes, with variables in them, over several lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runbook_lib.migrations.reading.operators import php_text
from runbook_lib.migrations.reading.syntax import text
from runbook_lib.migrations.reading.values import ByDriver, Dynamic, Value, by_driver, is_literal, shown

if TYPE_CHECKING:
    from tree_sitter import Node

    from runbook_lib.migrations.reading.reader import Reader


_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "v": "\v",
    "e": "\x1b",
    "f": "\f",
    "\\": "\\",
    "$": "$",
    '"': '"',
    "'": "'",
}


_INDENT = re.compile(r"^[ \t]*")


def string(reader: Reader, node: Node) -> Value:
    written = text(node)
    if "\\" not in written and written[:1] == "'":
        return written[1:-1]
    parts = []
    for child in node.named_children:
        if child.type == "escape_sequence":
            found = text(child)
            parts.append(found[1:] if found in {"\\\\", "\\'"} else found)
        else:
            parts.append(text(child))
    return "".join(parts)


def encapsed(reader: Reader, node: Node) -> Value:
    return _pieces(reader, node.named_children)


def _pieces(reader: Reader, nodes: list[Node]) -> Value:
    """A string with variables in it: literal when they are, else Dynamic."""
    parts: list[str] = []
    fixed = literal = True
    for child in nodes:
        if child.type == "string_content":
            parts.append(text(child))
        elif child.type == "escape_sequence":
            parts.append(_unescaped(text(child)))
        else:
            value = reader.value(child)
            if isinstance(value, ByDriver):
                return _pieces_by_driver(reader, nodes)
            literal = literal and is_literal(value)
            fixed = fixed and (is_literal(value) or (isinstance(value, Dynamic) and value.fixed))
            parts.append(php_text(value) if is_literal(value) else "{" + shown(value) + "}")
    joined = "".join(parts)
    return joined if literal else Dynamic(joined, "pure", fixed, never_null=True)


def _pieces_by_driver(reader: Reader, nodes: list[Node]) -> Value:
    """A string of which a part depends on the driver: one string a driver."""
    found = []
    before = len(reader.acts)
    for driver in sorted(reader.drivers):
        with reader.on({driver}):
            del reader.acts[before:]
            found.append((driver, _pieces_on(reader, nodes, driver)))
    return by_driver(lambda one: one, ByDriver(tuple(found)))


def _pieces_on(reader: Reader, nodes: list[Node], driver: str) -> Value:
    parts: list[Value] = []
    for child in nodes:
        if child.type == "string_content":
            parts.append(text(child))
        elif child.type == "escape_sequence":
            parts.append(_unescaped(text(child)))
        else:
            value = reader.value(child)
            parts.append(value.on(driver) if isinstance(value, ByDriver) else value)
    literal = all(is_literal(part) for part in parts)
    joined = "".join(php_text(part) if is_literal(part) else "{" + shown(part) + "}" for part in parts)
    return joined if literal else Dynamic(joined, "pure", never_null=True)


def _unescaped(sequence: str) -> str:
    if sequence[1:2] in _ESCAPES:
        return _ESCAPES[sequence[1]]
    if match := re.fullmatch(r"\\u\{([0-9A-Fa-f]{1,6})\}|\\x([0-9A-Fa-f]{1,2})", sequence):
        code = int(match[1] or match[2], 16)
        return chr(code) if code <= 0x10FFFF else sequence
    if re.fullmatch(r"\\[0-7]{1,3}", sequence):
        return chr(int(sequence[1:], 8) & 0xFF)
    return sequence


def heredoc(reader: Reader, node: Node) -> Value:
    body = node.child_by_field_name("value")
    found = _pieces(reader, body.named_children) if body is not None else ""
    return _dedent(found) if isinstance(found, str) else found


def nowdoc(reader: Reader, node: Node) -> Value:
    body = node.child_by_field_name("value")
    return _dedent(text(body)) if body is not None else ""


def _dedent(words: str) -> str:
    from textwrap import dedent

    return dedent(words).strip("\n")
