"""Mitigating: one action that stabilises a service, proven at its effect, in force until it is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from runbook_lib.actions.forced.lifting import Lifting
from runbook_lib.actions.maintenance import Maintenance
from runbook_lib.actions.procedure import Procedure, begin, target_of
from runbook_lib.config import Levers
from runbook_lib.errors import ParameterError, StepFailedError
from runbook_lib.levers import RISKS, lever_of
from runbook_lib.levers.base import At, Lever, Request
from runbook_lib.run.in_force import InForce, in_force
from runbook_lib.run.plan import Plan, Section, Snapshot, Step

RUNBOOK = "mitigate"


@dataclass
class Mitigation(Procedure):
    """The procedure of mitigate.ipynb. value: as it was typed; several features are named with commas between."""

    action: str
    value: str

    @classmethod
    def open(
        cls,
        action: str,
        value: str = "",
        undo: bool = False,
        service: str = "",
        environment: str = "production",
        approve: str = "",
        incident: str = "",
        dry_run: bool = False,
    ) -> Procedure:
        """Begin, or continue the unfinished run of the same command.

        action: what is done, see `runbook_lib.levers.LEVERS`; also maintenance, and the names of levers.commands.
        value: what it takes, such as the number of replicas. undo: take back what is in force instead. service: empty
        when there is only one. approve: digest of a plan approved beforehand. incident: that it belongs to.
        Raises ParameterError where there is no such action, ConfigurationError where its lever is not configured,
        LockHeldError, JournalError.
        """
        if action == "maintenance":
            return Maintenance.open(
                "off" if undo else "on", service, environment, approve=approve, incident=incident, dry_run=dry_run
            )
        target = target_of(service, environment)
        parameters = {"action": action, "value": value, "undo": undo}
        if not undo:
            _levers(Request(target, action, target.environment.levers, value))
        run = begin(RUNBOOK, target, parameters, same=tuple(parameters), incident=incident, dry_run=dry_run)
        if undo:
            return Lifting(run, target, approve, action, value)
        return cls(run, target, approve, action, value)

    def close(self) -> str:
        """End the run; the summary names how to take the mitigation back."""
        stays = [item for item in in_force(self.run.journal, self.target.label) if item.run == self.run.id]
        undo = self._undo(self.value) if len(stays) > 1 else stays[0].undo if stays else ""
        self.run.suggest(f"take it back when it is over: {undo}" if undo else "look whether it helped")
        return self.run.close()

    def _undo(self, value: str) -> str:
        """The command that takes back what is in force with this value; empty: all of the action."""
        return self.target.command(RUNBOOK, action=self.action, undo=True, **({"value": value} if value else {}))

    # -- plan ---------------------------------------------------------------------------------------------------

    def _read(self) -> Snapshot:
        for lever in self._configured:
            self._refuse_again(lever)
        configured = self.target.environment.levers.model_dump(mode="json", exclude_defaults=True)
        return {"levers": configured, "before": [lever.read() for lever in self._configured]}

    @cached_property
    def _configured(self) -> list[Lever]:
        """The same ones each time: one may keep what it read."""
        return _levers(self._request(self.target.environment.levers))

    def _refuse_again(self, lever: Lever) -> None:
        """What is in force would be read as what there was before."""
        for item in self._in_force:
            if lever.what == item.what or (item.facts.get("action") == self.action and not lever.several):
                raise ParameterError(f"{item.what} is in force already", next_step=f"take it back first: {item.undo}")

    @property
    def _in_force(self) -> list[InForce]:
        """What is in force here, but not by this run: it may be one that was killed and goes on."""
        return [item for item in in_force(self.run.journal, self.target.label) if item.run != self.run.id]

    def _build(self, snapshot: Snapshot) -> Plan:
        levers = _levers(self._request(Levers.model_validate(snapshot["levers"])))
        pairs = list(zip(levers, snapshot["before"], strict=True))
        sections = tuple(self._section(number, *pair, snapshot["levers"]) for number, pair in enumerate(pairs, 1))
        warnings = tuple(warning for lever, before in pairs for warning in lever.warnings(before))
        what = ", ".join(lever.what for lever in levers)
        return Plan(f"{self.target.label}: {what}", sections, snapshot, warnings, self.run.id)

    def _request(self, levers: Levers) -> Request:
        return Request(self.target, self.action, levers, self.value)

    @property
    def _risk(self) -> str:
        return RISKS.get(self.action, "as its own command does")

    def _section(self, number: int, lever: Lever, before: Snapshot, configured: Snapshot) -> Section:
        name = self.target.name if number == 1 else f"{self.target.name}-{number}"
        noted = _Noted(self, lever, name, before, configured)
        pull = [replace(step, risk=self._risk) for step in lever.pull(before, At(name, self.run.id, self.run.id))]
        back = lever.undo(before, At(f"{name}.back", self.run.id, self.run.id))
        return Section(
            name,
            self.target.label,
            lever.what,
            steps=(*noted.steps(), *pull),
            back=tuple(replace(step, undoes=pull[0].id) for step in back) if pull else (),
            verify=lambda: lever.effect(before),
            verified_back=noted.verified_back,
            otherwise=f"look for what else it may be: {self.target.command('triage')}",
        )


@dataclass(frozen=True)
class _Noted:
    """One mitigation in the record: in force before its first step, lifted when going back is proven."""

    procedure: Mitigation
    lever: Lever
    section: str
    before: Snapshot
    configured: Snapshot

    def steps(self) -> Iterator[Step]:
        if self.lever.stays:
            yield Step(
                f"{self.section}.note",
                f"note that it is in force: {self.lever.what}",
                self._note,
                lambda: self._is_noted,
                repeatable=True,
                no_undo="it is lifted with the mitigation itself",
            )

    @property
    def _is_noted(self) -> bool:
        items = in_force(self.procedure.run.journal, self.procedure.target.label)
        return any(item.what == self.lever.what for item in items)

    def _note(self) -> str:
        procedure = self.procedure
        value = self.lever.request.value
        procedure.run.record(
            "put in force",
            what=self.lever.what,
            environment=procedure.target.label,
            undo=procedure._undo(value if self.lever.several else ""),
            action=procedure.action,
            value=value,
            levers=self.configured,
            before=self.before,
        )
        return ""

    def verified_back(self) -> str:
        if not self.lever.stays:
            return "what was done is done: there is no way back from it"
        verdict = self.lever.undone(self.before)
        if not verdict.passed:
            raise StepFailedError(f"it is not as it was: {'; '.join(verdict.reasons)}")
        if self._is_noted:
            run, target = self.procedure.run, self.procedure.target
            run.record("lifted", what=self.lever.what, environment=target.label)
        return f"all is as before: {'; '.join(verdict.reasons)}"


def _levers(request: Request) -> list[Lever]:
    """The levers of a request: one, or one for each feature that is named."""
    names = [name.strip() for name in request.value.split(",")] if request.action == "disable_features" else []
    if len(set(names)) != len(names):
        raise ParameterError("a feature is named twice", next_step="name each once, with commas between")
    return [lever_of(replace(request, value=name)) for name in names or [request.value]]
