"""A file of the older release as text: which table it is about, whether it is a model, what it joins.

Nothing is parsed here: the file may be of any kind of PHP, and where the text leaves it open the answer is yes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from runbook_lib.migrations.naming import flat, is_known, is_pivot_of, is_table_of, named_in

_JOINS = re.compile(
    r"\b(?:left|right|cross|inner|straight_?)?join(?:Sub|Where|Lateral)?\s*\(|\bjoin\s+[`\"\w{$]", re.IGNORECASE
)
_BETWEEN = re.compile(r"\b(belongsToMany|morphToMany|morphedByMany|hasManyThrough|hasOneThrough)\s*\(")
_MODEL = re.compile(
    r"\bextends\s+\\?(?:\w+\\)*(?:\w*Model|Authenticatable|\w*Pivot|User)\b|\b(?:hasMany|hasOne|belongsTo)\s*\("
)
_CLASS = re.compile(r"^[^\S\n]*(abstract\s+)?(?:(?:final|readonly)\s+)*(class|trait)\s+(\w+)", re.MULTILINE)
_TABLE = re.compile(r"\$table\s*=\s*['\"]([^'\"]+)['\"]|\bfunction\s+getTable\b|\$table\s*=|#\[\w*Table\b")
# Columns that are chosen where tables are joined, or a result that has none: what is read whole may be overwritten.
_CHOSEN = re.compile(
    r"(?:->|::)(?:select\w*|addSelect|where(?:Has|Exists|In)\w*|pluck|value|count|exists|doesntExist|sum|avg|min|max|update|delete|increment"
    r"|decrement|(?:get|first|paginate|all)\s*\(\s*\[)|\bselect\s+(?!\*)",
    re.IGNORECASE,
)
# Rows that are grouped, by something else than an id.
_GROUPED = re.compile(r"->groupBy\s*\((?![^)]*\bid['\"])[^)]*,", re.IGNORECASE)
# Where queries of a model get their conditions from elsewhere.
_SCOPE = re.compile(r"\bfunction\s+scope[A-Z]|#\[Scope\b|\baddGlobalScope\s*\(|\bimplements\s+[\w\\, ]*Scope\b")


# Where a file of routes begins something new.
_TOP = re.compile(r"^(?=[^\s)\]}/*.-])", re.MULTILINE)


@dataclass
class Source:
    """A PHP file, or a part of one. path: in the repository; text: all of it; first: its first line's number;
    routine: it is a migration that makes a routine or a trigger of the database."""

    path: str
    text: str
    first: int = 1
    routine: bool = False

    @cached_property
    def parts(self) -> list[Source]:
        """What can be looked at alone: methods of a class work together, the statements of a file of routes do not."""
        if "Route::" not in self.text or _CLASS.search(self.text):
            return [self]
        starts = [0, *(match.start() for match in _TOP.finditer(self.text) if match.start()), len(self.text)]
        return [
            Source(self.path, self.text[start:end], self.first + self.text.count("\n", 0, start))
            for start, end in pairwise(starts)
        ]

    @cached_property
    def joins(self) -> bool:
        """It joins tables by itself."""
        return "oin" in self.text.lower() and _JOINS.search(self.text) is not None

    def statements(self) -> list[str]:
        """What stands between semicolons: a query from its beginning to its end."""
        return self.text.split(";")

    def joined_whole(self, table: str) -> bool:
        """It joins the table to others and reads all columns of them: of one name, the last one is what is read."""
        return self.joins and any(
            _JOINS.search(said) and not _CHOSEN.search(said) and named_in(flat(said), table)
            for said in self.statements()
        )

    def grouped_whole(self, table: str) -> bool:
        """It groups all columns of the table by some of them: those that are named, which were all of them."""
        return "groupBy" in self.text and any(
            _GROUPED.search(said) and ".*" in said and named_in(flat(said), table) for said in self.statements()
        )

    def scopes_for(self, joining: Sequence[Source]) -> bool:
        """It has conditions for the queries of its model, or of any, which one of these joins may use."""
        if not _SCOPE.search(self.text):
            return False
        models = [name for _, _, name in _CLASS.findall(self.text)] if self._model else []
        return any(not models or any(name in source.text for name in models) for source in joining)

    @cached_property
    def _flat(self) -> str:
        return flat(self.text)

    def about(self, table: str) -> bool:
        """The table, its model or a relation to it is named in some form."""
        return named_in(self._flat, table)

    @cached_property
    def _model(self) -> bool:
        return "Models/" in self.path or "Entities/" in self.path or _MODEL.search(self.text) is not None

    def may_be_model(self, table: str) -> bool:
        """It may hold the model of the table, or a part of it: a trait, a parent."""
        if not self._model or not is_known(table):
            return self._model
        if named := _TABLE.search(self.text):
            return named[1] in {None, table} or "." in named[1]
        classes = _CLASS.findall(self.text)
        # A plural, however irregular, begins with the letter of its singular.
        first = table.rpartition(".")[2][:1].lower()
        return not classes or any(
            abstract or kind == "trait" or name[:1].lower() == first for abstract, kind, name in classes
        )

    def joins_through(self, table: str, column: str) -> bool:
        """A relation here joins the table on its way: as pivot, as what lies between, or beside a pivot's column."""
        return any(
            table in names
            or any(is_table_of(table, model) for model in through)
            or any(is_pivot_of(table, model) for model in beside)
            or (column in names and any(is_table_of(table, model) for model in models))
            for names, models, through, beside in self._between
        )

    @cached_property
    def _between(self) -> list[tuple[set[str], list[str], list[str], list[str]]]:
        """Of each relation that joins: the words in it, its models, those that lie between, that with a pivot."""
        found = []
        for match in _BETWEEN.finditer(self.text):
            said = self.text[match.end() : match.end() + 400].split(";", 1)[0]
            models = re.findall(r"(\w+)::class", said)
            words = re.findall(r"['\"](\w+)['\"]", said)
            through = models[1:2] if match[1].endswith("Through") else []
            beside = models[:1] if match[1] == "belongsToMany" else []
            found.append(({*words, *(f"{word}s" for word in words)}, models, through, beside))
        return found
