"""PHP source to syntax tree: tree-sitter, and where things are in a migration's file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

SIZE_LIMIT = 4_000_000
SKIPPED = {"comment", "php_tag", "text_interpolation", "php_end_tag"}
_DECLARATIONS = {
    "namespace_use_declaration", "namespace_definition", "declare_statement", "class_declaration", "trait_declaration",
    "interface_declaration", "enum_declaration", "function_definition", "const_declaration", "empty_statement",
}  # fmt: skip
_PREFIX = re.compile(r"^\d{4}_\d{2}_\d{2}_\d{6}_|^\d+_")
# The usual form: one class, under its own name.
_USED = re.compile(r"use\s+\\?((?:\w+\\)*(\w+))\s*;")


class UnreadableError(Exception):
    """The file is no migration that can be read; the message says why, in words for a reader."""


@dataclass
class MigrationClass:
    """A migration's class as it is written."""

    parent: str
    methods: dict[str, Node] = field(default_factory=dict)
    properties: dict[str, Node | None] = field(default_factory=dict)
    constants: dict[str, Node] = field(default_factory=dict)
    traits: list[str] = field(default_factory=list)


@dataclass
class File:
    """A migration's file. imports: what a short class name stands for. loose: statements outside of the class.
    functions: names that it defines or imports, which are not PHP's."""

    migration: MigrationClass
    imports: dict[str, str]
    loose: list[Node]
    functions: frozenset[str] = frozenset()

    def resolve(self, name: str) -> str:
        """A class name as PHP resolves it, without the leading backslash."""
        if name.startswith("\\"):
            return name[1:]
        head, _, rest = name.partition("\\")
        full = self.imports.get(head.lower(), head)
        return f"{full}\\{rest}" if rest else full


@cache
def parser() -> Parser:
    import tree_sitter_php
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_php.language_php()))


def text(node: Node) -> str:
    raw = node.text  # each asking copies it
    return raw.decode("utf-8", "replace") if raw else ""


def line(node: Node) -> int:
    return int(node.start_point[0]) + 1


def children(node: Node) -> list[Node]:
    """The named children, without comments (the grammar's extras)."""
    return [child for child in node.named_children if not child.is_extra]


def read_file(name: str, source: bytes) -> File:
    """The migration in a file. UnreadableError when there is none that can be read."""
    root = _root(source)
    imports: dict[str, str] = {}
    classes: dict[str, Node] = {}
    loose: list[Node] = []
    functions: set[str] = set()
    for node in _top(root):
        if node.type == "namespace_use_declaration":
            said = text(node)
            if plain := _USED.fullmatch(said):
                imports[plain[2].lower()] = plain[1]
                continue
            imports.update(_imports(node, said))
            functions.update(_imported_functions(said))
        elif node.type == "function_definition":
            functions.add(text(_field(node, "name")).lower())
        elif node.type == "class_declaration":
            classes[text(_field(node, "name"))] = node
        elif node.type == "return_statement" and (found := _anonymous(node)) is not None:
            classes[""] = found
        elif node.type not in _DECLARATIONS:
            loose.append(node)
    return File(_read_class(_chosen(name, classes)), imports, loose, frozenset(functions))


def _root(source: bytes) -> Node:
    if not source.strip():
        raise UnreadableError("the file is empty")
    if len(source) > SIZE_LIMIT:
        raise UnreadableError(f"the file has {len(source):,} bytes, more than is read ({SIZE_LIMIT:,})")
    if b"\0" in source:
        raise UnreadableError("the file is binary")
    if b"<?" not in source:
        raise UnreadableError("the file is not PHP")
    root = parser().parse(source).root_node
    if root.has_error:
        wrong = _first_error(root)
        raise UnreadableError(f"syntax error in line {line(wrong)}")
    return root


def _first_error(node: Node) -> Node:
    while not (node.is_error or node.is_missing):
        node = next((child for child in node.children if child.has_error or child.is_missing), node)
        if not node.has_error:
            break
        if not any(child.has_error or child.is_missing for child in node.children):
            break
    return node


def _top(root: Node) -> Iterator[Node]:
    for node in children(root):
        if node.type in SKIPPED:
            continue
        body = node.child_by_field_name("body") if node.type == "namespace_definition" else None
        if body is not None:
            yield from children(body)
        else:
            yield node


def _field(node: Node, name: str) -> Node:
    found = node.child_by_field_name(name)
    if found is None:
        raise UnreadableError(f"a {node.type} without {name} in line {line(node)}")
    return found


def _anonymous(node: Node) -> Node | None:
    """The class in `return new class ... { }`."""
    for child in children(node):
        if child.type == "parenthesized_expression":
            return _anonymous(child)
        if child.type == "object_creation_expression":
            return next((inner for inner in children(child) if inner.type == "anonymous_class"), None)
    return None


def _imports(node: Node, said: str) -> Iterator[tuple[str, str]]:
    if re.match(r"use\s+(?:function|const)\s", said):
        return
    prefix = ""
    clauses = children(node)
    for child in clauses:
        if child.type == "namespace_name":
            prefix = text(child) + "\\"
    for clause in (
        clauses if not prefix else [c for g in clauses if g.type == "namespace_use_group" for c in children(g)]
    ):
        if clause.type != "namespace_use_clause":
            continue
        alias = clause.child_by_field_name("alias")
        full = prefix + text(children(clause)[0]).lstrip("\\")
        yield (text(alias) if alias is not None else full.rsplit("\\", 1)[-1]).lower(), full


def _imported_functions(said: str) -> Iterator[str]:
    if re.search(r"\bfunction\s", said):
        for word in re.findall(r"(\w+)\s*(?=[,;}])", said):
            yield word.lower()


def _chosen(name: str, classes: dict[str, Node]) -> Node:
    """The class that Laravel would take: the anonymous one, else the one named as the file is."""
    if not classes:
        raise UnreadableError("there is no class in the file")
    if "" in classes:
        return classes[""]
    words = _PREFIX.sub("", name.rsplit("/", 1)[-1].removesuffix(".php"))
    studly = re.sub(r"[-_ ]", "", words).lower()
    for title, node in classes.items():
        if title.lower() == studly:
            return node
    extending = [node for node in classes.values() if any(c.type == "base_clause" for c in children(node))]
    if len(extending) == 1:
        return extending[0]
    raise UnreadableError(f"which of its classes is the migration cannot be told: {', '.join(classes)}")


def _read_class(node: Node) -> MigrationClass:
    base = next((child for child in children(node) if child.type == "base_clause"), None)
    found = MigrationClass(text(children(base)[0]) if base is not None and children(base) else "")
    for member in children(_field(node, "body")):
        if member.type == "method_declaration":
            found.methods[text(_field(member, "name")).lower()] = member
        elif member.type == "property_declaration":
            for element in children(member):
                if element.type == "property_element":
                    name = text(_field(element, "name")).lstrip("$")
                    found.properties[name] = element.child_by_field_name("default_value")
        elif member.type == "const_declaration":
            for element in children(member):
                if element.type == "const_element":
                    key, value = children(element)[:2]
                    found.constants[text(key)] = value
        elif member.type == "use_declaration":
            found.traits += [text(child) for child in children(member) if child.type in {"name", "qualified_name"}]
    return found
