"""How Laravel names what belongs to a table: its model, relations to it, pivots."""

from __future__ import annotations

import re

# Words of the query builder in which a table called orders is not meant.
_ORDERING = re.compile(r"reorder|orderby|inorder|order_by|order\s+by")


def is_known(table: str) -> bool:
    """Whether the name of a table is told: one that is known only when it runs may be any."""
    return re.fullmatch(r"[\w.-]+", table) is not None


def flat(text: str) -> str:
    """A text in which `named_in` finds names, however they are written."""
    return _ORDERING.sub("", text.lower()).replace("_", "")


def named_in(said: str, table: str) -> bool:
    """Whether a flat text names the table, its model or a relation to it; yes where the name is not told."""
    return not is_known(table) or any(stem in said for stem in stems(table))


def stems(table: str) -> set[str]:
    """What a table's name looks like in the names of its model and of relations to it, without underscores."""
    name = table.rpartition(".")[2].lower().replace("_", "")
    found = {name, name.removesuffix("s"), name.removesuffix("es")}
    found |= {f"{name.removesuffix('ies')}y"} if name.endswith("ies") else set()
    return {stem for stem in found if len(stem) > 1} or {name}


def is_table_of(table: str, model: str) -> bool:
    """Whether a model of that name has the table, as Laravel names them."""
    return model.lower() in stems(table)


def is_pivot_of(table: str, model: str) -> bool:
    """role_user is the pivot of a User's roles: both names, in the singular."""
    parts = table.rpartition(".")[2].lower()
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", model).lower()
    return "_" in parts and (parts.startswith(f"{snake}_") or parts.endswith(f"_{snake}"))
