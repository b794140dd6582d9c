"""What the status page says, derived from the journal: components with their states and days, incidents with their
updates. Pure: events in, data out. Only what was told to the page's audience is on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from runbook_lib.config import Component
from runbook_lib.incident.components import BY_SEVERITY, STATES, Change, State, changes, state_of
from runbook_lib.incident.pages import OWN
from runbook_lib.incident.record import without_drills
from runbook_lib.run.journal import Event

DAY = 86_400.0
PHASES = {
    "started": "Investigating",
    "update": "Update",
    "mitigated": "Monitoring",
    "verified": "Resolved",
}


@dataclass(frozen=True)
class Update:
    """One message on the page. at: Unix time."""

    at: float
    phase: str
    title: str
    text: str


@dataclass(frozen=True)
class PublicIncident:
    """An incident as users may read of it. worst: state that its severity gave the component at worst; over: Unix time
    at which the component was verified to be well, or it was closed; None while neither happened."""

    id: str
    component: str
    worst: State
    began: float
    over: float | None
    updates: tuple[Update, ...]

    @property
    def title(self) -> str:
        return self.updates[0].title if self.updates else f"{self.component}: {self.worst}"


@dataclass(frozen=True)
class Line:
    """A component. days: the worst state of each day, oldest first; share: of the time in which it was operational or
    in maintenance."""

    name: str
    description: str
    state: State
    days: tuple[tuple[str, State], ...]
    share: float


@dataclass(frozen=True)
class Status:
    """The whole page. at: Unix time that it describes; incidents: newest first."""

    title: str
    url: str
    at: float
    components: tuple[Line, ...]
    incidents: tuple[PublicIncident, ...]
    days: int = 90

    @property
    def state(self) -> State:
        """The worst state of all components."""
        return max((line.state for line in self.components), key=STATES.index, default="operational")

    @property
    def open(self) -> list[PublicIncident]:
        return [one for one in self.incidents if one.over is None]


def status(
    events: Iterable[Event], components: Sequence[Component], *, title: str, url: str, days: float, now: float
) -> Status:
    """The page as of Unix time `now`. events: the whole record up to then, in order; what was declared for
    a drill is no incident."""
    known = without_drills(event for event in events if event.at <= now)
    found = changes(known)
    lines = tuple(_line(component, found, days, now) for component in components)
    incidents = _incidents(known, {c.environment: c.name for c in components})
    recent = [one for one in incidents if one.over is None or now - one.began <= days * DAY]
    return Status(title, url, now, lines, tuple(reversed(recent)), int(days))


def _line(component: Component, found: dict[str, list[Change]], days: float, now: float) -> Line:
    spans = _spans(found.get(component.environment, []), now)
    start = now - days * DAY
    down = sum(
        max(0.0, end - max(begin, start)) for begin, end, state in spans if state not in ("operational", "maintenance")
    )
    share = 1 - down / (days * DAY)
    return Line(
        component.name,
        component.description,
        state_of(found, component.environment),
        tuple(_days(spans, int(days), now)),
        share,
    )


def _spans(there: Sequence[Change], now: float) -> list[tuple[float, float, State]]:
    ends = [*(change.at for change in there[1:]), now]
    return [(change.at, end, change.state) for change, end in zip(there, ends, strict=False)]


def _days(spans: Sequence[tuple[float, float, State]], days: int, now: float) -> list[tuple[str, State]]:
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    found: list[tuple[str, State]] = []
    for back in range(days - 1, -1, -1):
        day = today - timedelta(days=back)
        begin, end = day.timestamp(), day.timestamp() + DAY
        there: list[State] = [state for first, last, state in spans if first < end and last >= begin]
        found.append((day.strftime("%Y-%m-%d"), max(there, key=STATES.index, default="operational")))
    return found


@dataclass
class _Public:
    """An incident while its events are read."""

    one: PublicIncident
    environment: str
    words: dict[str, dict[str, Any]] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        data = event.data
        match event.kind:
            case "incident changed":
                state = BY_SEVERITY[data["severity"]]
                self.one = replace(self.one, worst=max(self.one.worst, state, key=STATES.index))
            case "incident closed" if self.one.over is None:
                self.one = replace(self.one, over=event.at)
            case "observed" if data["verdict"] != "INCONCLUSIVE":
                self.one = replace(self.one, over=event.at if data["verdict"] == "PASS" else None)
            case "message begun":
                self.words[data["message"]] = data
            case "message sent" if data["channel"] == OWN:
                said = self.words[data["message"]]
                update = Update(event.at, data["phase"], said["title"], said["text"])
                self.one = replace(self.one, updates=(*self.one.updates, update))


def _incidents(events: Iterable[Event], names: dict[str, str]) -> list[PublicIncident]:
    """Those of the page's components that users were told of or could notice, oldest first."""
    found: dict[str, _Public] = {}
    closed: set[str] = set()
    for event in events:
        data = event.data
        if event.kind == "incident declared" and data["environment"] in names:
            state = BY_SEVERITY[data["severity"]]
            one = PublicIncident(data["incident"], names[data["environment"]], state, event.at, None, ())
            found[one.id] = _Public(one, data["environment"])
        elif event.kind == "observed":
            for public in found.values():
                if public.environment == data["environment"] and public.one.id not in closed:
                    public.take(event)
        elif data.get("incident") in found:
            found[data["incident"]].take(event)
            if event.kind == "incident closed":
                closed.add(data["incident"])
    return [public.one for public in found.values() if public.one.updates or public.one.worst != "operational"]
