"""Carrying out a section: its steps, what they came to, and the way back when they did not work."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any, NoReturn

from runbook_lib.command import mask, printable
from runbook_lib.errors import (
    CommandError,
    InconclusiveError,
    JournalError,
    LockLostError,
    RunbookError,
    StepFailedError,
    UnsettledStepError,
    VerificationFailedError,
)
from runbook_lib.run import gate, live
from runbook_lib.run.plan import Section, Step, Verdict
from runbook_lib.run.state import State
from runbook_lib.run.stopping import stoppable, stopped

Record = Callable[..., Any]


class CarryOut:
    """Carries out sections for one run. record: writes an event, before and after each step; state: where the run
    stands, which the events keep up to date."""

    def __init__(self, run: str, record: Record, state: State) -> None:
        self._run = run
        self._record = record
        self._state = state

    def section(self, section: Section) -> None:
        """Do the steps that are not done, verify, judge. StepFailedError or VerificationFailedError once what served
        before is back; UnsettledStepError when nothing tells where a step stands."""
        self.resume_going_back(section)
        try:
            with stoppable(gate.can_ask(), live.say) as asked_to_stop:
                for step in section.steps:
                    if asked_to_stop():
                        raise stopped(step.title)
                    self._do_or_go_on(section, step)
            verdict = _verdict(section)
        except (StepFailedError, CommandError) as error:
            self._go_back(section, error.message, StepFailedError)
        if section.verify:
            self.verdict("verified", "health", section, verdict)
        self.judge(section, verdict)

    def verdict(self, kind: str, what: str, section: Section, verdict: Verdict) -> None:
        """Write a verdict down."""
        self._record(
            kind,
            section=section.name,
            what=what,
            environment=section.environment,
            release=section.release,
            verdict=verdict.result,
            reasons=list(verdict.reasons),
            numbers=verdict.numbers,
        )

    def judge(self, section: Section, verdict: Verdict) -> None:
        """Act on a verdict: FAIL goes back and raises, INCONCLUSIVE stays and raises."""
        reasons = "; ".join(verdict.reasons)
        if verdict.result == "FAIL":
            reason = f"{section.environment} is not healthy: {reasons}"
            self._go_back(section, reason, VerificationFailedError)
        if verdict.result == "INCONCLUSIVE":
            raise InconclusiveError(
                f"{section.environment} could not be shown to be healthy: {reasons}",
                next_step="see to it that there is something to observe, then verify it again",
            )

    def resume_going_back(self, section: Section) -> None:
        """Go on going back when the run was interrupted while it did."""
        if self._state.sections.get(section.name) in ("going back", "went back"):
            self._go_back(section, "the run was interrupted while it went back", StepFailedError)

    # -- one step -----------------------------------------------------------------------------------------------

    def _do_or_go_on(self, section: Section, step: Step) -> None:
        try:
            self._do(section, step)
        except (StepFailedError, CommandError):
            if step.stops:
                raise

    def _do(self, section: Section, step: Step) -> None:
        if self._state.settled(step.id):
            return
        if step.id in self._state.steps:
            self._do_again(section, step)
        else:
            self._event("step started", section, step)
            self._act(section, step, lambda: ("already", "it held already") if step.done() else ("done", step.do()))

    def _do_again(self, section: Section, step: Step) -> None:
        """A step that was begun before: its probe tells whether it took effect."""
        try:
            holds = step.done()
        except Exception as error:
            raise _as_failure(step, error) from error
        if holds is None and not step.repeatable:
            raise UnsettledStepError(
                f"step {step.id} ({step.title}) was interrupted and nothing tells whether it took effect",
                next_step=f"make sure that it holds, `runbook settle {self._run} {step.id}`, then the same command",
            )
        if holds:
            self._act(section, step, lambda: ("settled", "it had taken effect before the interruption"))
        else:
            self._act(section, step, lambda: ("done", step.do()))

    def _act(self, section: Section, step: Step, act: Callable[[], tuple[str, str]]) -> None:
        """Do it and write down what came of it, whatever that is."""
        started = time.monotonic()
        try:
            outcome, remark = act()
        except KeyboardInterrupt:
            with contextlib.suppress(Exception):
                self._finish(section, step, "done" if step.done() else "unknown", "interrupted", started)
            raise
        except (JournalError, LockLostError, UnsettledStepError):
            raise
        except Exception as error:
            failure = _as_failure(step, error)
            self._finish(section, step, "failed", failure.message, started)
            raise failure from error
        self._finish(section, step, outcome, remark, started)

    def _finish(self, section: Section, step: Step, outcome: str, remark: str, started: float) -> None:
        seconds = round(time.monotonic() - started, 3)
        # Masked first: what is cut or escaped is no longer found.
        remark = printable(mask(remark), 200)
        self._event("step finished", section, step, outcome=outcome, remark=remark, seconds=seconds)

    def _event(self, kind: str, section: Section, step: Step, **data: Any) -> None:
        self._record(kind, section=section.name, step=step.id, title=step.title, host=step.host, **data)

    # -- the way back -------------------------------------------------------------------------------------------

    def _go_back(self, section: Section, reason: str, error: type[RunbookError]) -> NoReturn:
        """Put back what served before, say so, and raise. A section that only looks has nothing to put back."""
        next_step = section.otherwise or f"read the record: `runbook show {self._run}`"
        if not section.steps:
            raise error(reason, next_step=next_step)
        raise error(f"{reason}. {self.put_back(section, reason)}", next_step=next_step)

    def put_back(self, section: Section, reason: str) -> str:
        """Put back what served before a section, where that is not done yet; one line on what serves now.
        UnsettledStepError when it cannot be put back."""
        if self._state.sections.get(section.name) == "went back":
            return "what served before serves again"
        self._record("going back", section=section.name, reason=reason)
        try:
            for step in section.back or _undo_of(section, self._state):
                if not step.undoes or step.undoes in self._state.steps:
                    self._do(section, step)
            remark = section.verified_back() if section.verified_back else "what ran was taken back"
        except (JournalError, LockLostError, UnsettledStepError):
            raise
        except Exception as failure:
            raise UnsettledStepError(
                f"{reason}. And {section.environment} could not be put back: {_text(failure)}",
                next_step="mend the cause, then run the same command again: it goes on putting back",
            ) from failure
        self._record("went back", section=section.name, remark=remark)
        return remark


def _verdict(section: Section) -> Verdict:
    """What verification came to; one that breaks has not shown the release to be healthy."""
    if section.verify is None:
        return Verdict("PASS", ("nothing to verify",))
    try:
        return section.verify()
    except Exception as error:
        raise StepFailedError(f"{section.environment} could not be verified: {_text(error)}") from error


def _undo_of(section: Section, state: State) -> list[Step]:
    """The undo of the steps that ran, last first, as steps."""
    ran = [step for step in section.steps if state.settled(step.id)]
    return [undo for step in reversed(ran) if (undo := step.undone()) is not None]


def _as_failure(step: Step, error: Exception) -> StepFailedError | CommandError:
    if isinstance(error, StepFailedError | CommandError):
        return error
    return StepFailedError(f"step {step.id} ({step.title}) failed: {_text(error)}")


def _text(error: Exception) -> str:
    return error.message if isinstance(error, RunbookError) else f"{type(error).__name__}: {error}"
