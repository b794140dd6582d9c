"""What older code does with whole rows and with names of an outer query, as patterns of its text."""

from __future__ import annotations

import re

from runbook_lib.migrations.naming import stems

# Characters that may lie between two words of a statement. A file of data has no semicolon for a megabyte, and would be
# read to its end from each place where something may begin.
SPAN = 4000
_WITHIN = re.compile(r"\[\^;([^\]]*)\]\*")


def reaching(pattern: str) -> re.Pattern[str]:
    """A pattern whose `[^;]*`, in whatever form, reach no further than SPAN; case does not matter."""
    return re.compile(_WITHIN.sub(rf"[^;\1]{{0,{SPAN}}}", pattern), re.IGNORECASE)


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
_ROWS = ("this", "row", "record", "model", "item", "old", "original", "source", "r", "one")


def copied(table: str) -> re.Pattern[str]:
    """What looks for whole rows of a table that are written elsewhere."""
    own = [re.escape(stem) for stem in sorted(stems(table))]
    names = "|".join([*_ROWS, *(rf"\w*{stem}" for stem in own)])
    return reaching(_COPIED.format(names=names, stems="|".join(own)))


def inner(table: str, column: str) -> re.Pattern[str]:
    """What looks for a column without its table in a query within another: what belonged to the outer one before."""
    name, own = re.escape(column), "|".join(re.escape(stem) for stem in sorted(stems(table)))
    within = rf"(?:(?!\)\s*\)\s*->)[^;]){{0,{SPAN}}}?"
    closure = rf"(?:static\s+)?(?:function\b[^{{]{{0,{SPAN}}}\{{[^}}]{{0,{SPAN}}}?|fn\b{within})"
    return reaching(
        rf"\b(?:\w*where(?:Doesnt)?Have|\w*whereHas)\s*\(\s*['\"](?:\w+\.)*(?:{own})\w*['\"]\s*,\s*{closure}['\"]{name}['\"]"
        rf"|->from\s*\(\s*['\"]{re.escape(table)}\b[^;]*?['\"]{name}['\"]"
        rf"|\(\s*select\b[^()]*?\bfrom\s+[`\"]?{re.escape(table)}\b[^;)]*?(?<![\w.]){name}\b"
    )
