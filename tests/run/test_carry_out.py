"""A section carried out: what is written about each step, and the ways in which it can end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runbook_lib.errors import (
    CommandError,
    JournalError,
    LockLostError,
    PlatformError,
    StepFailedError,
    UnsettledStepError,
    VerificationFailedError,
)
from runbook_lib.run.carry_out import CarryOut
from runbook_lib.run.journal import Event
from runbook_lib.run.plan import Section, Step, Verdict
from runbook_lib.run.state import State


class Desk:
    """Carries out sections of one step, and keeps the events in a list."""

    def __init__(self):
        self.state = State()
        self.events = []
        self.carry_out = CarryOut("r1", self.record, self.state)

    def record(self, kind, **data):
        self.events.append((kind, data))
        self.state.take(Event(len(self.events), "r1", 0.0, kind, data))

    def carry(self, *steps, **options):
        self.carry_out.section(Section("s", "shop/staging", "t", steps, **options))

    @property
    def kinds(self):
        return [kind for kind, _ in self.events]

    def outcome(self):
        return [data["outcome"] for kind, data in self.events if kind == "step finished"]

    def remark(self):
        return [data["remark"] for kind, data in self.events if kind == "step finished"][-1]


@pytest.fixture
def desk():
    return Desk()


def step(do=lambda: "", done=lambda: False, name="s.one", **options):
    return Step(name, "do one", do, done, **options)


def fails(error):
    def do():
        raise error

    return do


def forbidden():
    raise AssertionError("it acted")


# -- one step -------------------------------------------------------------------------------------------------------


def test_a_step_is_done_and_its_remark_kept(desk):
    desk.carry(step(lambda: "7 files"))
    assert desk.kinds == ["step started", "step finished"]
    assert (desk.outcome(), desk.remark()) == (["done"], "7 files")


def test_a_step_whose_failure_stops_nothing_is_written_down_and_the_next_one_done(desk):
    desk.carry(step(fails(StepFailedError("no answer")), stops=False), step(lambda: "7 files", name="s.two"))
    assert desk.outcome() == ["failed", "done"]
    assert "going back" not in desk.kinds


def test_a_step_whose_effect_holds_is_not_done(desk):
    desk.carry(step(forbidden, lambda: True))
    assert desk.outcome() == ["already"]


def test_a_step_that_was_finished_is_neither_done_nor_probed(desk):
    desk.record("step started", section="s", step="s.one")
    desk.record("step finished", section="s", step="s.one", outcome="done")
    desk.carry(step(forbidden, forbidden))
    assert len(desk.events) == 2


@pytest.mark.parametrize("before", ["started", "failed", "unknown"])
class TestABegunStep:
    @pytest.fixture(autouse=True)
    def _begun(self, desk, before):
        desk.record("step started", section="s", step="s.one")
        if before != "started":
            desk.record("step finished", section="s", step="s.one", outcome=before, remark="")

    def test_is_settled_when_its_effect_holds(self, desk):
        desk.carry(step(forbidden, lambda: True))
        assert desk.outcome()[-1] == "settled"

    def test_is_done_when_its_effect_does_not_hold(self, desk):
        desk.carry(step(lambda: "again", lambda: False))
        assert (desk.outcome()[-1], desk.remark()) == ("done", "again")

    def test_is_left_to_a_person_when_nothing_tells(self, desk):
        with pytest.raises(UnsettledStepError, match="nothing tells"):
            desk.carry(step(forbidden, lambda: None))

    def test_is_done_again_when_nothing_tells_and_that_does_no_harm(self, desk):
        desk.carry(step(lambda: "again", lambda: None, repeatable=True))
        assert desk.remark() == "again"

    def test_goes_back_when_its_probe_breaks(self, desk):
        with pytest.raises(StepFailedError, match="no checkout"):
            desk.carry(step(forbidden, fails(PlatformError("no checkout"))))
        assert desk.kinds[-2:] == ["going back", "went back"]


def test_a_remark_comes_out_printable_and_short(desk):
    desk.carry(step(lambda: "\x1b[31m" + "x" * 1000))
    assert desk.remark().isprintable()
    assert len(desk.remark()) <= 200


# -- failures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [StepFailedError("no"), CommandError("no"), PlatformError("no"), OSError("no"), ZeroDivisionError("no")]
)
def test_whatever_goes_wrong_in_a_step_is_written_down_and_goes_back(desk, error):
    with pytest.raises(StepFailedError, match="no"):
        desk.carry(step(fails(error)))
    assert desk.kinds == ["step started", "step finished", "going back", "went back"]
    assert desk.outcome() == ["failed"]


@pytest.mark.parametrize("error", [JournalError("no"), LockLostError("no"), UnsettledStepError("no")])
def test_what_must_stop_everything_does_not_go_back(desk, error):
    with pytest.raises(type(error)):
        desk.carry(step(fails(error)))
    assert desk.kinds == ["step started"]


@pytest.mark.parametrize(("done", "outcome"), [(True, "done"), (False, "unknown"), (None, "unknown")])
def test_an_interrupted_step_is_written_down_as_its_probe_sees_it(desk, done, outcome):
    effect = []

    def do():
        effect.append(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.carry(step(do, lambda: done if effect else False))
    assert desk.outcome() == [outcome]
    assert desk.kinds[-1] == "step finished"


def test_an_interruption_whose_probe_breaks_stays_an_interruption(desk):
    effect = []

    def do():
        effect.append(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.carry(step(do, lambda: 1 / 0 if effect else False))


# -- the way back ---------------------------------------------------------------------------------------------------


def test_without_steps_of_its_own_the_way_back_is_the_undo_of_what_ran_last_first(desk):
    undone = []
    steps = [
        step(name=name, undo=lambda name=name: undone.append(name) or "") for name in ("s.one", "s.two", "s.three")
    ]
    with pytest.raises(StepFailedError):
        desk.carry(steps[0], steps[1], replace(steps[2], do=fails(StepFailedError("no"))))
    assert undone == ["s.two", "s.one"]


def test_a_step_without_undo_is_left_as_it_is(desk):
    with pytest.raises(StepFailedError, match="what ran was taken back"):
        desk.carry(step(no_undo="mail"), step(fails(StepFailedError("no")), name="s.two"))


def test_a_way_back_of_its_own_is_taken_instead(desk):
    back = []
    with pytest.raises(StepFailedError):
        desk.carry(
            step(undo=forbidden),
            step(fails(StepFailedError("no")), name="s.two"),
            back=(step(lambda: back.append(1) or "", name="s.back"),),
        )
    assert back == [1]


@pytest.mark.parametrize("error", [StepFailedError("stuck"), CommandError("stuck"), PlatformError("stuck")])
def test_a_way_back_that_fails_is_left_to_be_continued(desk, error):
    with pytest.raises(UnsettledStepError, match=r"could not be put back: .*stuck") as left:
        desk.carry(step(fails(StepFailedError("no"))), back=(step(fails(error), name="s.back"),))
    assert "it goes on putting back" in left.value.next_step
    assert desk.kinds[-1] != "went back"


@pytest.mark.parametrize("error", [StepFailedError("stuck"), CommandError("stuck"), PlatformError("stuck")])
def test_a_way_back_that_cannot_be_confirmed_is_left_to_be_continued(desk, error):
    with pytest.raises(UnsettledStepError, match="stuck"):
        desk.carry(step(fails(StepFailedError("no"))), verified_back=fails(error))
    assert "went back" not in desk.kinds


def test_a_way_back_that_failed_goes_on_with_the_step_that_failed(desk):
    broken = [True]
    done = []

    def back():
        if broken:
            raise StepFailedError("stuck")
        done.append(1)
        return ""

    section = {"back": (step(back, name="s.back"),), "verified_back": lambda: "v2 serves again"}
    with pytest.raises(UnsettledStepError):
        desk.carry(step(fails(StepFailedError("no"))), **section)
    broken.clear()
    with pytest.raises(StepFailedError, match="v2 serves again"):
        desk.carry(step(forbidden), **section)
    assert done == [1]


# -- verdicts -------------------------------------------------------------------------------------------------------


def test_a_verdict_is_written_down_with_its_numbers(desk):
    desk.carry(verify=lambda: Verdict("PASS", ("good",), {"requests": 9}), release={"tag": "v1"})
    assert desk.events == [
        (
            "verified",
            {
                "section": "s",
                "what": "health",
                "environment": "shop/staging",
                "release": {"tag": "v1"},
                "verdict": "PASS",
                "reasons": ["good"],
                "numbers": {"requests": 9},
            },
        )
    ]


def test_a_failing_verdict_goes_back(desk):
    with pytest.raises(VerificationFailedError, match="shop/staging is not healthy: 500"):
        desk.carry(step(), verify=lambda: Verdict("FAIL", ("500",)))
    assert desk.kinds[-3:] == ["verified", "going back", "went back"]


@pytest.mark.parametrize(("otherwise", "said"), [("", "runbook show"), ("look elsewhere", "look elsewhere")])
def test_a_section_says_what_to_do_when_it_ends_badly(desk, otherwise, said):
    with pytest.raises(VerificationFailedError) as caught:
        desk.carry(step(), verify=lambda: Verdict("FAIL", ("500",)), otherwise=otherwise)
    assert said in caught.value.next_step


@pytest.mark.parametrize("error", [CommandError("no ssh"), PlatformError("no engine"), ZeroDivisionError("bug")])
def test_a_verification_that_breaks_goes_back(desk, error):
    with pytest.raises(StepFailedError, match=str(error)):
        desk.carry(step(), verify=fails(error))
    assert desk.kinds[-2:] == ["going back", "went back"]


def test_the_undo_of_a_step_that_was_never_begun_is_passed_over(desk):
    taken_back = []
    back = tuple(
        step(lambda name=name: taken_back.append(name) or "", name=f"{name}.undo", undoes=name)
        for name in ("s.three", "s.two", "s.one")
    )
    with pytest.raises(StepFailedError):
        desk.carry(step(), step(fails(StepFailedError("no")), name="s.two"), step(name="s.three"), back=back)
    assert taken_back == ["s.two", "s.one"]
