"""What belongs to the present trouble, and when it began."""

from __future__ import annotations

from dataclasses import replace

from tests.diagnosis.facts import LIVE, NOW, facts, flow, impact, message


def test_errors_that_ended_before_a_passed_verification_are_over() -> None:
    former = replace(message("price is null", NOW - 32), last=NOW - 26)
    now = message("cache refuses", NOW - 5)
    seen = facts(impact(real=flow(errors=8)), since=NOW - 28, passed={LIVE.id: NOW - 17}, messages=(former, now))
    assert [found.text for found in seen.current] == ["cache refuses"]
    assert seen.onset == NOW - 5


def test_errors_that_go_on_after_a_passed_verification_began_when_they_began() -> None:
    lasting = message("price is null", NOW - 40)
    seen = facts(impact(real=flow(errors=8)), since=NOW - 90, passed={LIVE.id: NOW - 17}, messages=(lasting,))
    assert seen.onset == NOW - 40


def test_without_trouble_there_is_no_beginning() -> None:
    assert facts(messages=(message("a warning", NOW - 40),)).onset is None
