"""Queued jobs that a release cannot run: counted before the switch, set aside around it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runbook_lib.actions.release.waiting_jobs import SettingAside, WaitingJobs, looked_at
from runbook_lib.platforms.base import Release
from runbook_lib.platforms.git import GitPlatform
from runbook_lib.run.in_force import in_force
from runbook_lib.run.plan import Section, Step
from runbook_lib.run.run import Run
from tests.actions.release.queued_shop import PLACE, SEND, QueuedShop
from tests.platforms.git_shop import alone


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> QueuedShop:
    alone(monkeypatch)
    return QueuedShop(tmp_path).build()


def waiting(shop: QueuedShop, tag: str = "v4") -> WaitingJobs:
    return WaitingJobs(shop.target, GitPlatform(shop.target), shop.release(tag))


def around(shop: QueuedShop, run: Run, during: tuple[str, ...] = ()) -> Section:
    """The section of a switch during which these jobs are queued."""

    def do() -> str:
        shop.queue(*during)
        return ""

    switch = Step("production.switch", "switch", do, lambda: None)
    section = Section("production", "shop/production", "make v4 live", (switch,), (replace(switch, id="back"),))
    return SettingAside(waiting(shop), "production", run).around(section)


def forced(run: Run) -> list[str]:
    return [item.undo for item in in_force(run.journal)]


def test_the_jobs_whose_class_the_release_lacks_are_counted(shop: QueuedShop) -> None:
    assert waiting(shop).counted() == {SEND: 2}
    assert waiting(shop, "v5").counted() == {}


def test_they_are_set_aside_before_the_switch_and_again_after_it(shop: QueuedShop, run: Run) -> None:
    remarks = [step.do() for step in around(shop, run, during=(SEND, PLACE)).steps]
    assert remarks == [f"2 set aside: {SEND} 2", "", f"3 set aside: {SEND} 3"]
    assert shop.waiting() == {PLACE: 3}


def test_what_is_kept_names_the_command_that_returns_it(shop: QueuedShop, run: Run) -> None:
    around(shop, run).steps[0].do()
    assert forced(run) == [f"runbook jobs put-back {run.id}.production"]


def test_it_is_in_force_before_the_first_job_moves(shop: QueuedShop, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def dying(self: object, names: set[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(WaitingJobs, "of_names", dying)
    with pytest.raises(KeyboardInterrupt):
        around(shop, run).steps[0].do()
    assert len(forced(run)) == 1
    assert shop.waiting() == {PLACE: 2, SEND: 2}


def test_where_there_are_none_nothing_stays_in_force(shop: QueuedShop, run: Run) -> None:
    shop.make_live("v4")
    section = replace(around(shop, run))
    for step in section.steps:
        step.do()
    for step in section.back:
        step.do()
    assert shop.waiting() == {PLACE: 2, SEND: 2}
    assert forced(run) == []


def test_done_twice_it_sets_nothing_aside_twice(shop: QueuedShop, run: Run) -> None:
    first = around(shop, run).steps[0]
    assert [first.do(), first.do()] == [f"2 set aside: {SEND} 2"] * 2


def test_what_is_looked_at_is_recorded_and_shown(shop: QueuedShop, run: Run) -> None:
    table = looked_at([waiting(shop)], run, "")
    assert table.rows == [("shop/production", SEND, "2")]
    assert "will fail once the release runs them; -p jobs aside" in table.notes[0]
    (event,) = run.journal.events(run.id, "jobs counted")
    assert event.data["counts"] == {SEND: 2}


@pytest.mark.parametrize(
    ("tag", "decision", "said"),
    [
        ("v5", "", "there are none"),
        ("v4", "aside", "are set aside around the switch"),
        ("v4", "leave", "they are left"),
    ],
)
def test_what_becomes_of_them_is_said(shop: QueuedShop, run: Run, tag: str, decision: str, said: str) -> None:
    assert said in looked_at([waiting(shop, tag)], run, decision).notes[0]


def test_a_store_that_cannot_be_read_stops_nothing_and_is_said(shop: QueuedShop, run: Run) -> None:
    (shop.folder / "shop.db").unlink()
    (note,) = looked_at([waiting(shop)], run, "").notes
    assert note.startswith("shop/production: they cannot be read: ")


def test_an_environment_without_queues_is_not_looked_at(shop: QueuedShop, run: Run) -> None:
    file = shop.folder / "runbooks.toml"
    file.write_text(file.read_text().replace('queues = { store = "database" }\n', ""))
    table = looked_at([WaitingJobs(shop.target, GitPlatform(shop.target), Release("v4", "4"))], run, "")
    assert (table.rows, "no table queues is configured" in table.notes[0]) == ([], True)
