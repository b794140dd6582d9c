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
from runbook_lib.migrations.patterns import POSITIONAL, ROUTINE, copied, inner, reaching
from runbook_lib.migrations.source import Source
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
    attributesToArray getOriginal getRawOriginal natural NATURAL COPY INFILE infile FETCH_NUM array_combine
    pgsqlCopyFromArray pgsqlCopyFromFile getColumnListing getColumns information_schema groupBy replicate
    replicateQuietly guarded VIEW fputcsv updateOrInsert updateOrCreate upsert setRawAttributes
    newInstance table_info COLUMNS DESCRIBE
    """
)
_LISTED = re.compile(
    r"\bgetColumnListing\s*\(|(?:Schema::|getSchemaBuilder\(\)->)getColumns\s*\(|\binformation_schema\.columns\b|\btable_info\b"
    r"|['\"]\s*(?:show\s+(?:full\s+)?columns|describe)\b",
    re.I,
)
_GROUPING = re.compile(r"->groupBy\s*\(")
# Laravel leaves out what a request gives and has no column where some columns are guarded; where none are, it fails.
_GUARDED = re.compile(r"\$guarded\s*=\s*\[\s*['\"](?!\*)")
_FILLING = reaching(
    r"\b(?:create|fill|update|make|firstOrCreate|updateOrCreate)\s*\([^;]*?"
    r"(?:\$(?:request|data|input|validated|attributes|values)\b|\brequest\s*\(\s*\))"
)
_ON_TABLES = {"truncate", "TRUNCATE", "QueryException", "PDOException"}
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
    return sorted(names | (_AROUND if columns else set()) | set(others) | (_ON_TABLES if others else set()))


def _studly(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[_\-\s]", name))


def _camel(name: str) -> str:
    studly = _studly(name)
    return studly[:1].lower() + studly[1:]


def _words(column: str) -> set[str]:
    studly = _studly(column)
    counted = _COUNTED.fullmatch(column)
    related = {counted[1], _camel(counted[1])} if counted else set()
    related |= {"latest", "oldest"} if column == "created_at" else set()
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

    def __init__(self, files: Mapping[str, str], earlier: Mapping[str, str]) -> None:
        """files: of its code; earlier: its migrations, of which those matter that make routines of the database."""
        routines = [Source(path, text, routine=True) for path, text in earlier.items() if ROUTINE.search(text)]
        self._sources = [*(Source(path, text) for path, text in sorted(files.items())), *routines]
        self._whole: dict[str, Clash | None] = {}

    def clash(self, table: str, column: str) -> Clash | None:
        """The first sense in which older code uses the name of a column that is new in a table."""
        forms = _words(column)
        naming = [source for source in self._sources if any(form in source.text for form in forms)]
        for why, found in (
            (f"its model has a member of that name, whose place the column {column} takes", _members),
            (f"it asks whether there is a column {column}, and goes another way now", _asked),
            (f"it uses {column} without its table where tables are joined", self._ambiguous),
            (f"it gives the name {column} to a result, whose place the column may take", _named),
            (f"it reads {column} of rows that are joined whole, whose place the column may take", self._overwritten),
            (f"its model takes what a request gives, where {column} has a column now", self._filled),
            (f"it uses {column} without its table in a query within another, where it was the outer one's", _captured),
            (f"a routine or trigger of the database names {column}", _in_routine),
        ):
            if naming and (places := tuple(found(table, column, naming))):
                return _clash(why, places)
        return self._of_whole_rows(table)

    def clash_of_unique(self, table: str, column: str) -> Clash | None:
        """Older code that copies rows of the table: the copy has the value that has to be unique."""
        places = tuple(_lines(column, self._about(table), re.compile(r"->replicate(?:Quietly)?\s*\(")))
        why = f"it may copy rows of {table}, with what has to be unique in {column}"
        return _clash(why, places) if places else None

    def clash_of_table(self, _: str, table: str) -> Clash | None:
        """Older code that asks whether there is such a table, or makes one of that name."""
        name = re.escape(table)
        pattern = reaching(
            rf"\bhasTable\s*\(\s*['\"]{name}['\"]|\bcreate\s*\(\s*['\"]{name}['\"]\s*,\s*(?:static\s+)?(?:function|fn)\b"
            rf"|\brename\s*\([^;]*,\s*['\"]{name}['\"]"
            rf"|\bcreate\s+table\s+(?:if\s+not\s+exists\s+)?[`\"]?{name}\b"
        )
        places = tuple(_lines(table, self._sources, pattern))
        why = f"it asks whether there is a table {table}, and goes another way now, or makes one itself"
        return _clash(why, places) if places else None

    def clash_of_index(self, _: str, index: str) -> Clash | None:
        """Older code that names an index: FORCE INDEX, ON CONFLICT ON CONSTRAINT, messages of the database."""
        places = tuple(_lines(index, self._sources, re.compile(rf"\b{re.escape(index)}\b", re.I)))
        return _clash(f"it names the index {index}", places) if places else None

    def clash_of_parent(self, _: str, table: str) -> Clash | None:
        """Older code that empties a table which a new key refers to: MySQL and PostgreSQL refuse to TRUNCATE it."""
        places = tuple(
            _lines(table, self._about(table), re.compile(r"(?:->|::)truncate\s*\(|\btruncate\s+[`\"\w]", re.I))
        )
        return _clash(f"it truncates {table}, which a new foreign key refers to", places) if places else None

    def clash_of_refusal(self, _: str, table: str) -> Clash | None:
        """Older code that leaves it to a key to refuse what it deletes in a table, and catches that."""
        catching = [part for part in self._about(table) if "delete" in part.text]
        pattern = re.compile(r"\bcatch\s*\([^)]*\b(?:QueryException|PDOException)\b")
        places = tuple(_lines(table, catching, pattern))
        why = f"it may leave it to the key that is gone to refuse a delete in {table}"
        return _clash(why, places) if places else None

    def _about(self, table: str) -> list[Source]:
        """The files, and of those with routes the parts, that name the table in some form."""
        return [part for source in self._sources for part in source.parts if part.about(table)]

    def _ambiguous(self, table: str, column: str, naming: list[Source]) -> Iterator[Reference]:
        """Where names are joined: in this file, by a scope of the model, or by relations through the table."""
        name = re.escape(column)
        read = re.compile(rf"(?<![\w.$:\\]){name}\b(?!\s*\()")
        said = rf"\b{_QUERY}\s*\([^;{{]{{0,300}}?['\"`\s(,]{name}['\"`\s),]"
        if column == "created_at":
            usual = r"->(?:latest|oldest)\s*\(\s*\)"
            said, read = f"{said}|{usual}", re.compile(f"{read.pattern}|{usual}")
        asked = re.compile(said, re.I)
        everywhere = any(source.joins_through(table, column) for source in self._sources)
        scoped = any(source.joins and source.may_be_model(table) for source in self._sources)
        joining = [source for source in self._sources if source.joins and source.about(table)]
        for source in naming:
            if source.joins and (source.about(table) or source.may_be_model(table)):
                yield from _lines(column, [part for part in source.parts if part.joins], read)
            elif everywhere or (scoped and source.about(table)) or source.scopes_for(joining):
                yield from _lines(column, [source], asked)

    def _overwritten(self, table: str, column: str, naming: list[Source]) -> Iterator[Reference]:
        """Where the name is read, if the table is joined anywhere without saying which columns are wanted."""
        if any(source.joined_whole(table) for source in self._sources):
            yield from _lines(column, naming, re.compile(rf"(?:->|\[['\"]){re.escape(column)}\b(?!\s*\()"))

    def _filled(self, table: str, column: str, naming: list[Source]) -> Iterator[Reference]:
        """Eloquent leaves out what has no column, where a model guards some columns only."""
        if any(_GUARDED.search(source.text) and source.may_be_model(table) for source in self._sources):
            about = [s for s in naming if s.about(table) and re.search(rf"['\"]{re.escape(column)}['\"]", s.text)]
            yield from _lines(column, about, _FILLING)

    def _of_whole_rows(self, table: str) -> Clash | None:
        """Older code that takes rows of the table as they are, whatever a new column is called."""
        if table not in self._whole:
            about = self._about(table)
            looks = (
                (f"it takes the columns of {table} by their places, unites or joins whole rows", about, POSITIONAL),
                (f"it gives whole rows of {table} to what may know no such column", about, copied(table)),
                (f"it goes over all columns of {table}", about, _LISTED),
                (
                    f"it groups whole rows of {table} by columns that it names",
                    [source for source in about if source.grouped_whole(table)],
                    _GROUPING,
                ),
            )
            found = ((why, tuple(_lines(table, sources, pattern))) for why, sources, pattern in looks)
            self._whole[table] = next((_clash(why, places) for why, places in found if places), None)
        return self._whole[table]


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


def _in_routine(table: str, column: str, naming: list[Source]) -> Iterator[Reference]:
    """A variable or parameter of the name makes it ambiguous."""
    routines = [source for source in naming if source.routine and source.about(table)]
    return _lines(column, routines, re.compile(rf"\b{re.escape(column)}\b"))


def _captured(table: str, column: str, naming: list[Source]) -> Iterator[Reference]:
    return _lines(column, [source for source in naming if source.about(table)], inner(table, column))


def _asked(table: str, column: str, naming: list[Source]) -> Iterator[Reference]:
    name = re.escape(column)
    asking = (
        rf"\bhasColumns?\s*\([^;{{]*['\"]{name}['\"]|->hasAttribute\s*\(\s*['\"]{name}['\"]"
        rf"|\barray_key_exists\s*\(\s*['\"]{name}['\"]\s*,[^;]*?(?:getAttributes|attributesToArray|toArray|->attributes\b)"
    )
    return _lines(column, naming, reaching(asking))


def _named(table: str, column: str, naming: list[Source]) -> Iterator[Reference]:
    """Names given to results: AS, sub-selects, withCount and its like."""
    name = re.escape(column)
    alias = (
        rf"\bas\s+[`\"'\[]?{name}\b|\)\s+[`\"]?{name}[`\"]?\s*(?:,|['\"]|\bfrom\b)"
        rf"|\b(?:addSelect|selectSub)\s*\([^;]*['\"]{name}['\"]"
    )
    if counted := _COUNTED.fullmatch(column):
        related = rf"(?:{re.escape(counted[1])}|{re.escape(_camel(counted[1]))})\b"
        alias += rf"|\b(?:with|load)(?:Count|Exists|Sum|Avg|Min|Max|Aggregate)\s*\([^;]*\b{related}"
    about = [source for source in naming if source.about(table) or source.may_be_model(table)]
    return _lines(column, about, reaching(alias))
