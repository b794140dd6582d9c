"""What the procedures of all runbooks share: one environment, one run, one plan, one gate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runbook_lib.actions.opening import configuration
from runbook_lib.actions.showing import planned
from runbook_lib.config import Approval, Target
from runbook_lib.display import Table
from runbook_lib.incident import automatic
from runbook_lib.incident.record import incident_for
from runbook_lib.run import gate
from runbook_lib.run.in_force import in_force
from runbook_lib.run.journal import Journal
from runbook_lib.run.plan import Plan, Snapshot
from runbook_lib.run.run import Run


def begin(
    runbook: str,
    target: Target,
    parameters: Mapping[str, Any],
    *,
    same: Sequence[str] = (),
    incident: str = "",
    dry_run: bool = False,
) -> Run:
    """Open a run on an environment, or continue the unfinished one of the same command.

    parameters: JSON values, no secrets; service, environment and dry_run are added. same: the names of those that make
    it the same command, besides service and environment. incident: the one that it belongs to; empty: RUNBOOK_INCIDENT,
    else the only open one of this environment, else none. LockHeldError, JournalError; IncidentError when there is no
    such incident.
    """
    journal = Journal(target.state)
    everything = {
        **parameters,
        "service": target.service_name,
        "environment": target.name,
        "incident": incident_for(journal, target.label, incident),
        "dry_run": dry_run,
    }
    identity = (*same, "service", "environment")
    run = Run.open(journal, runbook, target.label, everything, same=identity, dry_run=dry_run)
    if everything["incident"] and not dry_run:
        automatic.listen(configuration(), target, journal, run.id, runbook, everything["incident"])
    return run


def target_of(service: str, environment: str) -> Target:
    """The environment that a notebook names. ConfigurationError."""
    return configuration().target(service, environment)


@dataclass
class Procedure(ABC):
    """A procedure that changes one environment. given: digest of a plan approved beforehand.

    A subclass says what is read (`_read`) and what is planned from it (`_build`), and has a method for each section of
    its notebook.
    """

    run: Run
    target: Target
    given: str

    expected = "a few seconds"

    @property
    def word(self) -> str:
        """What a person types to approve."""
        return self.target.name

    @abstractmethod
    def _read(self) -> Snapshot:
        """Every reading that the plan is made from, as plain data; refuses what must not be done."""

    @abstractmethod
    def _build(self, snapshot: Snapshot) -> Plan:
        """The plan; a pure function of the readings."""

    def plan(self) -> Table:
        """Take the readings, make the plan, write it down and show it."""
        return planned(self._propose(), expected=self.expected)

    def _propose(self) -> Plan:
        """Take the readings, make the plan and write it down, with what is in force among its warnings."""
        return self.run.propose(self._read_all, self._build_all)

    def _read_all(self) -> Snapshot:
        standing = [str(item) for item in in_force(self.run.journal, self.target.label)]
        return {**self._read(), "still_in_force": standing}

    def _build_all(self, snapshot: Snapshot) -> Plan:
        """The plan, and before its own warnings what is in force: a forgotten mitigation is the next incident."""
        plan = self._build(snapshot)
        return replace(plan, warnings=(*snapshot["still_in_force"], *plan.warnings))

    @property
    def approval(self) -> Approval:
        """Who approves, and how: as the environment says."""
        return self.target.environment.approval

    def _to_approve(self, runbook: str, **parameters: Any) -> str:
        """The command that carries out what a dry run planned, approved beforehand where somebody has to confirm.
        parameters: those that say nothing are left out."""
        said = {name: value for name, value in parameters.items() if value}
        if self.approval.policy == "confirm" and self.run.plan is not None:
            said["approve"] = self.run.plan.digest[:16]
        return self.target.command(runbook, **said)

    def gate(self) -> str:
        """Ask for approval of exactly this plan, as `approval` says."""
        approval = self.approval
        terms = gate.Terms(approval.policy, approval.expires, approval.wait, self.word)
        return f"approved by {self.run.approve(terms, self.given)}"

    def apply(self) -> str:
        """Carry out every section of the plan in order, each verified; one line on each."""
        plan = self.run.plan
        sections = plan.sections if plan is not None else ()
        return "\n".join(self.run.apply(section.name) for section in sections)

    def undo(self) -> str:
        """Put back what served before, after a stop or a change of mind: in every section that was begun. GateError
        when nothing was.
        """
        return self.run.undo()

    def close(self) -> str:
        """End the run; the summary."""
        return self.run.close()
