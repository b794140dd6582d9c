"""Faults that lie in what was deployed."""

from __future__ import annotations

from runbook_lib.practice.faults.base import Fault
from runbook_lib.practice.faults.seeing import customers_fail, route_fails
from runbook_lib.practice.ground import Ground


def _bad_release(ground: Ground) -> str:
    from runbook_lib.practice.deployment import deploy, locked, new_run, take_back, targets
    from runbook_lib.practice.repository import BAD, WORSE

    run = new_run()
    with locked(ground, run):
        for target in targets(ground):
            take_back(target, WORSE, BAD, run)
            deploy(target, BAD, run)
    return f"{BAD} is live in staging and production; most checkouts fail"


def _bad_migration(ground: Ground) -> str:
    from runbook_lib.practice.deployment import deploy, locked, new_run, targets
    from runbook_lib.practice.repository import GOOD, WORSE, add_worse

    run = new_run()
    with locked(ground, run):
        add_worse(ground.repository)
        for target in targets(ground):
            deploy(target, WORSE, run)
    return f"{WORSE} is live in staging and production; most checkouts fail, and it renamed a column that {GOOD} reads"


FAULTS = {
    "bad-release": Fault("the bad release goes live in staging and production", _bad_release, customers_fail),
    "bad-migration": Fault(
        "a bad release goes live that renamed a column which the good one reads",
        _bad_migration,
        route_fails("/checkout"),
    ),
}
