"""Assess a set of migrations: read each, judge each change in turn, compare down() with up()."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from runbook_lib.command import printable
from runbook_lib.migrations.assessment import Assessment, MigrationAssessment, Operation
from runbook_lib.migrations.changes import Change, Column
from runbook_lib.migrations.consulting import References, with_clashes, with_references
from runbook_lib.migrations.deciding import way
from runbook_lib.migrations.files import MigrationFile
from runbook_lib.migrations.history import History
from runbook_lib.migrations.judging import ROWS, Judged, brings, judge, taken_back
from runbook_lib.migrations.keys import swept
from runbook_lib.migrations.known import DROPS, Known
from runbook_lib.migrations.older import Sources, string_length
from runbook_lib.migrations.reading.acts import TRIED, Expected, Method, OnDrivers
from runbook_lib.migrations.reading.database import BASES
from runbook_lib.migrations.reading.reader import Reader, There
from runbook_lib.migrations.reading.syntax import File, UnreadableError, read_file, text
from runbook_lib.migrations.reversing import Reversal, compare
from runbook_lib.migrations.rules import RULES, Verdict
from runbook_lib.migrations.shims import shims_of
from runbook_lib.migrations.translating import changes
from runbook_lib.schema.quoting import quoted

# Since this version of Laravel, SQLite's tables are made anew with foreign keys out of force.
_QUIET_SINCE = 11


@dataclass
class _Read:
    """A migration as it was read. wrong: why it could not be."""

    file: MigrationFile
    up: list[Change]
    down: list[Change]
    method: Method
    notes: tuple[str, ...] = ()
    wrong: str = ""


def assess(
    files: Sequence[MigrationFile],
    *,
    database: str = "",
    earlier: Sequence[MigrationFile] = (),
    references: References | None = None,
    sources: Sources | None = None,
    framework: int = 0,
) -> Assessment:
    """Whether code that does not know these migrations can live with them, in the order in which they ran.

    database: the driver: mysql, mariadb, pgsql, sqlite, or "" for any of them. earlier: the migrations that the older
    code has; they tell what a changed column was before. references: finds names in the older code. sources: gives its
    files that name one of some words, so that a new name is seen that means something there already; without it the
    result says so. framework: the lowest major version of Laravel that may have run them; 0: not known.
    """
    driver, database = database, "mysql" if database == "mariadb" else database
    history = History(earlier, driver)
    read = []
    for file in files:
        read.append(_read(file, driver, history.there))
        history.follow(file, None if read[-1].wrong else read[-1].up)
    known = Known(before=history.column, key=history.key, referred=history.referred)
    everything = [change for one in read for change in one.up]
    known.usual_length = lambda: string_length(sources)
    known.rebuilds_quietly = framework >= _QUIET_SINCE
    known.swept = swept(everything)
    known.again = {(c.connection, c.table) for c in everything if c.kind == "create table"}
    known.leaving = {(c.connection, c.table, column) for c in everything if c.kind in DROPS for column in c.columns}
    back = taken_back(everything)
    found = []
    position = 0
    for one in read:
        taken = {i - position for i in back if position <= i < position + len(one.up)}
        found.append(_assessed(one, known, database, taken))
        position += len(one.up)
    if references is not None:
        found = with_references(found, references)
    found, unseen = with_clashes(found, sources, earlier)
    answer = Assessment(tuple(found), database, unseen)
    return replace(answer, way=way(answer))


def _read(file: MigrationFile, driver: str, there: There) -> _Read:
    content = file.content
    nothing = Method(False)
    if content is None:
        return _Read(file, [], [], nothing, wrong="its row is in the database, its file is nowhere")
    try:
        parsed = read_file(file.name, content)
    except UnreadableError as error:
        return _Read(file, [], [], nothing, wrong=str(error))
    own = _own_connection(parsed)
    driver = "" if own else driver
    up = Reader(parsed, driver, None if own else there).method("up")
    down = Reader(parsed, driver).method("down")
    if not up.present and (parsed.migration.traits or not _extends_migration(parsed)):
        return _Read(file, [], [], nothing, wrong="its class has no up() of its own")
    forth, back = (
        [change.of(change.kind, connection=change.connection or own) if own else change for change in found]
        for found in (changes(up.acts, driver), changes(down.acts, driver))
    )
    return _Read(file, forth, back, down, _notes(parsed))


def _own_connection(parsed: File) -> str:
    """The connection that a migration names for itself; "" when it runs on the usual one."""
    if "getconnection" in parsed.migration.methods:
        return "getConnection()"
    node = parsed.migration.properties.get("connection")
    return text(node) if node is not None else ""


def _extends_migration(parsed: File) -> bool:
    return parsed.resolve(parsed.migration.parent) in BASES


def _notes(parsed: File) -> tuple[str, ...]:
    notes = []
    migration = parsed.migration
    if _own_connection(parsed):
        notes.append("it names its own connection: each database it reaches has to be assessed")
    if "withinTransaction" in migration.properties:
        notes.append("it sets $withinTransaction: a failure may have left it half done")
    if "shouldrun" in migration.methods:
        notes.append("shouldRun() decides whether it ran: compare the real schema")
    return tuple(notes)


def _assessed(one: _Read, known: Known, database: str, taken: set[int]) -> MigrationAssessment:
    name = one.file.migration
    if one.wrong:
        rule = RULES["unread"]
        why = f"{name}: {one.wrong}"
        operation = Operation("unread", Verdict.UNKNOWN, 0, name, "", why, rule.cost, rule.lock, rule.advice)
        return MigrationAssessment(name, Verdict.UNKNOWN, (operation,), Reversal("unread", (one.wrong,)))
    judged = []
    for position, change in enumerate(one.up):
        before = known.column(change, change.columns[0]) if change.kind in DROPS and change.columns else None
        new = brings(change, known)
        for verdict in judge(change, known, database, one.down):
            judged.append((verdict, before, position in taken, new))
    reversal = compare([j.change.of(j.rule.like or j.rule.kind) for j, *_ in judged], one.down, one.method)
    operations = _once(_operation(j, before, back, new, reversal, known) for j, before, back, new in judged)
    worst = max((operation.verdict for operation in operations), default=Verdict.SAFE)
    return MigrationAssessment(name, worst, operations, reversal, one.notes)


def _once(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """A loop over literals does the same several times, and a table is rebuilt for several changes: it is said once."""
    found: dict[tuple[object, ...], Operation] = {}
    for one in operations:
        place = () if one.kind == "rebuild table" else (one.line, one.call)
        found.setdefault((one.kind, one.verdict, one.subject, one.why, place), one)
    return tuple(found.values())


def _operation(
    judged: Judged, before: object, back: bool, new: tuple[str, ...], reversal: Reversal, known: Known
) -> Operation:
    change, rule = judged.change, judged.rule
    column = before if isinstance(before, Column) else None
    if column is None and rule.kind == "remove default" and change.columns:
        column = known.before(change.table, change.columns[0])
    taken = rule.kind == "rename table" and (change.connection, change.table) in known.again
    quiet = judged.safe or back or (judged.harmless and not judged.assumed)
    shims = () if taken or quiet else shims_of(change, rule.like or rule.kind, column)
    verdict, why = _verdict(judged, reversal, bool(shims), back)
    harmless = verdict is Verdict.SAFE
    return Operation(
        rule.kind,
        verdict,
        change.line,
        change.subject if change.columns or not change.name else f"{change.subject} {change.name}",
        printable(change.call, 200),
        why,
        rule.cost,
        rule.lock,
        rule.advice,
        "" if harmless or not rule.check else _check(rule.check, change),
        change.guards,
        () if harmless else shims,
        brings=new,
    )


def _verdict(judged: Judged, reversal: Reversal, shimmed: bool, back: bool) -> tuple[Verdict, str]:
    """The verdict of one operation, and why."""
    change, rule = judged.change, judged.rule
    note = f" ({judged.note})" if judged.note else ""
    if judged.safe:
        return Verdict.SAFE, judged.safe + note
    if back:
        return Verdict.SAFE, "a later rename takes it back"
    on = "".join(f" {guard}" for guard in change.guards if isinstance(guard, OnDrivers))
    why = (change.why or f"older code{on}: {rule.older}") + note
    if rule.verdict is Verdict.SAFE and not judged.assumed:
        return Verdict.SAFE, why
    guards = tuple(guard for guard in change.guards if guard != TRIED and not isinstance(guard, OnDrivers | Expected))
    if guards and rule.kind not in ROWS:
        return Verdict.UNKNOWN, f"it happened only {_joined(guards)}; then: {why}"
    if not change.fixed and rule.kind not in ROWS:
        return Verdict.UNKNOWN, f"its name is known only when it runs; {why}"
    if judged.assumed and rule.verdict is Verdict.SAFE:
        return Verdict.UNKNOWN, f"{why}; compare with the column in the database"
    if rule.verdict is not Verdict.DOWN:
        return rule.verdict, why
    if reversal.lossless and judged.undone:
        return Verdict.DOWN, why
    if rule.without is Verdict.SHIM and not shimmed:
        return Verdict.UNKNOWN, f"{why}; down() does not take it back without loss"
    return rule.without, why


def _joined(guards: tuple[str, ...]) -> str:
    words = [
        guard if guard.startswith(("if", "unless", "for", "in", "depending", "on ")) else f"if {guard}"
        for guard in guards
    ]
    return printable(" and ".join(words), 200)


def _check(check: str, change: Change) -> str:
    table = quoted(change.table, "pgsql")
    column = ", ".join(quoted(name, "pgsql") for name in change.columns)
    return check.format(table=table, column=column) if change.table and change.columns and change.fixed else ""
