"""Incidents as told by the journal alone: what happened, when, and which runs and messages belong to it.

One pass over the events tells all of them, so that a long record is no slower than reading it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from runbook_lib.incident.record import Incident, declared
from runbook_lib.run.journal import Event, Journal

# Runs that tell or tell about; they repair nothing.
TALK = ("communicate", "review")
# A mitigation that users do not feel as one.
CLOSING = "maintenance mode"


@dataclass(frozen=True)
class Moments:
    """Unix times, None where it did not happen. began: of the trouble; detected: the first thing that showed it (a
    diagnosis, a FAIL, the declaration); decided: the first approval of a run that changed something; mitigated: the
    first release or mitigation that held; verified: the first passing observation after the last failing one."""

    began: float
    declared: float
    detected: float | None = None
    decided: float | None = None
    mitigated: float | None = None
    verified: float | None = None
    closed: float | None = None

    @property
    def seconds(self) -> dict[str, float]:
        """The usual durations that are known, in seconds: to detect (from the beginning), to decide (from
        detection), to mitigate and to verify (from the beginning), to close (from declaring)."""
        pairs = {
            "detect": (self.began, self.detected),
            "decide": (self.detected, self.decided),
            "mitigate": (self.began, self.mitigated),
            "verify": (self.began, self.verified),
            "close": (self.declared, self.closed),
        }
        return {name: max(0.0, b - a) for name, (a, b) in pairs.items() if a is not None and b is not None}


@dataclass
class RunStory:
    """One run of an incident, in the order of its events."""

    run: str
    events: list[Event] = field(default_factory=list)

    @cached_property
    def runbook(self) -> str:
        return next((str(e.data["runbook"]) for e in self.events if e.kind == "opened"), "")

    @property
    def parameters(self) -> dict[str, object]:
        return next((e.data["parameters"] for e in self.events if e.kind == "opened"), {})

    @cached_property
    def dry(self) -> bool:
        return any(e.kind == "opened" and e.data.get("dry_run") for e in self.events)

    @property
    def status(self) -> str:
        return str(next((e.data["status"] for e in reversed(self.events) if e.kind == "closed"), "unfinished"))

    def of(self, *kinds: str) -> list[Event]:
        return [event for event in self.events if event.kind in kinds]

    def changed_at(self, environment: str) -> float | None:
        """When it had changed this environment and was shown to be healthy there right after, or None."""
        if self.dry or self.runbook in TALK or self.status == "failed":
            return None
        begun = {event.data["section"] for event in self.of("step started")}
        if any(event.data["what"] == CLOSING for event in self.of("put in force")):
            return None
        good = [event for event in self.of("verified") if event.data["verdict"] == "PASS"]
        there = [e.at for e in good if e.data["environment"] == environment and e.data["section"] in begun]
        return min(there, default=None)


@dataclass
class Story:
    """Everything that the journal has of one incident; complete when it is handed out.

    events: all that belong to it, in order, those of its runs and those about its environment while it lasted.
    """

    incident: Incident
    events: list[Event] = field(default_factory=list)
    runs: dict[str, RunStory] = field(default_factory=dict)

    def of(self, *kinds: str) -> list[Event]:
        return [event for event in self.events if event.kind in kinds]

    @cached_property
    def verdicts(self) -> list[Event]:
        """The verdicts on its environment."""
        found = self.of("verified", "observed")
        return [event for event in found if event.data["environment"] == self.incident.environment]

    @cached_property
    def looks(self) -> list[Event]:
        """What was measured of its environment: by observations, and by runbooks that only look."""
        found = self.of("verified", "observed", "looked")
        return [event for event in found if event.data["environment"] == self.incident.environment]

    @cached_property
    def moments(self) -> Moments:
        one = self.incident
        failed = [e.at for e in self.verdicts if e.data["verdict"] == "FAIL"]
        last_failed = max(failed, default=0.0)
        observed = [e.at for e in self.verdicts if e.kind == "observed" and e.data["verdict"] == "PASS"]
        showed = [one.declared, *failed, *(e.at for e in self.of("diagnosed") if e.data.get("causes"))]
        return Moments(
            began=one.began,
            declared=one.declared,
            detected=min(showed),
            decided=min(self._decisions(), default=None),
            mitigated=min(self._mitigations(), default=None),
            verified=min((at for at in observed if at >= max(last_failed, one.began)), default=None),
            closed=one.closed,
        )

    def _decisions(self) -> Iterator[float]:
        for run in self.runs.values():
            if not run.dry and run.runbook not in TALK and run.of("step started"):
                yield from (event.at for event in run.of("approved")[:1])

    def _mitigations(self) -> Iterator[float]:
        for run in self.runs.values():
            at = run.changed_at(self.incident.environment)
            if at is not None:
                yield at


def stories(journal: Journal) -> list[Story]:
    """Every incident's story, oldest first."""
    return told(journal.events())


