"""The assessment of migrations against what was measured: where it says "safe", the older code works."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

import pytest

from runbook_lib.migrations import MigrationFile, assess, code_files
from tests.laravel.case import ALL, Case
from tests.laravel.cases import CASES
from tests.real.databases import Driver
from tests.real.laravel_app import BASE, build_repository, files

Sources = Callable[[Collection[str]], dict[str, str]]
_BASE = [MigrationFile(name, text) for name, text in files().items() if name.startswith("database/migrations")]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """The older code, in the Git repository of the application."""
    repository: Path = build_repository(tmp_path_factory.mktemp("assessment") / "repository")
    return partial(code_files, repository, BASE)


def assessed(case: Case, driver: Driver, sources: Sources) -> str:
    found = assess([MigrationFile(case.file, case.text)], database=driver, earlier=_BASE, sources=sources)
    return str(found.migrations[0].verdict)


@pytest.mark.parametrize("driver", ALL)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_called_safe_works(sources: Sources, case: Case, driver: Driver) -> None:
    assert assessed(case, driver, sources) != "safe" or case.expected(driver) in ("works", "refused")


@pytest.mark.parametrize("driver", ALL)
def test_most_of_what_works_is_called_safe(sources: Sources, driver: Driver) -> None:
    said = Counter(assessed(case, driver, sources) for case in CASES if case.expected(driver) == "works")
    assert said["safe"] / said.total() > 0.7
    assert said["unknown"] / said.total() < 0.1
