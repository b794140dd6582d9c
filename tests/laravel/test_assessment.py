"""The assessment of migrations against what was measured: where it says "safe", the older code works."""

from __future__ import annotations

from collections import Counter

import pytest

from runbook_lib.migrations import MigrationFile, assess
from tests.laravel.cases import ALL, CASES, Case
from tests.real.databases import Driver
from tests.real.laravel_app import files

_BASE = [MigrationFile(name, text) for name, text in files().items() if name.startswith("database/migrations")]

# Said to be safe, and not. What is listed here is wrong until it is mended; then its line has to go.
_OPEN: dict[str, tuple[Driver, ...]] = {
    # Rows that the newer release wrote to its own table keep the older code from deleting what they refer to.
    "create-table-with-restricting-key": ALL,
    # The older code leaves it to the key to delete the rows that belong to what it deletes.
    "drop-foreign-that-cascades": ("pgsql", "mysql"),
    # Where the expression fails for a row, the row cannot be written.
    "add-generated-column-that-can-fail": ("pgsql", "mysql"),
    # Rows that the newer release deleted softly are shown, as with softDeletes().
    "add-deleted-at-by-hand": ALL,
    # PostgreSQL takes no text into an index that is longer than a third of a page.
    "add-index-on-text": ("pgsql",),
    # SQLite makes the table anew; dropping the old one deletes the rows of others that refer to it and cascade.
    "string-to-text": ("sqlite",),
    "integer-to-bigint": ("sqlite",),
}


def assessed(case: Case, driver: Driver) -> str:
    found = assess([MigrationFile(case.file, case.text)], database=driver, earlier=_BASE)
    return str(found.migrations[0].verdict)


@pytest.mark.parametrize("driver", ALL)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_called_safe_works(request: pytest.FixtureRequest, case: Case, driver: Driver) -> None:
    if case.limit:
        request.applymarker(pytest.mark.xfail(strict=True, reason="only the older code's text shows it"))
    if driver in _OPEN.get(case.name, ()):
        request.applymarker(pytest.mark.xfail(strict=True, reason="called safe, known to be wrong"))
    assert assessed(case, driver) != "safe" or case.expected(driver) in ("works", "refused")


@pytest.mark.parametrize("driver", ALL)
def test_most_of_what_works_is_called_safe(driver: Driver) -> None:
    said = Counter(assessed(case, driver) for case in CASES if case.expected(driver) == "works")
    assert said["safe"] / said.total() > 0.7
    assert said["unknown"] / said.total() < 0.1
