"""Which backups stay: whatever the rules, never without the newest verified one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.backups.record import Backup, Verified
from runbook_lib.backups.retention import kept
from runbook_lib.config import Keep

START = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
DAY = 86_400


def backup(name: str, day: float, verified: bool = True, evidence: bool = False) -> Backup:
    at = START + day * DAY
    return Backup(name, "shop/production", at, at, [], {}, Verified(at, "run") if verified else None, evidence)


backups = st.lists(
    st.tuples(st.floats(0, 400), st.booleans(), st.booleans()),
    max_size=30,
).map(lambda found: [backup(f"b{n}", *values) for n, values in enumerate(found)])
rules = st.builds(Keep, last=st.integers(1, 9), daily=st.integers(0, 9), weekly=st.integers(0, 9))


@given(backups, rules)
def test_the_newest_verified_one_always_stays(found: list[Backup], keep: Keep) -> None:
    verified = [one for one in found if one.verified and not one.evidence]
    if verified:
        assert max(verified, key=lambda one: (one.began, one.id)).id in kept(found, keep)


@given(backups, rules)
def test_while_none_is_verified_all_stay(found: list[Backup], keep: Keep) -> None:
    if not any(one.verified and not one.evidence for one in found):
        assert set(kept(found, keep)) == {one.id for one in found}


@given(backups, rules)
def test_the_last_ones_and_evidence_stay(found: list[Backup], keep: Keep) -> None:
    newest = sorted((one for one in found if not one.evidence), key=lambda one: (one.began, one.id))[-keep.last :]
    evidence = [one for one in found if one.evidence]
    assert {one.id for one in [*newest, *evidence]} <= set(kept(found, keep))


@given(backups, rules)
def test_no_more_stay_than_the_rules_say(found: list[Backup], keep: Keep) -> None:
    plain = [one for one in found if not one.evidence]
    if any(one.verified for one in plain):
        staying = [one for one in plain if one.id in kept(found, keep)]
        assert len(staying) <= 1 + keep.last + keep.daily + keep.weekly


@given(backups, rules)
def test_what_stays_does_so_again_when_the_others_are_gone(found: list[Backup], keep: Keep) -> None:
    once = kept(found, keep)
    assert kept([one for one in found if one.id in once], keep).keys() == once.keys()


def test_the_newest_of_each_day_and_week_stays() -> None:
    found = [backup(f"d{day}{hour}", day + hour / 24) for day in range(20) for hour in (1, 5)]
    assert set(kept(found, Keep(last=1, daily=3, weekly=3))) == {"d195", "d185", "d175", "d135", "d65"}


def test_what_was_recovered_takes_no_other_ones_place() -> None:
    found = [backup("b1", 0.1), backup("b2", 1.1)]
    recovered = [replace(backup(f"r{n}", day, verified=True), recovered="b1") for n, day in enumerate((0.5, 1.5, 0.2))]
    assert set(kept([*found, *recovered], Keep(last=1, daily=2, weekly=0))) == {"b1", "b2", "r1"}
