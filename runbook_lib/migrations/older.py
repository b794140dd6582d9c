"""Older code against names that are new in the schema: where a name that it uses already gets another meaning.

A column that older code does not know is safe, except where its name means something there: Eloquent prefers a column
to a relation of the same name (HasAttributes::getAttribute, Laravel 8 to 13), a name without its table becomes
ambiguous in a join, GROUP BY prefers a column to an alias, and an INSERT without a list of columns no longer fits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from runbook_lib.command import printable
from runbook_lib.migrations.assessment import Reference
from runbook_lib.migrations.source import POSITIONAL, Source, copied
from runbook_lib.migrations.words import words

Sources = Callable[[Collection[str]], Mapping[str, str]]
"""Given words, the PHP files of the older release that name one of them as a word: texts by their paths."""

NOT_GIVEN = (
    "the older release's code was not given: whether it uses the name of a new column or table for something of its "
    "own (a relation, an alias, a name without its table in a join) was not looked at"
)

# What joins, unites and inserts: looked for whatever the new names are.
_AROUND = words(
    """
    belongsToMany morphToMany morphedByMany hasManyThrough hasOneThrough join leftJoin rightJoin crossJoin joinSub
    leftJoinSub joinWhere leftJoinWhere JOIN union unionAll insertUsing insert INSERT toArray getAttributes
    attributesToArray getOriginal getRawOriginal natural NATURAL
    """
)
_EMPTYING = {"truncate", "TRUNCATE"}
_COUNTED = re.compile(r"(\w+?)_(?:count|exists|(?:sum|avg|min|max)_\w+)")
_QUERY = (
    r"(?:where\w*|orWhere\w*|orderBy\w*|groupBy\w*|select\w*|addSelect|pluck|sum|max|min|avg|value|latest|oldest|having\w*"
    r"|raw|increment|decrement|update|firstWhere|get)"
)


@dataclass(frozen=True)
class Clash:
    """Older code that uses a new name in its own sense. why: what becomes of it."""

    why: str
    places: tuple[Reference, ...]


def words_for(columns: Collection[str], others: Collection[str]) -> list[str]:
    """What has to be searched for to find every clash with new columns, and with tables, keys and indexes."""
    names = {word for column in columns for word in _words(column)}
    return sorted(names | (_AROUND if columns else set()) | set(others) | (_EMPTYING if others else set()))


def _studly(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[_\-\s]", name))


def _camel(name: str) -> str:
    studly = _studly(name)
    return studly[:1].lower() + studly[1:]


def _words(column: str) -> set[str]:
    studly = _studly(column)
    counted = _COUNTED.fullmatch(column)
    related = {counted[1], _camel(counted[1])} if counted else set()
    return {column, f"get{studly}Attribute", f"set{studly}Attribute", _camel(column)} | related


_LENGTH = re.compile(r"\bdefaultStringLength\s*\(\s*(\d*)")


def string_length(sources: Sources | None) -> int:
    """The length of a string for which none is given: 255, or what the application says; 0 when it cannot be told."""
    if sources is None:
        return 0
    texts = sources(["defaultStringLength"]).values()
    return min((int(said or 0) for text in texts for said in _LENGTH.findall(text)), default=255)


class Older:
    """The files of the older release that may matter, each looked at once."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._sources = [Source(path, text) for path, text in sorted(files.items())]
        self._inserts: dict[str, tuple[Reference, ...]] = {}
        self._copies: dict[str, tuple[Reference, ...]] = {}

    def clash(self, table: str, column: str) -> Clash | None:
        """The first sense in which older code uses the name of a column that is new in a table."""
        forms = _words(column)
        naming = [source for source in self._sources if any(form in source.text for form in forms)]
        for why, found in (
            (f"its model has a member of that name, whose place the column {column} takes", _members),
            (f"it asks whether there is a column {column}, and goes another way now", _asked),
            (f"it uses {column} without its table where tables are joined", self._ambiguous),
            (f"it gives the name {column} to a result, whose place the column may take", _named),
        ):
            if naming and (places := tuple(found(table, column, naming))):
                return _clash(why, places)
        if places := self._positional(table):
            return _clash(f"it inserts into {table}, unites its rows or joins them, without naming columns", places)
        if places := self._copied(table):
            return _clash(f"it writes whole rows of {table} to where there may be no such column", places)
        return None

    def clash_of_table(self, table: str) -> Clash | None:
        """Older code that asks whether there is such a table."""
        pattern = re.compile(rf"\bhasTable\s*\(\s*['\"]{re.escape(table)}['\"]")
        places = tuple(_lines(table, self._sources, pattern))
        return _clash(f"it asks whether there is a table {table}, and goes another way now", places) if places else None

    def clash_of_index(self, index: str) -> Clash | None:
        """Older code that names an index: FORCE INDEX, ON CONFLICT ON CONSTRAINT, messages of the database."""
        places = tuple(_lines(index, self._sources, re.compile(rf"\b{re.escape(index)}\b", re.I)))
        return _clash(f"it names the index {index}", places) if places else None

    def clash_of_parent(self, table: str) -> Clash | None:
        """Older code that empties a table which a new key refers to: MySQL and PostgreSQL refuse to TRUNCATE it."""
        about = [part for source in self._sources for part in source.parts if part.about(table)]
        places = tuple(_lines(table, about, re.compile(r"(?:->|::)truncate\s*\(|\btruncate\s+[`\"\w]", re.I)))
        return _clash(f"it truncates {table}, which a new foreign key refers to", places) if places else None

    def _ambiguous(self, table: str, column: str, naming: list[Source]) -> Iterator[Reference]:
        """Where names are joined: in this file, by a scope of the model, or by relations through the table."""
        name = re.escape(column)
        read = re.compile(rf"(?<![\w.$:\\]){name}\b(?!\s*\()")
        asked = re.compile(rf"\b{_QUERY}\s*\([^;{{]{{0,300}}?['\"`\s(,]{name}['\"`\s),]", re.I)
        everywhere = any(source.joins_through(table, column) for source in self._sources)
        scoped = any(source.joins and source.may_be_model(table) for source in self._sources)
        for source in naming:
            if source.joins and (source.about(table) or source.may_be_model(table)):
                yield from _lines(column, [part for part in source.parts if part.joins], read)
            elif everywhere or (scoped and source.about(table)):
                yield from _lines(column, [source], asked)

    def _positional(self, table: str) -> tuple[Reference, ...]:
        if table not in self._inserts:
            about = [source for source in self._sources if source.positional and source.about(table)]
            self._inserts[table] = tuple(_lines(table, about, POSITIONAL))
        return self._inserts[table]

    def _copied(self, table: str) -> tuple[Reference, ...]:
        if table not in self._copies:
            about = [source for source in self._sources if source.about(table)]
            self._copies[table] = tuple(_lines(table, about, copied(table)))
        return self._copies[table]


