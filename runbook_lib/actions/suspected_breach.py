"""Suspected breach: keep the evidence, look for leaks, name what to change and revoke; contain when asked to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from runbook_lib.actions.maintenance import Maintenance
from runbook_lib.actions.procedure import Procedure, begin, target_of
from runbook_lib.actions.rotate_secrets import Rotation, refuse_unknown
from runbook_lib.breach import evidence, leaks
from runbook_lib.breach.secrets_known import KnownSecret, known_secrets
from runbook_lib.command import printable
from runbook_lib.config import Target
from runbook_lib.diagnosis.cause import EVENT, Cause, Next, event
from runbook_lib.display import Table
from runbook_lib.errors import ConfigurationError, ParameterError, RunbookError
from runbook_lib.platforms import platform_of
from runbook_lib.platforms.base import Platform
from runbook_lib.revocation.revoking import Revoking
from runbook_lib.revocation.selection import Selection
from runbook_lib.run import gate
from runbook_lib.run.plan import Plan, Section, Snapshot

RUNBOOK = "suspected_breach"
ACTIONS = ("", "recommended", "revoke", "rotate", "maintenance")
KEPT = "evidence kept"
COUNTED = "revocation counted"
# How sure a place of a leak makes: served to anybody; in a file; a route that merely answers.
SERVED, WRITTEN, ANSWERED = 1.0, 0.9, 0.6


@dataclass
class Breach(Procedure):
    """The procedure of suspected_breach.ipynb, a method for each of its sections."""

    action: str
    secret: str
    users: str
    since: str
    kinds: str
    _causes: list[Cause] = field(default_factory=list)
    _known: list[KnownSecret] = field(default_factory=list)

    @classmethod
    def open(
        cls,
        action: str = "",
        secret: str = "",
        users: str = "",
        since: str = "",
        kinds: str = "",
        service: str = "",
        environment: str = "production",
        approve: str = "",
        incident: str = "",
        dry_run: bool = False,
    ) -> Breach:
        """Begin, or continue the unfinished run of the same command.

        action: empty only gathers and recommends; recommended carries out the first recommendation; revoke, rotate,
        maintenance. secret: for rotate. users: ids and e-mail addresses whose tokens and sessions are revoked; empty:
        everybody's. since: only those made since then. kinds: what is revoked, by commas; empty: as configured.
        service, environment, approve, incident, dry_run: as everywhere. Raises ParameterError, ConfigurationError.
        """
        if action not in ACTIONS:
            raise ParameterError(
                f"action: {printable(action, 40)!r} is none", next_step=f"one of: {', '.join(filter(None, ACTIONS))}"
            )
        Selection.of(users, since)
        target = target_of(service, environment)
        _kinds(kinds, target)
        if action == "rotate":
            refuse_unknown(secret, target)
        parameters = {"action": action, "secret": secret, "users": users, "since": since, "kinds": kinds}
        run = begin(RUNBOOK, target, parameters, same=tuple(parameters), incident=incident, dry_run=dry_run)
        return cls(run, target, approve, action, secret, users, since, kinds)

    # -- evidence -----------------------------------------------------------------------------------------------------

    def preserve(self) -> Table:
        """Copy the evidence aside, with checksums, before anything is changed."""
        with self.run.guarded():
            folder = self.run.folder / evidence.FOLDER
            kept = evidence.preserve(evidence.items_of(self.target, self._platform, self._hosts), folder)
            pieces = [{"name": one.name, "file": one.file, "size": one.size, "sha256": one.sum} for one in kept]
            self.run.record(KEPT, environment=self.target.label, folder=str(folder), pieces=pieces)
        rows = [(one.name, f"{one.size} bytes" if one.file else "not had", one.sum[:16] or one.remark) for one in kept]
        notes = (f"in {folder}, readable for its owner only, as it is: it may hold secrets and personal data",)
        return Table(f"Evidence of {self.target.label}", ("piece", "kept", "SHA-256 begins"), rows, notes)

    # -- looking ------------------------------------------------------------------------------------------------------

    def look(self) -> Table:
        """Look where secrets leak: what the site answers, what files hold; the causes are written down."""
        with self.run.guarded():
            self._known, unread = known_secrets(self.target, self._platform, self._hosts)
            answered, unasked = leaks.served(self.target, self._known)
            held, unsearched = leaks.written(self.target, self._platform, self._hosts, self._known)
            found = [*answered, *leaks.published(self.target, held)]
            unseen = [*unread, *unasked, *unsearched]
            self._causes = list(self._named(found))
            opened = next(self.run.journal.events(self.run.id, "opened")).data
            incident = str(opened["parameters"].get("incident", ""))
            self.run.record(EVENT, **event(self.target.label, self._causes, incident=incident, unseen=unseen))
        rows = [(leak.where, leak.what, ", ".join(leak.secrets) or "-", _served(leak)) for leak in found]
        notes = [] if rows else ["no leak was found; that does not show that there is none"]
        return Table(
            "Leaks", ("where", "what", "secrets", "served"), rows, (*notes, *(f"not seen: {u}" for u in unseen))
        )

    def _named(self, found: Sequence[leaks.Leak]) -> Iterator[Cause]:
        if not found:
            return
        names = list(dict.fromkeys(name for leak in sorted(found, key=_score, reverse=True) for name in leak.secrets))
        best = max(found, key=_score)
        title = f"{', '.join(names[:3])} leaked" if names else f"{best.where} is served"
        lines = tuple(f"{leak.where} {leak.what}: {', '.join(leak.secrets) or 'no known value'}" for leak in found)
        first = next(iter(self._rotations(names)), None)
        hand = "" if first else "take away what is served; add the secrets to the table rotation of runbooks.toml"
        yield Cause("leaked-key", _score(best), title, lines[:10], next=first, by_hand=hand)

    def _rotations(self, names: Sequence[str]) -> Iterator[Next]:
        """The rotations of some variables' secrets; of all where none is named."""
        wanted = {one.rotated_by for one in self._known if one.rotated_by and (not names or one.name in names)}
        for name in self.target.environment.rotation.secrets:
            if name in wanted:
                yield Next("rotate_secrets", {"secret": name, "environment": self.target.name, "leaked": True})

    # -- recommending -------------------------------------------------------------------------------------------------

    def recommend(self) -> Table:
        """What to do now, as commands, the most urgent first; what is there to change and to revoke."""
        leaking = {name for cause in self._causes for name in _secrets_in(cause, self._known)}
        rows = [("contain", "keep everybody out", self._command("maintenance_mode", mode="on"))]
        for following in self._rotations(sorted(leaking)) if leaking else ():
            rows.append(("rotate", f"{following.parameters['secret']}, which leaked", following.command))
        rows.append(("revoke", self._there_is, self._command(RUNBOOK, action="revoke")))
        for following in self._rotations(()):
            if following.command not in {row[2] for row in rows}:
                rows.append(("rotate", following.parameters["secret"], following.command))
        by_hand = sorted({one.name for one in self._known if not one.rotated_by})
        if by_hand:
            rows.append(("by hand", f"runbooks.toml does not say how to change {', '.join(by_hand)}", "-"))
        with self.run.guarded():
            self.run.record("recommended", steps=[list(row) for row in rows])
        return Table("Recommended", ("step", "what", "command"), rows)

    @cached_property
    def _there_is(self) -> str:
        """What could be revoked, counted now; a reading that fails is said."""
        try:
            read = self._revoking.read()
            counted = self._revoking.count(read)
        except RunbookError as error:
            return f"not counted: {error.message}"
        return ", ".join(f"{item['number']} in {name}" for name, item in counted.items()) or "nothing that is known"

    def _command(self, runbook: str, **parameters: Any) -> str:
        return Next(runbook, {**parameters, "environment": self.target.name}).command

    # -- revoking -----------------------------------------------------------------------------------------------------

    def _read(self) -> Snapshot:
        if self.action != "revoke":
            return {"revoke": None}
        read = self._revoking.read()
        missing = self._revoking.without(read)
        asked = [kind for kind in missing if kind in _listed(self.kinds)]
        if asked or set(missing) == set(self._revoking.kinds):
            raise ConfigurationError(
                f"the application has nothing that is known as {', '.join(asked or missing)}",
                next_step="leave it out of kinds, or set the table revocation in runbooks.toml",
            )
        return {"revoke": read}

    def _build(self, snapshot: Snapshot) -> Plan:
        read = snapshot["revoke"]
        steps = self._revoking.steps(read, self.target.name) if read else ()
        who = str(self._revoking.selection)
        section = Section(
            self.target.name,
            self.target.label,
            f"revoke what lets in {who}",
            steps,
            verify=(lambda: self._revoking.verify(read, self._counted)) if steps else None,
            verified_back=lambda: "what was revoked stays so",
            skipped="" if steps else self._nothing,
        )
        title = f"Revoke in {self.target.label}: {who}" if steps else f"Suspected breach of {self.target.label}"
        lost = ("what is revoked cannot be given back: who is meant to be in signs in again",) if steps else ()
        warnings = (*lost, *(self._revoking.warnings if read else ()))
        return Plan(title, (section,), snapshot, warnings, self.run.id)

    @property
    def _nothing(self) -> str:
        return f"{self.action} has a run of its own" if self.action else "nothing is changed without an action"

    def plan(self) -> Table:
        table = super().plan()
        if self.action != "revoke" or self.run.plan is None:
            return table
        with self.run.guarded():
            if not list(self.run.journal.events(self.run.id, COUNTED)):
                self.run.record(COUNTED, counted=self._revoking.count(self.run.plan.snapshot["revoke"]))
        notes = [f"there are {item['number']} in {name}" for name, item in self._counted.items()]
        return replace(table, notes=(*notes, *table.notes))

    @property
    def _counted(self) -> dict[str, Any]:
        counted: dict[str, Any] = next(self.run.journal.events(self.run.id, COUNTED)).data["counted"]
        return counted

    def gate(self) -> str:
        if self.run.plan is not None and not any(section.steps for section in self.run.plan.sections):
            return (
                f"approved by {self.run.approve(gate.Terms('none', expires=3600, wait=0, word=''))}: nothing to change"
            )
        return super().gate()

    def act(self) -> str:
        """Carry out what was asked for: revoke here; rotate and maintenance in runs of their own."""
        said = self.apply()
        chosen = self._chosen
        if chosen is None:
            return said
        self.run.suggest(f"follow it up: {chosen.command}")
        self.run.close()
        return self._carried_out(chosen)

    @property
    def _chosen(self) -> Next | None:
        """The other procedure that was asked for."""
        if self.action == "rotate":
            return Next("rotate_secrets", {"secret": self.secret, "environment": self.target.name, "leaked": True})
        if self.action == "maintenance":
            return Next("maintenance_mode", {"mode": "on", "environment": self.target.name})
        return self._causes[0].next if self.action == "recommended" and self._causes else None

    def _carried_out(self, chosen: Next) -> str:
        service, name, dry_run = self.target.service_name, self.target.name, self.run.dry_run
        other: Rotation | Maintenance
        if chosen.runbook == "rotate_secrets":
            secret = str(chosen.parameters["secret"])
            other = Rotation.open(secret, service, name, leaked=True, approve=self.given, dry_run=dry_run)
        else:
            other = Maintenance.open("on", service, name, approve=self.given, dry_run=dry_run)
        return "\n".join([str(other.plan()), other.gate(), other.apply(), other.close()])

    def close(self) -> str:
        if self._causes and not self.action:
            self.run.suggest(self._causes[0].command or self._causes[0].by_hand)
        return self.run.close()

    # -- what it is made of -------------------------------------------------------------------------------------------

    @cached_property
    def _platform(self) -> Platform:
        return platform_of(self.target)

    @cached_property
    def _hosts(self) -> list[str]:
        return list(self._platform.current())

    @cached_property
    def _revoking(self) -> Revoking:
        selection, kinds = Selection.of(self.users, self.since), _kinds(self.kinds, self.target)
        return Revoking(self.target, self._platform, self._hosts, selection, kinds, self.run.id)


def _kinds(kinds: str, target: Target) -> list[str]:
    """What is revoked: what was asked for, or what is configured. ParameterError."""
    configured = [str(kind) for kind in target.environment.revocation.kinds]
    unknown = [kind for kind in _listed(kinds) if kind not in configured]
    if unknown:
        raise ParameterError(f"kinds: {printable(unknown[0], 40)!r} is none", next_step=", ".join(configured))
    return _listed(kinds) or configured


def _listed(kinds: str) -> list[str]:
    return [kind.strip() for kind in kinds.split(",") if kind.strip()]


def _score(leak: leaks.Leak) -> float:
    if leak.secrets:
        return SERVED if leak.served else WRITTEN
    return ANSWERED


def _served(leak: leaks.Leak) -> str:
    return "to anybody" if leak.served else "no"


def _secrets_in(cause: Cause, known: Sequence[KnownSecret]) -> set[str]:
    return {one.name for one in known if any(one.name in line for line in cause.supporting)}
