"""Each kind of shim on each real database: older code, which the migration broke, works with it, and it can be taken
back to the very schema that there was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import PlatformError
from runbook_lib.migrations import MigrationFile, assess
from runbook_lib.migrations.shimming import Work, made_out
from runbook_lib.schema.difference import differences
from runbook_lib.schema.reading import query, tables_in
from runbook_lib.schema.tables import Tables
from tests.laravel.case import Case
from tests.laravel.cases import CASES
from tests.laravel.truth import SEED, answered
from tests.real import laravel_app
from tests.real.databases import Database, Driver, fresh_database
from tests.real.engine import unavailable
from tests.real.laravel_app import Driver as Older
from tests.real.laravel_app import files, install, running_driver, write

pytestmark = [pytest.mark.real, pytest.mark.slow]

_BASE = [MigrationFile(name, text) for name, text in files().items() if name.startswith("database/migrations")]
_CASES = {case.name: case for case in CASES}

# Migrations that break older code, by the kinds of shim that make it run again. What was dropped comes back empty, so
# that its answers are "wrong" afterwards, and no more than that.
SHIMMED: dict[str, Sequence[str]] = {
    "drop not null": ["add-column-required", "add-json-required", "make-required", "raw-add-required-column"],
    "set default": ["drop-default"],
    "json to jsonb": ["add-json"],
    "add column back": ["drop-column", "drop-timestamps", "raw-drop-column"],
    "old name": ["rename-table"],
    "rename back": ["rename-column", "raw-rename-column"],
    "drop unique": ["add-unique", "add-unique-column-with-default"],
    "drop primary": ["add-primary"],
    "drop foreign key": ["add-foreign", "create-table-with-restricting-key"],
    "drop check": ["raw-check"],
    "create index": ["drop-index"],
}
DRIVERS: tuple[Driver, ...] = ("pgsql", "mysql", "sqlite")


@dataclass
class Migrated:
    """One database, seeded by the older code and migrated by a newer release."""

    case: Case
    database: Database
    older: Older

    def run(self, *statements: str) -> list[dict[str, Any]]:
        """Statements in order on one connection; the rows of the last."""
        connection = self.database.connect()
        try:
            if self.database.driver == "sqlite":
                connection.isolation_level = None
            elif self.database.driver == "pgsql":
                connection.autocommit = True
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            rows = cursor.fetchall() if cursor.description else []
            return [dict(zip([d[0] for d in cursor.description], row, strict=True)) for row in rows]
        finally:
            connection.close()

    @property
    def tables(self) -> Tables:
        return tables_in(self.run(query(self.database.driver)), self.database.driver)

    def shim(self) -> list[Work]:
        """Carry out every shim that the assessment names; what was carried out."""
        driver = self.database.driver
        found = assess([MigrationFile(self.case.file, self.case.text)], database=driver, earlier=_BASE)
        works = []
        for shim in [shim for one in found.migrations for operation in one.operations for shim in operation.shims]:
            work = made_out(shim, self.tables, driver)
            if work is not None:
                self.run(*work.sql)
                works.append(work)
        return works

    def truth(self) -> tuple[str, str]:
        """How the older code fares, and why."""
        self.older.use(self.database)
        found = answered(self.case, self.older, self.database)
        return found.truth, found.why


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Older]:
    if reason := laravel_app.missing():
        unavailable(reason)
    folder = install(write(tmp_path_factory.mktemp("older"), files()))
    with running_driver(folder) as driver:
        yield driver


def migrated(request: pytest.FixtureRequest, older: Older, tmp_path: Path, name: str, driver: Driver) -> Migrated:
    case = _CASES[name]
    database = fresh_database(request, driver, tmp_path)
    older.use(database)
    assert not older.migrate(write(tmp_path / "older", files()))
    for seed in SEED:
        assert older.request(seed.method, seed.path, **seed.data)[0] < 400
    assert not older.migrate(write(tmp_path / "newer", {case.file: case.text}))
    if case.live:
        older.ask("write", php=f"use Illuminate\\Support\\Facades\\DB; {case.live}")
    return Migrated(case, database, older)


PAIRS = [
    pytest.param(kind, name, driver, id=f"{kind}-{name}-{driver}")
    for kind, names in SHIMMED.items()
    for name in names
    for driver in DRIVERS
    if _CASES[name].expected(driver) == "breaks" or (kind == "create index" and name == "drop-index")
]


def test_every_kind_is_tried_on_every_database_where_it_can_be_needed() -> None:
    seen = Counter((kind, driver) for kind, _, driver in (pair.values for pair in PAIRS))
    missing = {(kind, driver) for kind in SHIMMED for driver in DRIVERS} - set(seen)
    # SQLite takes no such migration from Laravel 8; JSON without comparison is PostgreSQL's alone.
    assert missing == {
        *(("json to jsonb", driver) for driver in ("mysql", "sqlite")),
        *((kind, "sqlite") for kind in ("drop primary", "drop check")),
    }


@pytest.mark.parametrize(("kind", "name", "driver"), PAIRS)
def test_older_code_runs_with_the_shim_whose_undo_brings_the_very_schema_back(
    request: pytest.FixtureRequest, older: Older, tmp_path: Path, kind: str, name: str, driver: Driver
) -> None:
    shop = migrated(request, older, tmp_path, name, driver)
    before = shop.tables
    works = shop.shim()
    assert kind in [work.kind for work in works]
    assert [work.title for work in works if not work.holds(shop.tables)] == []
    assert differences(before.described(), shop.tables.described())
    for work in reversed(works):
        shop.run(*work.undo)
    assert [work.title for work in works if work.holds(shop.tables)] == []
    assert [str(one) for one in differences(before.described(), shop.tables.described())] == []
    assert len(shop.shim()) == len(works)
    truth, why = shop.truth()
    # Making the table anew, SQLite's way of taking such a migration, has deleted what referred to it.
    lost = kind == "add column back" or (driver == "sqlite" and name == "drop-default")
    assert truth in (("works", "wrong") if lost else ("works",)), why


@pytest.mark.parametrize("driver", DRIVERS)
def test_rows_that_keep_a_shim_from_being_taken_back_are_counted(
    request: pytest.FixtureRequest, older: Older, tmp_path: Path, driver: Driver
) -> None:
    shop = migrated(request, older, tmp_path, "add-column-required", driver)
    (work,) = shop.shim()
    select, words = work.blocks
    assert shop.run(select) == [{"found": 0}]
    shop.truth()
    assert (shop.run(select), words) == ([{"found": 2}], "rows have no reviews.author")


@pytest.mark.parametrize("driver", DRIVERS)
def test_what_is_not_there_cannot_be_shimmed_and_nothing_is_guessed(
    request: pytest.FixtureRequest, older: Older, tmp_path: Path, driver: Driver
) -> None:
    shop = migrated(request, older, tmp_path, "add-column-required", driver)
    shop.run("ALTER TABLE reviews DROP COLUMN author")
    with pytest.raises(PlatformError, match="the table has no column author"):
        shop.shim()
