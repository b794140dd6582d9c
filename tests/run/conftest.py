"""A world in memory that runs act on, a journal of its own for each test, and a crash that can be had anywhere."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import StepFailedError
from runbook_lib.run import live
from runbook_lib.run import run as runs
from runbook_lib.run.gate import Terms
from runbook_lib.run.journal import Event, Journal
from runbook_lib.run.plan import Plan, Section, Step, Verdict
from runbook_lib.run.run import Run

PASS = Verdict("PASS", ("all good",), {"requests": 20})
FAIL = Verdict("FAIL", ("checkout answers 500",), {"requests": 20})
NOTHING_SEEN = Verdict("INCONCLUSIVE", ("0 requests were seen",), {"requests": 0})
OPEN_GATE = Terms("none", expires=3600, wait=0, word="v1")


class Crash(BaseException):
    """The process is gone."""


@dataclass
class World:
    """Two environments that serve a release each. A step's effect is counted by its id."""

    journal: Journal
    live: dict[str, str] = field(default_factory=lambda: {"staging": "v2", "production": "v2"})
    files: dict[str, set[str]] = field(default_factory=lambda: {"staging": {"v2"}, "production": {"v2"}})
    effects: Counter[str] = field(default_factory=Counter)
    failing: set[str] = field(default_factory=set)
    health: dict[str, Verdict] = field(default_factory=dict)
    seen: Verdict = PASS
    terms: Terms = OPEN_GATE
    before_effect: Callable[[str], None] = lambda step: None

    def read(self) -> dict[str, Any]:
        return {"live": dict(self.live), "release": "v1"}

    def build(self, snapshot: dict[str, Any]) -> Plan:
        return Plan("Roll back to v1", tuple(self.section(name, snapshot) for name in self.live), snapshot)

    def section(self, name: str, snapshot: dict[str, Any]) -> Section:
        before = snapshot["live"][name]
        return Section(
            name,
            f"shop/{name}",
            f"make v1 live in {name}",
            steps=(
                self.step(f"{name}.files", lambda: self.files[name].add("v1"), lambda: "v1" in self.files[name]),
                self.step(f"{name}.link", lambda: self.live.update({name: "v1"}), lambda: self.live[name] == "v1"),
            ),
            back=(
                self.step(
                    f"{name}.back.link",
                    lambda: self.live.update({name: before}),
                    lambda: self.live[name] == before,
                ),
            ),
            verify=lambda: self.health.get(name, PASS),
            verified_back=lambda: f"{self.live[name]} serves again",
            release={"tag": "v1", "id": "1" * 40},
            observed=name == "production",
        )

    def step(self, name: str, effect: Callable[[], object], done: Callable[[], bool | None], **options: Any) -> Step:
        def do() -> str:
            self.before_effect(name)
            if name in self.failing:
                raise StepFailedError(f"{name} does not work here")
            self.effects[name] += 1
            effect()
            return ""

        return Step(name, f"do {name}", do, done, **options)

    def open(self, **options: Any) -> Run:
        parameters = {"tag": "v1"}
        return Run.open(self.journal, "rollback", "shop/production", parameters, same=("tag",), **options)

    def planned(self, **options: Any) -> Run:
        run = self.open(**options)
        run.propose(self.read, self.build)
        return run

    def approved(self, **options: Any) -> Run:
        run = self.planned(**options)
        run.approve(self.terms)
        return run

    def procedure(self, **options: Any) -> str:
        """The whole runbook, as the cells of a notebook call it."""
        run = self.approved(**options)
        run.apply("staging")
        run.apply("production")
        run.observe("production", 0, lambda report: self.seen)
        return run.close()

    def kinds(self, run: str = "") -> list[str]:
        return [event.kind for event in self.journal.events(run)]

    def last(self, kind: str) -> Event:
        return list(self.journal.events(kind=kind))[-1]

    @property
    def status(self) -> str:
        """Status of the newest run."""
        return self.journal.runs(1)[0].status


@dataclass
class Crashing:
    """A process that dies at a boundary: `at` the n-th event from now on, before or after it is on disk."""

    patch: pytest.MonkeyPatch
    journal: Journal

    @contextlib.contextmanager
    def at(self, number: int, after: bool) -> Iterator[None]:
        """Within, the n-th append kills; then nothing of the process reaches the journal any more."""
        append, transaction = Journal.append, Journal.transaction
        count, dead = 0, False

        def dying_append(journal: Journal, *args: Any, **kwargs: Any) -> Event:
            nonlocal count, dead
            count += 1
            if count == number and not after:
                dead = True
            event = append(journal, *args, **kwargs)
            if count == number:
                dead = True
                raise Crash
            return event

        @contextlib.contextmanager
        def dying_transaction(journal: Journal) -> Iterator[sqlite3.Connection]:
            if dead:
                raise Crash
            with transaction(journal) as connection:
                yield connection

        with self.patch.context() as patch:
            patch.setattr(Journal, "append", dying_append)
            patch.setattr(Journal, "transaction", dying_transaction)
            with contextlib.suppress(Crash):
                yield
            self.bury()

    def bury(self) -> None:
        """Forget what the process knew, and make its locks those of a process that is gone."""
        for run in runs.open_runs():
            run._locks._stop.set()
        runs._open.clear()
        with sqlite3.connect(self.journal.file) as connection:
            connection.execute("UPDATE locks SET born = 'another boot'")


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No run of another test, nobody at the terminal, no lines."""
    monkeypatch.setattr(live, "echo", False)
    monkeypatch.setattr(live, "listeners", [])
    monkeypatch.setenv("RUNBOOK_INTERACTIVE", "0")
    monkeypatch.setenv("RUNBOOK_ACTOR", "ada")
    yield
    for run in runs.open_runs():
        run._let_go()


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "state")


@pytest.fixture
def world(journal: Journal) -> World:
    return World(journal)


@pytest.fixture
def crashing(monkeypatch: pytest.MonkeyPatch, journal: Journal) -> Crashing:
    return Crashing(monkeypatch, journal)
