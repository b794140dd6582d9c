"""What each kind of migration does to the older code, tried on real databases."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.laravel.case import ALL
from tests.laravel.cases import CASES
from tests.laravel.truth import Finding, all_truths
from tests.real import databases, laravel_app
from tests.real.databases import Server
from tests.real.engine import unavailable

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module")
def findings(
    tmp_path_factory: pytest.TempPathFactory, postgresql: Server, mariadb: Server
) -> dict[tuple[str, databases.Driver], Finding]:
    if reason := laravel_app.missing():
        unavailable(reason)
    home = tmp_path_factory.mktemp("truth")
    fresh = {"pgsql": postgresql.fresh, "mysql": mariadb.fresh, "sqlite": lambda: databases.sqlite(home)}
    return {(finding.case.name, finding.driver): finding for finding in all_truths(home, fresh)}


@pytest.mark.parametrize("driver", ALL)
def test_the_older_code_fares_as_it_is_known_to(
    findings: dict[tuple[str, databases.Driver], Finding], driver: databases.Driver
) -> None:
    other = [
        f"{case.name}: {findings[case.name, driver].truth} {findings[case.name, driver].why[:200]}"
        for case in CASES
        if findings[case.name, driver].truth != case.expected(driver)
    ]
    assert not other


@pytest.mark.parametrize("driver", ALL)
def test_every_way_of_faring_is_among_the_cases(driver: databases.Driver) -> None:
    seen = Counter(case.expected(driver) for case in CASES)
    assert min(seen["works"], seen["breaks"]) > 20
    assert seen["wrong"]
    assert seen["refused"]
