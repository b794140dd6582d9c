"""A run as it happens, in a notebook."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.notebook.offer import BACK, Offer
from runbook_lib.notebook.progress import Follower, Progress, follow
from runbook_lib.run import live
from runbook_lib.run.journal import Event

STEPS = [{"id": f"p.{name}", "host": "web-1", "title": name, "shows": []} for name in ("link", "run")]
FACTS = {
    "title": "Roll back",
    "warnings": [],
    "sections": [{"name": "production", "skipped": "", "steps": STEPS}],
}
SECTION = {"section": "production", "title": "make it live", "seconds": 12.0}
STEP = {"section": "production", "step": "p.link", "title": "link", "host": "web-1"}


def event(kind: str, **data: Any) -> Event:
    return Event(1, "r", 0.0, kind, data)


def progress(*events: Event, kernel: str = "") -> Progress:
    made = Progress(kernel)
    for one in (event("planned", facts=FACTS, digest="d"), event("section started", **SECTION), *events):
        made.take(one)
    return made


def test_all_steps_are_there_from_the_beginning() -> None:
    assert [row[2:4] for row in progress().steps.values()] == [["link", ""], ["run", ""]]


def test_a_step_shows_how_it_went() -> None:
    made = progress(event("step started", **STEP), event("step finished", **STEP, outcome="done", seconds=0.25))
    assert made.steps["p.link"] == ["production", "web-1", "link", "done", "0.2 s"]
    assert made.words.startswith("1 of 2 steps")


def test_elapsed_stands_beside_expected() -> None:
    assert "of about 12 s" in progress().words


def test_an_observation_draws_its_points() -> None:
    made = progress(event("observing", section="production", seconds=8))
    assert "<svg" not in made._repr_html_()
    made.take(event("measured", section="production", point=[0.0, 10.0, 0]))
    assert "<svg" in made._repr_html_()


def test_the_button_is_there_while_something_runs() -> None:
    made = progress(kernel="abc")
    assert "api/kernels/abc/interrupt" in made._repr_html_()
    made.take(event("section finished", section="production"))
    assert "button" not in made._repr_html_()


def test_text_from_outside_is_text() -> None:
    made = progress(event("step started", **{**STEP, "title": "<script>x</script>"}), kernel="<i>")
    assert "<script>" not in made._repr_html_()
    assert "<i>" not in made._repr_html_()


def test_it_reads_without_colour() -> None:
    made = progress(event("step finished", **STEP, outcome="failed", seconds=1.0))
    assert "link  failed  1.0 s" in str(made)


def test_one_display_is_brought_up_to_date() -> None:
    shown: list[str] = []

    def display(thing: Any) -> Any:
        shown.append("new")
        return lambda _thing: shown.append("again")

    follower = Follower(display, "")
    for one in (
        event("planned", facts=FACTS, digest="d"),
        event("section started", **SECTION),
        event("step started", **STEP),
    ):
        follower(one)
    follower(event("section started", **SECTION))
    assert shown == ["new", "again", "new"]


def test_what_is_not_displayed_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    Follower(lambda _thing: lambda _again: None, "")(event("lifted", what="maintenance mode", environment="shop"))
    assert "maintenance mode is lifted" in capsys.readouterr().out


def test_a_run_in_which_nothing_was_to_be_done_has_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    shown: list[Any] = []
    follower = Follower(lambda thing: shown.append(thing) or (lambda _thing: None), "")
    follower(event("section started", **SECTION))
    follower(event("opened", runbook="triage", environment="shop/production"))
    follower(event("closed", status="succeeded", reason="", seconds=1.0))
    assert (len(shown), "succeeded" in capsys.readouterr().out) == (1, True)


def test_following_again_takes_the_place_of_the_former(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "listeners", [])
    monkeypatch.setattr(live, "echo", True)
    for _ in range(2):
        follow(lambda _thing: lambda _again: None, "")
    assert (len(live.listeners), live.echo) == (1, False)


def test_what_was_begun_and_stopped_is_offered_to_be_put_back() -> None:
    shown: list[Any] = []

    def display(thing: Any) -> Any:
        shown.append(thing)
        return lambda _thing: None

    follower = Follower(display, "")
    stopped = event("interrupted", reason="stopped before link, as you asked")
    follower(event("opened", runbook="rollback", environment="shop/production"))
    follower(event("section started", **SECTION))
    follower(stopped)
    assert not any(isinstance(thing, Offer) for thing in shown)
    follower(event("step started", **STEP))
    follower(stopped)
    assert isinstance(shown[-1], Offer)
    assert BACK in str(shown[-1])


def test_an_offer_without_a_run_says_so_at_its_button() -> None:
    said, button, came = Offer("stopped by <b>hand</b>", None).widget().children
    assert "&lt;b&gt;hand" in said.value
    button.click()
    assert came.value == "there is no run"


def test_a_continued_run_shows_what_was_done_before() -> None:
    made = Progress()
    made.take(event("continued", former="ann@web-1", left="interrupted"))
    made.recall([event("planned", facts=FACTS), event("step finished", **STEP, outcome="done", seconds=0.25)])
    made.take(event("section started", **SECTION))
    assert [row[2:] for row in made.steps.values()] == [["link", "done", "0.2 s"], ["run", "", ""]]
    assert made.begun


def test_what_its_cell_returns_as_a_table_is_not_printed_too(capsys: pytest.CaptureFixture[str]) -> None:
    Follower(lambda _thing: lambda _again: None, "")(event("planned", facts=FACTS, digest="d"))
    assert capsys.readouterr().out == ""


def test_it_has_a_form_in_markdown() -> None:
    assert "| production | web-1 | link |" in progress()._repr_markdown_()
