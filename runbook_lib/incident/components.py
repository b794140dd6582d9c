"""The state of the status page's components, derived from the journal: what it is now and what it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from runbook_lib.config import Component, Loaded, Severity
from runbook_lib.run.journal import Event

State = Literal["operational", "maintenance", "degraded", "partial outage", "major outage"]

# The worst last.
STATES: tuple[State, ...] = ("operational", "maintenance", "degraded", "partial outage", "major outage")
BY_SEVERITY: dict[Severity, State] = {
    "SEV1": "major outage",
    "SEV2": "partial outage",
    "SEV3": "degraded",
    "SEV4": "operational",
}
MAINTENANCE = "maintenance mode"


@dataclass(frozen=True)
class Change:
    """A component's environment entered a state at Unix time `at`."""

    at: float
    state: State


@dataclass
class _Standing:
    """What bears on one environment. open: state by incident that is open and not verified to be over;
    maintenance: whether it is in force."""

    open: dict[str, State] = field(default_factory=dict)
    severity: dict[str, State] = field(default_factory=dict)
    maintenance: bool = False
    changes: list[Change] = field(default_factory=list)

    @property
    def state(self) -> State:
        found: list[State] = [*self.open.values(), "maintenance" if self.maintenance else "operational"]
        return max(found, key=STATES.index)


def changes(events: Iterable[Event]) -> dict[str, list[Change]]:
    """Every change of state by environment, oldest first. events: the whole record, in order.

    An open incident gives the state of its severity until an observation of its environment passes; one that fails
    later gives it again. Maintenance mode in force gives maintenance.
    """
    found: dict[str, _Standing] = {}
    where: dict[str, str] = {}
    for event in events:
        label = event.data.get("environment") or where.get(str(event.data.get("incident")))
        if event.kind not in _KINDS or not isinstance(label, str):
            continue
        if event.kind == "incident declared":
            where[event.data["incident"]] = label
        standing = found.setdefault(label, _Standing())
        _KINDS[event.kind](standing, event)
        if not standing.changes or standing.changes[-1].state != standing.state:
            standing.changes.append(Change(event.at, standing.state))
    return {label: standing.changes for label, standing in found.items()}


def state_of(found: dict[str, list[Change]], environment: str) -> State:
    """The state of an environment now."""
    there = found.get(environment)
    return there[-1].state if there else "operational"


def components(loaded: Loaded) -> Sequence[Component]:
    """The lines of the page: as configured, else each environment that is nobody's staging."""
    configured = loaded.configuration.status_page.components
    if configured:
        return configured
    return [
        Component(name=f"{service} ({name})", environment=f"{service}/{name}", description=about.description)
        for service, about in loaded.configuration.services.items()
        for name in about.environments
        if name not in {environment.staging for environment in about.environments.values()}
    ]


def _severity(standing: _Standing, event: Event) -> None:
    state = BY_SEVERITY[event.data["severity"]]
    standing.severity[event.data["incident"]] = state
    if event.kind == "incident declared" or event.data["incident"] in standing.open:
        standing.open[event.data["incident"]] = state


def _closed(standing: _Standing, event: Event) -> None:
    standing.open.pop(event.data["incident"], None)
    standing.severity.pop(event.data["incident"], None)


def _observed(standing: _Standing, event: Event) -> None:
    if event.data["verdict"] == "PASS":
        standing.open.clear()
    elif event.data["verdict"] == "FAIL":
        standing.open.update(standing.severity)


def _put_in_force(standing: _Standing, event: Event) -> None:
    if event.data["what"] == MAINTENANCE:
        standing.maintenance = True


def _lifted(standing: _Standing, event: Event) -> None:
    if event.data["what"] == MAINTENANCE:
        standing.maintenance = False


_KINDS = {
    "incident declared": _severity,
    "incident changed": _severity,
    "incident closed": _closed,
    "observed": _observed,
    "put in force": _put_in_force,
    "lifted": _lifted,
}
