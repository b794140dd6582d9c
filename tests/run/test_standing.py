"""What the record says of releases."""

from __future__ import annotations

import time

import pytest

from runbook_lib.platforms.base import Release
from runbook_lib.run.standing import Standing

NEW, MIDDLE, OLD = (Release(f"v{n}", str(n) * 40) for n in (3, 2, 1))
RELEASES = [NEW, MIDDLE, OLD]
LABEL = "shop/production"


def judged(journal, release, verdict, kind="observed", environment=LABEL):
    return journal.append("r1", kind, {"environment": environment, "release": release.facts, "verdict": verdict})


def marked(journal, release, mark, environment=LABEL):
    data = {"environment": environment, "release": release.facts, "mark": mark, "reason": "checkout fails"}
    journal.append("", "marked", data)


def standing(journal):
    return Standing.of(journal, LABEL)


@pytest.mark.parametrize("kind", ["verified", "observed"])
def test_a_release_that_passed_is_known_to_be_good(journal, kind):
    judged(journal, OLD, "PASS", kind)
    assert standing(journal).word(OLD.id) == "known good"


@pytest.mark.parametrize("verdict", ["FAIL", "INCONCLUSIVE"])
def test_a_release_that_did_not_pass_is_not(journal, verdict):
    judged(journal, OLD, verdict)
    assert standing(journal).word(OLD.id) == ""


def test_a_later_failure_takes_the_pass_away(journal):
    judged(journal, OLD, "PASS")
    judged(journal, OLD, "FAIL")
    assert standing(journal).word(OLD.id) == ""


def test_a_later_pass_makes_up_for_a_failure(journal):
    judged(journal, OLD, "FAIL")
    judged(journal, OLD, "PASS")
    assert standing(journal).word(OLD.id) == "known good"


def test_an_observation_that_failed_takes_the_verification_before_it_away(journal):
    judged(journal, OLD, "PASS", "verified")
    judged(journal, OLD, "FAIL", "observed")
    assert standing(journal).word(OLD.id) == ""


def test_a_later_verification_makes_up_for_an_observation_that_failed(journal):
    judged(journal, OLD, "FAIL", "observed")
    judged(journal, OLD, "PASS", "verified")
    assert standing(journal).word(OLD.id) == "known good"


def test_a_verification_that_failed_later_takes_the_observation_away(journal):
    judged(journal, OLD, "PASS", "observed")
    judged(journal, OLD, "FAIL", "verified")
    assert standing(journal).word(OLD.id) == ""


def test_another_environment_does_not_count(journal):
    judged(journal, OLD, "PASS", environment="shop/staging")
    marked(journal, OLD, "bad", environment="shop/staging")
    assert standing(journal).word(OLD.id) == ""


def test_a_tag_that_was_moved_is_another_release(journal):
    judged(journal, OLD, "PASS")
    assert standing(journal).last_known_good([Release(OLD.tag, "f" * 40)], []) is None


def test_a_bad_mark_outweighs_a_pass_until_it_is_taken_away(journal):
    judged(journal, OLD, "PASS")
    marked(journal, OLD, "bad")
    assert standing(journal).word(OLD.id) == "bad"
    assert standing(journal).bad[OLD.id] == "checkout fails"
    marked(journal, OLD, "good")
    assert standing(journal).word(OLD.id) == "known good"


def test_the_last_known_good_is_the_newest_that_passed(journal):
    judged(journal, MIDDLE, "PASS")
    judged(journal, OLD, "PASS")
    assert standing(journal).last_known_good(RELEASES, []) == MIDDLE


def test_the_last_known_good_is_neither_live_nor_bad(journal):
    for release in RELEASES:
        judged(journal, release, "PASS")
    marked(journal, MIDDLE, "bad")
    assert standing(journal).last_known_good(RELEASES, [NEW.id]) == OLD


def test_nothing_proven_is_nothing_known(journal):
    assert standing(journal).last_known_good(RELEASES, []) is None


@pytest.mark.parametrize(("age", "recent"), [(0, True), (3599, True), (3700, False), (-60, False)])
def test_a_pass_is_recent_for_its_time_and_never_from_the_future(age, recent):
    found = Standing({OLD.id: time.time() - age})
    assert found.passed_within(OLD.id, 3600) is recent
    assert not found.passed_within(NEW.id, 3600)
