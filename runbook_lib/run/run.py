"""One execution of a runbook, from open to close: plan, gate, apply, verify, close; written down before done."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runbook_lib.command import printable, quantity
from runbook_lib.errors import (
    ApprovalPendingError,
    GateError,
    InconclusiveError,
    JournalError,
    LockLostError,
    PlanDriftError,
    RunbookError,
    StepError,
    UnsettledStepError,
    VerificationError,
)
from runbook_lib.run import evidence, gate, live
from runbook_lib.run.carry_out import CarryOut
from runbook_lib.run.drift import difference
from runbook_lib.run.journal import Event, Journal, RunRecord
from runbook_lib.run.lock import Locks, actor, alive, host, runs
from runbook_lib.run.plan import Plan, Section, Snapshot, Verdict, canonical
from runbook_lib.run.state import State

# The variable of the environment that marks what runs as part of a drill, with the drill's name.
DRILL = "RUNBOOK_DRILL"

Read = Callable[[], Snapshot]
Build = Callable[[Snapshot], Plan]
Watch = Callable[[Callable[[str, list[float]], None]], Verdict]

_open: list[Run] = []
_last: Run | None = None


def open_runs() -> list[Run]:
    """The runs of this process that are not closed."""
    return list(_open)


def last_run() -> Run | None:
    """The run that this process opened last."""
    return _last


def part_of_drill() -> dict[str, str]:
    """The drill that this process is a part of, for the record."""
    name = os.environ.get(DRILL, "")
    return {"drill": name} if name else {}


class Run:
    """One execution of a runbook. Made by `Run.open`."""

    def __init__(self, journal: Journal, run: str, runbook: str, environment: str, dry_run: bool) -> None:
        self.journal = journal
        self.id = run
        self.runbook = runbook
        self.environment = environment
        self.dry_run = dry_run
        self.folder: Path = journal.folder_of(run)
        self.plan: Plan | None = None
        self._state = State()
        self._carry_out = CarryOut(run, self.record, self._state)
        self._locks = Locks(journal, run)
        self._terms: gate.Terms | None = None
        self._reread: Callable[[], Plan] | None = None
        self._next = ""
        self._began = time.monotonic()

    # -- open ---------------------------------------------------------------------------------------------------

    @classmethod
    def open(
        cls,
        journal: Journal,
        runbook: str,
        environment: str,
        parameters: Mapping[str, Any],
        *,
        same: Sequence[str] = (),
        dry_run: bool = False,
    ) -> Run:
        """Begin a run, or continue the unfinished one of the same command.

        environment: label of what is operated, "shop/production". parameters: JSON values, no secrets. same: names of
        the parameters that make it the same command. LockHeldError when another live process is carrying it out.
        """
        global _last
        identity = _identity(runbook, environment, dry_run, {name: parameters[name] for name in same})
        for run in list(_open):
            if run._state.opened is not None and run._state.opened.data["identity"] == identity and not dry_run:
                return run
            run._give_way(runbook, environment)
        left = None if dry_run else next(iter(journal.runs(1, identity, unfinished=True)), None)
        run = cls(journal, left.run if left else _new_id(runbook), runbook, environment, dry_run)
        run._locks_of_run()
        if left and not journal.run(left.run).unfinished:
            # Who held its lock until now has closed it.
            run._let_go()
            return cls.open(journal, runbook, environment, parameters, same=same, dry_run=dry_run)
        _open.append(run)
        _last = run
        with run.guarded():
            run._make_folder()
            if left:
                run._continue(left)
            else:
                run.record(
                    "opened",
                    runbook=runbook,
                    environment=environment,
                    parameters=dict(parameters),
                    identity=identity,
                    dry_run=dry_run,
                    actor=actor(),
                    host=host(),
                    pid=os.getpid(),
                    **part_of_drill(),
                )
        return run

    def _give_way(self, runbook: str, environment: str) -> None:
        """End a run of the same notebook in which nothing was begun: somebody here changed its parameters."""
        if (self.runbook, self.environment) == (runbook, environment) and not self._state.anything_started:
            self._close("abandoned", "the notebook was run again with other parameters")

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise JournalError(
                f"the run's folder {self.folder} cannot be made: {error.strerror}",
                next_step="check permissions and free space",
            ) from error

    def _locks_of_run(self) -> None:
        if not self.dry_run:
            self._locks.take([f"run {self.id}"])

    def _continue(self, left: RunRecord) -> None:
        for event in self.journal.events(self.id):
            self._state.take(event)
        opened = self._state.opened
        former = f"{opened.data['actor']}@{opened.data['host']}" if opened else "somebody"
        self.record("continued", former=former, left=left.status, actor=actor(), host=host(), pid=os.getpid())

    def reopen(self) -> None:
        """Take this run up again after it was left. LockHeldError when somebody else has taken it up."""
        self._locks = Locks(self.journal, self.id)
        self._locks_of_run()
        _open.append(self)
        with self.guarded():
            self._continue(self.journal.run(self.id))

    def record(self, kind: str, **data: Any) -> Event:
        """Write an event of this run and tell who listens. JournalError when it cannot be written."""
        event = self.journal.append(self.id, kind, data, self._locks.fences)
        self._state.take(event)
        live.tell(event)
        return event

    # -- plan ---------------------------------------------------------------------------------------------------

    def propose(self, read: Read, build: Build) -> Plan:
        """Make the plan: take the readings, build the plan from them, write it down.

        read: takes every reading and returns plain data; refuses what must not be done. build: a pure function. A
        continued run is built from the readings that were recorded. PlanDriftError when that gives another plan.
        """
        with self.guarded():
            self._reread = lambda: build(_plain(read()))
            if self._state.snapshot is None:
                self.plan = self._reread()
                self.record("planned", digest=self.plan.digest, facts=self.plan.facts, dry_run=self.dry_run)
            else:
                self.plan = build(self._state.snapshot)
                if self.plan.digest != self._state.digest:
                    raise PlanDriftError(
                        f"run {self.id} was planned with another configuration or version of the runbooks",
                        next_step=f"`runbook abandon {self.id}`, then run the same command again for a new plan",
                    )
            return self.plan

    # -- gate ---------------------------------------------------------------------------------------------------

    def approve(self, terms: gate.Terms, given: str = "") -> str:
        """Pass the gate or raise GateError. given: a digest approved beforehand. Returns who approved.

        Headless, it waits for `runbook approve RUN`; after terms.wait seconds ApprovalPendingError ends the process
        and leaves the run to be continued.
        """
        plan = self._planned()
        with self.guarded():
            if self.dry_run:
                return "nobody: a dry run changes nothing"
            self._terms = terms
            return str(self._gate.passed(plan.digest, terms, given).data["by"])

    @property
    def _gate(self) -> gate.Gate:
        opened = self._state.opened
        return gate.Gate(self.journal, self.id, self.record, str(opened.data["actor"]) if opened else "")

    # -- apply --------------------------------------------------------------------------------------------------

    def apply(self, name: str) -> str:
        """Carry out one section of the plan and verify it; what was finished before is not done again.

        When a step fails or the verdict is FAIL, what served before is put back and the error is raised. Returns one
        line on how it went.
        """
        plan = self._planned()
        section = plan.section(name)
        with self.guarded():
            if self.dry_run:
                return f"{name}: {quantity(len(section.steps), 'step')} planned, nothing changed"
            if section.skipped:
                self.record("section skipped", section=name, why=section.skipped)
                return f"{name}: {section.skipped}"
            if self._state.sections.get(name) == "finished":
                return f"{name}: finished before"
            self._prepare(plan, section)
            self._carry_out.section(section)
            self.record("section finished", section=name)
            return f"{name}: done"

    def _prepare(self, plan: Plan, section: Section) -> None:
        """Everything that must hold before a section's first step: its turn, approval, locks, an unchanged world."""
        self._refuse_out_of_turn(plan, section)
        if self._terms is None:
            raise GateError("the plan has not been through its gate", next_step="run the cell of the gate first")
        if not self._state.anything_started and self._gate.approval(plan.digest, self._terms) is None:
            raise GateError("the approval has expired", next_step="run the same command again and approve the plan")
        self._lock(plan)
        begun = self._begun(section)
        if self._state.anything_started:
            section.ready(begun)
        else:
            self._refuse_drift(plan)
        if not begun:
            self.record("section started", section=section.name, title=section.title, seconds=section.seconds)

    def _refuse_out_of_turn(self, plan: Plan, section: Section) -> None:
        before = itertools.takewhile(lambda other: other.name != section.name, plan.sections)
        left_out = [s.name for s in before if not s.skipped and not (self._finished(s) and self._proven(s))]
        if left_out:
            raise GateError(
                f"{', '.join(left_out)} comes before {section.name} in the plan",
                next_step="run the notebook's cells in their order, from the first one",
            )

    def _lock(self, plan: Plan) -> None:
        for lease in self._locks.take(list(plan.environments)):
            if lease.taken_from is not None:
                self.record("lock taken over", name=lease.name, token=lease.token, holder=str(lease.taken_from))
        for record in self.journal.runs(20, unfinished=True):
            if record.run != self.id and record.environment in plan.environments:
                self._overtake(record)

    def _overtake(self, record: RunRecord) -> None:
        """Close a run that nobody carries out any more and that this one makes void."""
        at_work = any(holder.run == record.run and alive(holder) for holder in self._locks.holders())
        if at_work or record.status == "waiting" or self._is_dry_and_runs(record):
            return
        self.journal.append(
            record.run, "closed", {"status": "overtaken", "reason": f"run {self.id} took its place", "seconds": 0}
        )
        with contextlib.suppress(OSError):
            evidence.write(self.journal, record.run)

    def _is_dry_and_runs(self, record: RunRecord) -> bool:
        """A dry run holds no lock; its process tells whether it is at work."""
        opened = next(self.journal.events(record.run, "opened")).data
        if opened["pid"] == os.getpid():
            return any(run.id == record.run for run in _open)
        return bool(opened["dry_run"]) and runs(opened["host"], opened["pid"])

    def _refuse_drift(self, plan: Plan) -> None:
        if self._reread is None:
            return
        now = self._reread()
        if now.digest != plan.digest:
            raise PlanDriftError(
                "the world changed since the plan was made: " + difference(plan.facts, now.facts),
                next_step="run the same command again for a new plan",
            )

    # -- observe ------------------------------------------------------------------------------------------------

    def observe(self, name: str, seconds: float, watch: Watch) -> Verdict | None:
        """Watch an applied section for a window; on FAIL what served before is put back.

        watch: gets a function that reports progress, a line or none and a point; returns the verdict. None in a dry run
        and where nothing was changed.
        """
        section = self._planned().section(name)
        with self.guarded():
            if self.dry_run or section.skipped:
                return None
            before = self._state.verdicts.get(f"observed {name}")
            if before is not None and before["verdict"] == "PASS":
                return Verdict("PASS", tuple(before["reasons"]), before["numbers"])
            self._carry_out.resume_going_back(section)
            self.record("observing", section=name, seconds=seconds)
            verdict = self._watched(section, watch)
            self._carry_out.verdict("observed", f"observation of {seconds:g} s", section, verdict)
            self._carry_out.judge(section, verdict)
            return verdict

    def _watched(self, section: Section, watch: Watch) -> Verdict:
        """The verdict of a watch; one that breaks has shown nothing."""
        try:
            return watch(lambda text, point: self._tell_sample(section.name, text, point))
        except (JournalError, LockLostError):
            raise
        except Exception as error:
            return Verdict("INCONCLUSIVE", (f"the observation broke off: {type(error).__name__}: {error}",))

    def _tell_sample(self, section: str, text: str, point: list[float]) -> None:
        live.tell(self._unwritten("measured", section=section, point=point))
        if text:
            live.tell(self._unwritten("sampled", section=section, text=text))

    def _unwritten(self, kind: str, **data: Any) -> Event:
        """An event for the eyes only: progress that the record does not need."""
        return Event(0, self.id, time.time(), kind, data)

    # -- undo ---------------------------------------------------------------------------------------------------

    def undo(self, reason: str = "it was asked for") -> str:
        """Put back what served before, in every section that was begun, the last one first, and end the run as undone.

        It needs no approval of its own: the way back is part of the plan that was approved. A run that was left is
        taken up again first. Returns one line a section. GateError when nothing was begun.
        """
        if self not in _open and self.status == "interrupted":
            self.reopen()
        plan = self._planned()
        with self.guarded():
            begun = [section for section in reversed(plan.sections) if section.steps and self._begun(section)]
            if not begun:
                raise GateError("nothing was begun that could be undone", next_step="close the run")
            self._lock(plan)
            remarks = [f"{section.name}: {self._carry_out.put_back(section, reason)}" for section in begun]
            self._close("undone", reason)
            return "\n".join(remarks)

    def _begun(self, section: Section) -> bool:
        return self._state.sections.get(section.name) is not None

    # -- close --------------------------------------------------------------------------------------------------

    def suggest(self, next_step: str) -> None:
        """What the summary names as the next thing to do."""
        self._next = next_step

    def close(self) -> str:
        """End the run well: succeeded, or planned for a dry run. Returns the summary."""
        if self in _open:
            if self.plan is None:
                return self._close("refused", "the run was closed before it had a plan")
            open_sections = [s.name for s in self.plan.sections if not s.skipped and not self._finished(s)]
            if not self.dry_run and open_sections:
                return self._close("failed", f"not carried out: {', '.join(open_sections)}")
            unseen = [s.name for s in self.plan.sections if not s.skipped and not self._proven(s)]
            if not self.dry_run and unseen:
                return self._close("inconclusive", f"not observed: {', '.join(unseen)}")
            self._close("planned" if self.dry_run else "succeeded", "")
        return self.summary()

    def proven(self, name: str) -> bool:
        """Whether a section was carried out and, where that is asked for, observed to be good."""
        section = self._planned().section(name)
        return self._finished(section) and self._proven(section)

    def _finished(self, section: Section) -> bool:
        return self._state.sections.get(section.name) == "finished"

    def _proven(self, section: Section) -> bool:
        observed = self._state.verdicts.get(f"observed {section.name}", {})
        return not section.observed or observed.get("verdict") == "PASS"

    def end(self, error: BaseException | None) -> None:
        """End a run whose notebook stopped: closed as failed or refused, or left to be continued."""
        if self not in _open:
            return
        if error is None:
            self._close("failed", "the notebook ended before the run was closed")
        elif isinstance(error, KeyboardInterrupt | ApprovalPendingError | UnsettledStepError | JournalError):
            self._leave(error)
        else:
            status = self._failure(error)
            message = error.message if isinstance(error, RunbookError) else f"{type(error).__name__}: {error}"
            self._close(status, message, getattr(error, "next_step", ""))

    def _failure(self, error: BaseException | None) -> str:
        if isinstance(error, InconclusiveError):
            return "inconclusive"
        return "failed" if self._state.anything_started or isinstance(error, VerificationError) else "refused"

    def _leave(self, error: BaseException) -> None:
        """Leave the run open, to be continued by the same command."""
        reason = getattr(error, "message", "") or type(error).__name__
        with contextlib.suppress(RunbookError):
            if self._state.opened is not None and not isinstance(error, ApprovalPendingError):
                self.record("interrupted", reason=reason)
        self._let_go()

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """A context in which whatever goes wrong ends the run in order."""
        if self not in _open:
            raise StepError(
                f"run {self.id} is closed ({self._state.status})", next_step="run the notebook from its first cell"
            )
        try:
            yield
        except BaseException as error:
            self.end(error)
            raise

    def _close(self, status: str, reason: str, next_step: str = "") -> str:
        seconds = round(time.monotonic() - self._began, 3)
        try:
            with contextlib.suppress(LockLostError):
                self.record("closed", status=status, reason=reason, next=next_step or self._next, seconds=seconds)
                self._let_go()
                with contextlib.suppress(OSError):
                    evidence.write(self.journal, self.id)
        finally:
            self._let_go()
        return self.summary()

    def _let_go(self) -> None:
        self._locks.release()
        if self in _open:
            _open.remove(self)

    def _planned(self) -> Plan:
        if self.plan is None:
            raise GateError("there is no plan yet", next_step="run the cell that makes the plan first")
        return self.plan

    @property
    def status(self) -> str:
        """The status that the journal has."""
        return self.journal.run(self.id).status

    def summary(self) -> str:
        """The closing lines: status, next step, where the record is; the reason stands in the line before them."""
        last = self._state.last
        data = last.data if last is not None and last.kind in ("closed", "interrupted") else {}
        lines = [f"run {self.id}: {self.status}"]
        if data.get("next"):
            lines.append(f"next: {printable(data['next'], 400)}")
        lines.append(f"record: {self.folder}")
        return "\n".join(lines)


def _identity(runbook: str, environment: str, dry_run: bool, parameters: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical([runbook, environment, dry_run, dict(parameters)]).encode()).hexdigest()[:16]


def _new_id(runbook: str) -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{runbook}-{secrets.token_hex(2)}"


def _plain(snapshot: Snapshot) -> Snapshot:
    """The snapshot as it comes back from the journal, so that a plan has one digest before and after."""
    plain: Snapshot = json.loads(canonical(snapshot))
    return plain
