"""Jobs that were set aside are put back into their queues, once a release is live that can run them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from runbook_lib.actions.opening import configuration
from runbook_lib.actions.procedure import Procedure, begin
from runbook_lib.actions.release.waiting_jobs import WHAT, WaitingJobs, in_words, lift
from runbook_lib.command import printable
from runbook_lib.errors import ParameterError, ReleaseRefusedError
from runbook_lib.laravel.queues import Aside
from runbook_lib.platforms import platform_of
from runbook_lib.platforms.base import Release
from runbook_lib.run.in_force import in_force
from runbook_lib.run.journal import Journal
from runbook_lib.run.plan import Plan, Section, Snapshot, Step

RUNBOOK = "jobs"


@dataclass
class PuttingBack(Procedure):
    """The procedure of `runbook jobs put-back`."""

    aside: Aside

    @classmethod
    def open(cls, mark: str, approve: str = "") -> PuttingBack:
        """Begin, or continue the unfinished run of the same command.

        mark: under which they are kept. approve: digest of a plan approved beforehand. ParameterError where the record
        knows of no such jobs; LockHeldError, JournalError.
        """
        loaded = configuration()
        known = [item for item in in_force(Journal(loaded.state)) if item.what.startswith(WHAT)]
        found = next((item for item in known if item.what == f"{WHAT} {mark}"), None)
        if found is None:
            marks = ", ".join(item.what.removeprefix(f"{WHAT} ") for item in known[-3:])
            raise ParameterError(
                f"no jobs are set aside under {printable(mark, 80)!r}", next_step=f"there are: {marks or 'none'}"
            )
        service, _, environment = found.environment.partition("/")
        target = loaded.target(service, environment)
        run = begin(RUNBOOK, target, {"mark": mark}, same=("mark",))
        return cls(run, target, approve, Aside(**found.about["aside"]))

    @property
    def word(self) -> str:
        return self.aside.mark

    @cached_property
    def _live(self) -> Release:
        return next(iter(platform_of(self.target).current().values()))

    @cached_property
    def _jobs(self) -> WaitingJobs:
        return WaitingJobs(self.target, platform_of(self.target), self._live)

    def _read(self) -> Snapshot:
        kept = self._jobs.store.aside(self.aside.mark)
        lacks = self._jobs.lacked_of(kept)
        if lacks:
            raise ReleaseRefusedError(
                f"{self._live}, which is live, has no {', '.join(lacks)}: its workers would fail on them",
                next_step="make a release live that has them, then run the same command again",
            )
        return {"mark": self.aside.mark, "counts": kept.counts, "checksum": kept.checksum}

    def _build(self, snapshot: Snapshot) -> Plan:
        kept = Aside(snapshot["mark"], snapshot["counts"], snapshot["checksum"])
        step = Step(
            f"{self.target.name}.put-back",
            f"put back {kept.count} jobs: {in_words(kept.counts)}",
            lambda: self._put_back(kept),
            lambda: None,
            shows=(f"mark {kept.mark}",),
            repeatable=True,
            no_undo="set them aside again with the next rollback",
        )
        section = Section(self.target.name, self.target.label, "put queued jobs back", (step,))
        return Plan(f"Put queued jobs back in {self.target.label}", (section,), snapshot, (), self.run.id)

    def _put_back(self, kept: Aside) -> str:
        returned = self._jobs.store.put_back(kept)
        lift(self.run, self.target, kept.mark)
        return f"{returned} put back"
