"""Workers after a switch: the moment is noted, and who still runs the code of before is told, or is a failure."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.actions.release.workers import Workers
from runbook_lib.command import Command, Result
from runbook_lib.connectors.base import Connector
from runbook_lib.run.plan import Verdict
from tests.actions.application import Application, Host

GOOD = Verdict("PASS", ("2 readings good",), {"readings": 2})


class Machine(Application):
    """started: of its one worker, in seconds after the machine started; none without."""

    started: float | None = None
    up = 100.0

    def live(self, command: Command, host: str) -> tuple[Connector, Command]:
        return Telling(self, host), command

    def line(self) -> str:
        return "" if self.started is None else f"7\t{self.started * 100:.0f}\t\tphp artisan queue:work\n"


class Telling(Host):
    def read(self, command: Command) -> Result:
        assert isinstance(self.application, Machine)
        return Result(0, self.application.line())

    def change(self, command: Command, mark: str, *, repeatable: bool = False) -> Result:
        assert isinstance(self.application, Machine)
        return self.application.ends.setdefault(mark, Result(0, f"{self.application.up} 12.5"))


def workers(machine: Machine, **laravel: Any) -> Workers:
    target = machine.target(folder=None, **{"workers_within": 0.1, **laravel})
    assert target.environment.laravel is not None
    return Workers(target, machine, target.environment.laravel, ["web-1"], "run-1")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(Workers, "_folder", "")
    return Machine()


def switched(found: Workers) -> Workers:
    for step in found.noted():
        assert not step.done()
        step.do()
        assert step.done()
    return found


def test_a_worker_that_started_since_is_good(machine: Machine) -> None:
    found = switched(workers(machine))
    machine.started = 101.0
    assert found.seen(GOOD).reasons == ("2 readings good", "1 workers on web-1 started since")


def test_an_old_worker_is_a_warning(machine: Machine) -> None:
    found = switched(workers(machine))
    machine.started = 99.0
    verdict = found.seen(GOOD)
    assert verdict.result == "PASS"
    assert verdict.reasons[1].startswith("WARNING: 1 of 1 workers on web-1 run the code of before")
    assert verdict.numbers == {"readings": 2, "old_workers": 1}


def test_an_old_worker_is_a_failure_where_that_is_configured(machine: Machine) -> None:
    found = switched(workers(machine, old_workers="fail"))
    machine.started = 99.0
    assert found.seen(GOOD).result == "FAIL"


def test_the_moment_that_was_noted_outlives_the_run_that_noted_it(machine: Machine) -> None:
    switched(workers(machine))
    machine.up, machine.started = 500.0, 101.0
    assert switched_before(workers(machine)).seen(GOOD).numbers["old_workers"] == 0


def switched_before(found: Workers) -> Workers:
    assert all(step.done() for step in found.noted())
    return found


def test_without_seconds_nobody_looks(machine: Machine) -> None:
    found = workers(machine, workers_within=0)
    assert list(found.noted()) == []
    assert found.seen(GOOD) == GOOD


def test_a_verdict_that_is_bad_stays_what_it_is(machine: Machine) -> None:
    bad = Verdict("FAIL", ("/up: 500",))
    assert workers(machine).seen(bad) == bad
