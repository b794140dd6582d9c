"""A plan as its reader sees it."""

from __future__ import annotations

from typing import Any

from runbook_lib.actions.showing import planned
from runbook_lib.command import Secret
from runbook_lib.run.plan import Plan, Section, Step


def step(name: str, **more: Any) -> Step:
    return Step(name, f"do {name}", lambda: "", lambda: None, **more)


def plan(*sections: Section, warnings: tuple[str, ...] = ()) -> Plan:
    return Plan("Roll back shop/production", sections, {}, warnings)


def section(*steps: Step, **more: Any) -> Section:
    return Section("production", "shop/production", "make v1 live", steps, **more)


def test_every_step_is_a_row_with_host_and_commands() -> None:
    steps = step("a", host="web-1", shows=("git fetch", "git checkout v1")), step("b", host="web-2")
    assert [row[:4] for row in planned(plan(section(*steps)), "a minute").rows] == [
        ("production", "web-1", "do a", "git fetch; git checkout v1"),
        ("production", "web-2", "do b", ""),
    ]


def test_each_step_tells_its_risk() -> None:
    steps = step("a", risk="users get 503"), step("b")
    assert [row[4] for row in planned(plan(section(*steps)), "").rows] == ["users get 503", ""]


def test_each_step_tells_how_it_is_undone() -> None:
    steps = step("a", no_undo="a backup does no harm"), step("b", undo=lambda: ""), step("c")
    assert [row[5] for row in planned(plan(section(*steps)), "").rows] == [
        "none: a backup does no harm",
        "goes back",
        "none",
    ]
    assert planned(plan(section(step("c"), back=(step("back"),))), "").rows[0][5] == "goes back"


def test_warnings_what_is_skipped_time_and_digest_stand_below() -> None:
    made = plan(section(skipped="it passed recently"), warnings=("the replicas differ",))
    assert planned(made, "a minute").notes == (
        "the replicas differ",
        "production: it passed recently",
        "expected time: a minute",
        f"digest {made.digest}",
    )


def test_no_form_of_it_shows_a_secret() -> None:
    Secret("way-in-7f3a")
    table = planned(plan(section(step("a", shows=("artisan down --secret=way-in-7f3a",)))), "")
    assert "way-in-7f3a" not in str(table) + table._repr_html_() + table._repr_markdown_()
