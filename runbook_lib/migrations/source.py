"""A file of the older release as text: which table it is about, whether it is a model, what it joins.

Nothing is parsed here: the file may be of any kind of PHP, and where the text leaves it open the answer is yes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

# Characters that may lie between two words of a statement. A file of data has no semicolon for a megabyte, and would be
# read to its end from each place where something may begin.
SPAN = 4000
_WITHIN = re.compile(r"\[\^;([^\]]*)\]\*")


def reaching(pattern: str) -> re.Pattern[str]:
    """A pattern whose `[^;]*`, in whatever form, reach no further than SPAN; case does not matter."""
    return re.compile(_WITHIN.sub(rf"[^;\1]{{0,{SPAN}}}", pattern), re.IGNORECASE)


_JOINS = re.compile(
    r"\b(?:left|right|cross|inner|straight_?)?join(?:Sub|Where|Lateral)?\s*\(|\bjoin\s+[`\"\w{$]", re.IGNORECASE
)
_BETWEEN = re.compile(r"\b(belongsToMany|morphToMany|morphedByMany|hasManyThrough|hasOneThrough)\s*\(")
_MODEL = re.compile(
    r"\bextends\s+\\?(?:\w+\\)*(?:\w*Model|Authenticatable|\w*Pivot|User)\b|\b(?:hasMany|hasOne|belongsTo)\s*\("
)
_CLASS = re.compile(r"^[^\S\n]*(abstract\s+)?(?:(?:final|readonly)\s+)*(class|trait)\s+(\w+)", re.MULTILINE)
_TABLE = re.compile(r"\$table\s*=\s*['\"]([^'\"]+)['\"]|\bfunction\s+getTable\b|\$table\s*=|#\[\w*Table\b")
# Rows by the positions of their columns.
POSITIONAL = reaching(
    r"\binsert\s+(?:ignore\s+)?into\s+[`\"\[]?[\w.$}{-]+[`\"\]]?\s+(?:values|select)\b|\binsertUsing\s*\("
    r"|->union(?:All)?\s*\(|\bunion\s+(?:all\s+)?select\b|\bnatural\s+(?:(?:left|right|inner|full)\s+)?join\b"
    r"|(?-i:\bCOPY)\s+[`\"]?[\w.$}{-]+[`\"]?\s+from\b|\bload\s+data\s+(?:\w+\s+){0,2}infile\b|\bpgsqlCopyFrom\w+\s*\("
    r"|\bcreate\s+(?:or\s+replace\s+)?(?:materialized\s+)?view\b[^;]*?(?:\.\*|\bselect\s+\*)"
    r"|\bFETCH_NUM\b|(?-i:\b(?:NEW|OLD))\.\*"
    r"|\barray_combine\s*\([^;]*?(?:toArray|getAttributes|array_values|\(array\))"
)
# What stays in the database and runs there.
ROUTINE = re.compile(
    r"\bcreate\s+(?:or\s+replace\s+)?(?:definer\s*=\s*\S+\s+)?(?:constraint\s+)?(?:trigger|function|procedure)\b",
    re.IGNORECASE,
)
# A row that was read, as it is: with all the columns that it has.
_ROW = (
    r"(?:\(array\)\s*\$(?:{names})\b|get_object_vars\s*\(\s*\$(?:{names})\b|json_decode\s*\(\s*json_encode\s*\("
    r"|(?:\$(?:{names})\b(?:->(?:withoutRelations|refresh)\(\))?|\b\w*(?:{stems})::[^;]*)"
    r"->(?:toArray|getAttributes|attributesToArray|getOriginal|getRawOriginal)\s*\(\s*\)(?!\s*\[))"
)
# What takes one, as its first argument or as a later one: it is written elsewhere, or put beside a list of names.
_TAKING = (
    r"create|createQuietly|forceCreate|insert|insertGetId|insertOrIgnore|fill|forceFill|firstOrCreate|extract|(?<!Validator::)make|upsert"
    r"|setRawAttributes|newInstance"
)
_TAKING_LATER = "fputcsv|updateOrInsert|updateOrCreate|implode"
# Such a row given to what takes it or spread over parameters, also by way of a variable or a closure.
_COPIED = (
    rf"(?:\b(?:{_TAKING})\s*\(|\b(?:{_TAKING_LATER})\s*\([^;]*?,|\(\s*\.\.\.)\s*{_ROW}"
    rf"|\$(\w+)\s*=\s*{_ROW}[^;]*;[^}}}}]{{{{0,600}}}}?\b(?:{_TAKING}|{_TAKING_LATER})\s*\([^;]*?\$\1\b(?!\s*(?:\[|->))"
    rf"|\b(?:{_TAKING})\s*\([^;]*?\bfn\s*\([^)]*\)\s*=>\s*\(array\)\s*\$"
)
# Columns that are chosen where tables are joined, or a result that has none: what is read whole may be overwritten.
_CHOSEN = re.compile(
    r"(?:->|::)(?:select\w*|addSelect|where(?:Has|Exists|In)\w*|pluck|value|count|exists|doesntExist|sum|avg|min|max|update|delete|increment"
    r"|decrement|(?:get|first|paginate|all)\s*\(\s*\[)|\bselect\s+(?!\*)",
    re.IGNORECASE,
)
# Rows that are grouped, by something else than an id.
_GROUPED = re.compile(r"->groupBy\s*\((?![^)]*\bid['\"])[^)]*,", re.IGNORECASE)
_ROWS = ("this", "row", "record", "model", "item", "old", "original", "source", "r", "one")
# Words of the query builder in which a table called orders is not meant.
_ORDERING = re.compile(r"reorder|orderby|inorder|order_by|order\s+by")


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
            _JOINS.search(said) and not _CHOSEN.search(said) and _named_in(_flat(said), table)
            for said in self.statements()
        )

    def grouped_whole(self, table: str) -> bool:
        """It groups all columns of the table by some of them: those that are named, which were all of them."""
        return "groupBy" in self.text and any(
            _GROUPED.search(said) and ".*" in said and _named_in(_flat(said), table) for said in self.statements()
        )

    def scopes_for(self, joining: Sequence[Source]) -> bool:
        """It has conditions for the queries of its model, or of any, which one of these joins may use."""
        if not _SCOPE.search(self.text):
            return False
        models = [name for _, _, name in _CLASS.findall(self.text)] if self._model else []
        return any(not models or any(name in source.text for name in models) for source in joining)

    @cached_property
    def positional(self) -> bool:
        """It puts rows somewhere by the positions of their columns."""
        return POSITIONAL.search(self.text) is not None

    @cached_property
    def _flat(self) -> str:
        return _flat(self.text)

    def about(self, table: str) -> bool:
        """The table, its model or a relation to it is named in some form."""
        return _named_in(self._flat, table)

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
            or any(_is_table_of(table, model) for model in through)
            or any(_is_pivot_of(table, model) for model in beside)
            or (column in names and any(_is_table_of(table, model) for model in models))
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


def copied(table: str) -> re.Pattern[str]:
    """What looks for whole rows of a table that are written elsewhere."""
    stems = [re.escape(stem) for stem in sorted(_stems(table))]
    names = "|".join([*_ROWS, *(rf"\w*{stem}" for stem in stems)])
    return reaching(_COPIED.format(names=names, stems="|".join(stems)))


def inner(table: str, column: str) -> re.Pattern[str]:
    """What looks for a column without its table in a query within another: what belonged to the outer one before."""
    name, stems = re.escape(column), "|".join(re.escape(stem) for stem in sorted(_stems(table)))
    within = rf"(?:(?!\)\s*\)\s*->)[^;]){{0,{SPAN}}}?"
    closure = rf"(?:static\s+)?(?:function\b[^{{]{{0,{SPAN}}}\{{[^}}]{{0,{SPAN}}}?|fn\b{within})"
    return reaching(
        rf"\b(?:\w*where(?:Doesnt)?Have|\w*whereHas)\s*\(\s*['\"](?:\w+\.)*(?:{stems})\w*['\"]\s*,\s*{closure}['\"]{name}['\"]"
        rf"|->from\s*\(\s*['\"]{re.escape(table)}\b[^;]*?['\"]{name}['\"]"
        rf"|\(\s*select\b[^()]*?\bfrom\s+[`\"]?{re.escape(table)}\b[^;)]*?(?<![\w.]){name}\b"
    )


def is_known(table: str) -> bool:
    """Whether the name of a table is told: one that is known only when it runs may be any."""
    return re.fullmatch(r"[\w.-]+", table) is not None


def _flat(text: str) -> str:
    return _ORDERING.sub("", text.lower()).replace("_", "")


def _named_in(flat: str, table: str) -> bool:
    return not is_known(table) or any(stem in flat for stem in _stems(table))


def _stems(table: str) -> set[str]:
    """What a table's name looks like in the names of its model and of relations to it, without underscores."""
    name = table.rpartition(".")[2].lower().replace("_", "")
    stems = {name, name.removesuffix("s"), name.removesuffix("es")}
    stems |= {f"{name.removesuffix('ies')}y"} if name.endswith("ies") else set()
    return {stem for stem in stems if len(stem) > 1} or {name}


def _is_table_of(table: str, model: str) -> bool:
    return model.lower() in _stems(table)


def _is_pivot_of(table: str, model: str) -> bool:
    """role_user is the pivot of a User's roles: both names, in the singular."""
    parts = table.rpartition(".")[2].lower()
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", model).lower()
    return "_" in parts and (parts.startswith(f"{snake}_") or parts.endswith(f"_{snake}"))
