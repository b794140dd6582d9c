"""A plan is a pure function of its snapshot, and its digest is its name."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from runbook_lib.run.plan import Plan, Section, Step, Verdict, canonical


def step(name="s.link", **changes):
    return replace(Step(name, "switch the link", lambda: "", lambda: False, "web-1", ("ln -s a b",)), **changes)


def section(*steps, **changes):
    return replace(Section("s", "shop/staging", "make it live", steps or (step(),)), **changes)


def plan(*sections, **changes):
    return replace(Plan("Roll back", sections or (section(),), {"live": "v2"}), **changes)


CHANGES = {
    "title": plan(title="Roll on"),
    "warning": plan(warnings=("replicas differ",)),
    "snapshot": plan(snapshot={"live": "v3"}),
    "step left out": plan(section(steps=())),
    "step id": plan(section(step("s.other"))),
    "step title": plan(section(step(title="x"))),
    "host": plan(section(step(host="web-2"))),
    "command": plan(section(step(shows=("rm -rf /",)))),
    "repeatable": plan(section(step(repeatable=True))),
    "way back": plan(section(back=(step("s.back"),))),
    "release": plan(section(release={"id": "1"})),
    "environment": plan(section(environment="shop/production")),
    "skipped": plan(section(skipped="it passed")),
    "order": plan(section(step("a"), step("b"))),
}


def test_the_same_plan_has_the_same_digest():
    assert plan().digest == plan().digest


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES)
def test_whatever_a_person_sees_changes_the_digest(changed):
    assert changed.digest != plan().digest
    assert len({other.digest for other in CHANGES.values()}) == len(CHANGES)


def test_the_order_of_steps_changes_the_digest():
    assert plan(section(step("a"), step("b"))).digest != plan(section(step("b"), step("a"))).digest


def test_how_a_step_is_done_does_not_change_the_digest():
    assert plan(section(step(do=lambda: "otherwise"))).digest == plan().digest


def test_the_expected_time_does_not_change_the_digest():
    assert plan(section(seconds=12.0)).digest == plan().digest


def test_the_facts_survive_the_record():
    assert json.loads(canonical(plan().facts)) == plan().facts


def test_each_environment_that_is_changed_is_locked_once_in_one_order():
    found = plan(section(environment="b"), section(environment="a"), section(environment="b"))
    assert found.environments == ("a", "b")


def test_a_section_without_steps_needs_no_lock():
    assert plan(section(steps=(), skipped="nothing to do"), section(environment="a")).environments == ("a",)


def test_a_section_is_found_by_its_name():
    assert plan().section("s").title == "make it live"
    with pytest.raises(KeyError, match=r"no section 'x'; it has \['s'\]"):
        plan().section("x")


def test_steps_come_with_their_sections_in_order():
    found = plan(section(step("a"), step("b"), name="1"), section(step("c"), name="2"))
    assert [(s.name, t.id) for s, t in found.steps()] == [("1", "a"), ("1", "b"), ("2", "c")]


def test_the_undo_of_a_step_is_a_step():
    undone = step(undo=lambda: "taken back").undone()
    assert (undone.id, undone.title, undone.host, undone.repeatable) == (
        "s.link.undo", "undo switch the link", "web-1", True,
    )  # fmt: skip
    assert undone.do() == "taken back"


def test_a_step_without_undo_has_none():
    assert step(no_undo="mail cannot be called back").undone() is None


def test_only_pass_is_passed():
    assert [Verdict(result).passed for result in ("PASS", "FAIL", "INCONCLUSIVE")] == [True, False, False]


def test_json_has_one_spelling():
    assert canonical({"b": 1, "a": [True, None, "ü"]}) == '{"a":[true,null,"ü"],"b":1}'


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_json_cannot_say_is_refused(number):
    with pytest.raises(ValueError):
        canonical(number)


def test_bytes_that_are_no_text_can_be_spelled_and_come_back():
    text = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert json.loads(canonical(text)) == text
    canonical(text).encode()
