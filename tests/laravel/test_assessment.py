"""The assessment of migrations against what was measured: where it says "safe", the older code works."""

from __future__ import annotations

from collections import Counter

import pytest

from runbook_lib.migrations import MigrationFile, assess
from tests.laravel.cases import ALL, CASES, Case
from tests.real.databases import Driver
from tests.real.laravel_app import files

_BASE = [MigrationFile(name, text) for name, text in files().items() if name.startswith("database/migrations")]


def assessed(case: Case, driver: Driver) -> str:
    found = assess([MigrationFile(case.file, case.text)], database=driver, earlier=_BASE)
    return str(found.migrations[0].verdict)


@pytest.mark.parametrize("driver", ALL)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_called_safe_works(request: pytest.FixtureRequest, case: Case, driver: Driver) -> None:
    if case.limit:
        request.applymarker(pytest.mark.xfail(strict=True, reason="only the older code's text shows it"))
    assert assessed(case, driver) != "safe" or case.expected(driver) in ("works", "refused")


@pytest.mark.parametrize("driver", ALL)
def test_most_of_what_works_is_called_safe(driver: Driver) -> None:
    said = Counter(assessed(case, driver) for case in CASES if case.expected(driver) == "works")
    assert said["safe"] / said.total() > 0.7
    assert said["unknown"] / said.total() < 0.1