def _clash(why: str, places: tuple[Reference, ...]) -> Clash:
    more = f" and {len(places) - 2} more" if len(places) > 2 else ""
    return Clash(f"{why}: {', '.join(map(str, places[:2]))}{more}", places)


def _lines(name: str, sources: list[Source], pattern: re.Pattern[str]) -> Iterator[Reference]:
    for source in sources:
        for match in pattern.finditer(source.text):
            before = source.text.count("\n", 0, match.start())
            said = source.text.split("\n", before + 1)[before].strip()
            yield Reference(name, source.path, source.first + before, printable(said, 160))


def _members(table: str, column: str, naming: list[Source]) -> Iterator[Reference]:
    """Relations, accessors and mutators, the old ones and the new ones."""
    studly = re.escape(_studly(column))
    pattern = re.compile(
        rf"\bfunction\s+&?(?:{re.escape(column)}\s*\(|[gs]et{studly}Attribute\s*\("
        rf"|{re.escape(_camel(column))}\s*\(\s*\)\s*:\s*\\?(?:\w+\\)*Attribute\b)",
        re.I,
    )
    return _lines(column, [source for source in naming if source.may_be_model(table)], pattern)


def _asked(table: str, column: str, naming: list[Source]) -> Iterator[Reference]:
    name = re.escape(column)
    return _lines(column, naming, re.compile(rf"\bhasColumns?\s*\([^;{{]*['\"]{name}['\"]"))


def _named(table: str, column: str, naming: list[Source]) -> Iterator[Reference]:
    """Names given to results: AS, sub-selects, withCount and its like."""
    name = re.escape(column)
    alias = rf"\bas\s+[`\"'\[]?{name}\b|\b(?:addSelect|selectSub)\s*\([^;]*['\"]{name}['\"]"
    if counted := _COUNTED.fullmatch(column):
        related = rf"(?:{re.escape(counted[1])}|{re.escape(_camel(counted[1]))})\b"
        alias += rf"|\b(?:with|load)(?:Count|Exists|Sum|Avg|Min|Max|Aggregate)\s*\([^;]*\b{related}"
    about = [source for source in naming if source.about(table) or source.may_be_model(table)]
    return _lines(column, about, re.compile(alias, re.I))