def story(journal: Journal, incident: Incident) -> Story:
    """The story of one incident."""
    return next(one for one in stories(journal) if one.incident.id == incident.id)


def told(events: Iterable[Event]) -> list[Story]:
    """The stories in a record, oldest first. events: all of it, in order."""
    return _Telling().of(events)


class _Telling:
    """Hands each event to the stories that it belongs to. What happened in the environment before somebody declared
    an incident is kept aside: it may have begun earlier."""

    def __init__(self) -> None:
        self._stories: dict[str, Story] = {}
        self._open: dict[str, list[Story]] = {}
        self._of_run: dict[str, Story] = {}
        self._runs: dict[str, RunStory] = {}
        self._earlier: dict[str, list[Event]] = {}

    def of(self, events: Iterable[Event]) -> list[Story]:
        for event in events:
            self._take(event)
        return list(self._stories.values())

    def _take(self, event: Event) -> None:
        if event.kind == "incident declared":
            self._declare(event)
            return
        if event.kind == "opened":
            self._runs[event.run] = RunStory(event.run)
            named = self._stories.get(str(event.data["parameters"].get("incident") or ""))
            if named is not None:
                self._join(event.run, named)
        if event.run in self._runs:
            self._runs[event.run].events.append(event)
        for one in self._belongs(event):
            one.events.append(event)
        self._follow(event)

    def _declare(self, event: Event) -> None:
        one = Story(declared(event))
        self._stories[one.incident.id] = one
        self._open.setdefault(one.incident.environment, []).append(one)
        earlier = self._earlier.get(one.incident.environment, [])
        one.events += [early for early in earlier if early.at >= one.incident.began]
        if event.run in self._runs:
            known = {early.seq for early in one.events}
            one.events += [early for early in self._runs[event.run].events if early.seq not in known]
            one.events.sort(key=lambda early: early.seq)
            self._join(event.run, one)
        one.events.append(event)

    def _join(self, run: str, one: Story) -> None:
        self._of_run[run] = one
        one.runs[run] = self._runs[run]

    def _belongs(self, event: Event) -> list[Story]:
        named = self._stories.get(str(event.data.get("incident") or ""))
        if named is not None:
            return [named]
        found = {one.incident.id: one for one in (self._of_run.get(event.run),) if one is not None}
        label = event.data.get("environment")
        if event.kind in _ABOUT_ENVIRONMENTS and isinstance(label, str):
            self._earlier.setdefault(label, []).append(event)
            found |= {one.incident.id: one for one in self._open.get(label, [])}
        return list(found.values())

    def _follow(self, event: Event) -> None:
        """Keep up with what the incident itself became."""
        if event.kind not in ("incident changed", "incident closed"):
            return
        one = self._stories.get(event.data["incident"])
        if one is None:
            return
        if event.kind == "incident closed":
            one.incident = replace(one.incident, closed=event.at)
            self._open[one.incident.environment].remove(one)
        else:
            one.incident = replace(one.incident, severity=event.data["severity"], commander=event.data["commander"])


_ABOUT_ENVIRONMENTS = ("verified", "observed", "looked", "put in force", "lifted", "marked", "diagnosed")
