"""One look at everything that is configured: in parallel, each part bounded, the whole within SECONDS."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from runbook_lib.config import Environment, Target
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.impact import Flow, Impact
from runbook_lib.diagnosis.on_hosts import OnHost, look_at, platform_with_hosts
from runbook_lib.diagnosis.parts import PARTS, TIMEOUT
from runbook_lib.diagnosis.remedies import Remedies, remedies
from runbook_lib.errors import RunbookError
from runbook_lib.incident.record import incidents
from runbook_lib.platforms import platform_of
from runbook_lib.platforms.base import Platform, Release
from runbook_lib.probes import changes
from runbook_lib.probes.changes import Change
from runbook_lib.probes.database import DatabaseState
from runbook_lib.probes.http import Reading
from runbook_lib.probes.messages import messages
from runbook_lib.probes.redis import RedisState
from runbook_lib.probes.together import Unseen, together
from runbook_lib.run.in_force import in_force
from runbook_lib.run.journal import Journal
from runbook_lib.run.standing import Standing

T = TypeVar("T")

# The whole look, and what of it finding the hosts may take.
SECONDS = 12.0
HOSTS_SECONDS = 3.0
# Traffic is measured over this long.
WINDOW = 3.0
# How far back logs and the record are read.
BACK = 6 * 3600.0
# What was tried and failed within so many seconds is not recommended again.
TRIED = 1800.0

EVERYTHING = frozenset(
    {*("routes", "traffic", "hosts", "logs", "database", "redis", "queues", "dependencies", "certificates", "changes")}
)


def look(
    target: Target,
    *,
    parts: Collection[str] = EVERYTHING,
    window: float = WINDOW,
    back: float = BACK,
    incident: str = "",
) -> Facts:
    """Look at everything that is configured; changes nothing. What is not configured or cannot be looked at is a line
    in `unseen`.

    parts: what to look at, of EVERYTHING; window: seconds over which traffic is measured; back: seconds of the past
    that logs and the record are read for; incident: passed on to the next runbooks. JournalError.
    """
    return _Look(_hasty(target), frozenset(parts), window, back, remedies(target, incident))()


@dataclass
class _Look:
    target: Target
    parts: frozenset[str]
    window: float
    back: float
    remedies: Remedies
    unseen: list[str] = field(default_factory=list)

    def __call__(self) -> Facts:
        began, at = time.monotonic(), time.time()
        seen = self._hosts_found()
        found = together({**self._looks(), **seen.looks}, SECONDS - (time.monotonic() - began))
        for name, about in found.items():
            if isinstance(about, Unseen) and name not in seen.looks:
                self.unseen.append(f"{name}: {about.why}")
        for name in seen.looks:
            self._note_host(name, seen.on[name], found[name])
        return self._facts(at, time.monotonic() - began, found, seen.on)

    # -- what is looked at --------------------------------------------------------------------------------------------

    def _looks(self) -> dict[str, Callable[[], Any]]:
        wanted = [part for part in PARTS if part.of in self.parts]
        configured = [part for part in wanted if part.there(self.target)]
        self.unseen += [f"{part.name}: {part.lacks}" for part in wanted if part not in configured]
        return {part.name: partial(part.look, self.target, self.window) for part in configured}

    def _hosts_found(self) -> _Hosts:
        if not self.parts & {"hosts", "logs", "changes"}:
            return _Hosts({}, {})
        found = together({"hosts": lambda: platform_with_hosts(self.target)}, HOSTS_SECONDS)["hosts"]
        if isinstance(found, Unseen):
            self.unseen.append(f"hosts: {found.why}")
            return _Hosts({}, {})
        platform, names = found
        on = {name: OnHost() for name in names}
        return _Hosts(on, {name: partial(self._host, platform, name, on[name]) for name in names})

    def _host(self, platform: Platform, name: str, on: OnHost) -> None:
        settings = self.target.environment.hosts
        look_at(platform, name, on, settings, parts=self.parts, back=self.back, timeout=TIMEOUT)

    def _note_host(self, name: str, on: OnHost, ended: object) -> None:
        if isinstance(ended, Unseen):
            on.failed.setdefault("host", ended.why)
        self.unseen += [f"{what} of {name}: {why}" for what, why in on.failed.items()]

    # -- what comes of it ---------------------------------------------------------------------------------------------

    def _facts(self, at: float, seconds: float, found: Mapping[str, Any], on: Mapping[str, OnHost]) -> Facts:
        environment, journal = self.target.environment, Journal(self.target.state)
        releases = {name: host.release for name, host in on.items() if host.release is not None}
        switched = {name: host.switched for name, host in on.items() if host.switched is not None}
        machines = {name: host.machine for name, host in on.items() if host.machine is not None}
        logs = {name: host.log for name, host in on.items() if host.log is not None}
        skew = {name: m.skew for name, m in machines.items() if m.skew is not None and abs(m.skew) > m.skew_error}
        standing = Standing.of(journal, self.target.label)
        forced = in_force(journal, self.target.label)
        told = tuple(messages(logs, skew, switched=list(switched.values())))
        reaching = [log.reaches for log in logs.values() if log.reaches is not None]
        pending = tuple(_seen(found.get("pending migrations"), list, []))
        changed = [
            *changes.switches(releases, switched),
            *changes.mitigations(forced),
            *(change for name, m in machines.items() for change in changes.files(name, m.files or {})),
            *_seen(found.get("migrations"), list[Change], []),
            *changes.not_run(pending),
            *self._recorded(journal, at),
        ]
        traffic: Flow | None = _seen(found.get("traffic"), Flow, None)
        readings: list[list[Reading]] = _seen(found.get("routes"), list, [])
        database = _late(found.get("database"), DatabaseState, lambda why: _no_database(environment, why))
        cache = _late(found.get("redis"), RedisState, lambda why: RedisState(False, why, SECONDS))
        self.unseen += [f"database: it lets this look not in: {database.saw}"] if database and database.refuses else []
        self.unseen += [f"redis: it lets this look not in: {cache.saw}"] if cache and cache.denies else []
        return Facts(
            label=self.target.label,
            at=at + seconds,
            impact=Impact(readings, traffic, environment.observation, told, at + seconds),
            releases=releases,
            switched=switched,
            standing=standing,
            good=self._good(standing, releases),
            machines=machines,
            unreachable={
                name: host.failed[what] for name, host in on.items() for what in host.failed if what == "host"
            },
            nothing_live={name: host.failed["release"] for name, host in on.items() if "release" in host.failed},
            served=_seen(found.get("versions"), dict, {}),
            database=database,
            redis=cache,
            queues=tuple(_seen(found.get("queues"), list, [])),
            dependencies=tuple(_seen(found.get("dependencies"), list, [])),
            halted=tuple(_seen(found.get("halted"), list, [])),
            certificates=tuple(_seen(found.get("certificates"), list, [])),
            messages=told,
            suspicious=tuple(messages(logs, skew, suspicious=True)),
            lines=sum(log.lines for log in logs.values()),
            reaches=max(reaching, default=None),
            pending=pending,
            changes=tuple(sorted(changed, key=lambda change: -(change.at or 0.0))),
            in_force=tuple(forced),
            failed=changes.failed(journal, self.target.label, at - TRIED),
            incident_open=any(one.open for one in incidents(journal, self.target.label)),
            hosts=environment.hosts,
            queue_limits=environment.queues,
            remedies=self.remedies,
            unseen=tuple(self.unseen),
            seconds=seconds,
        )

    def _recorded(self, journal: Journal, at: float) -> list[Change]:
        """What changed by the word of the record and of the configuration."""
        return [*changes.recorded(journal, self.target.label, at - self.back), *changes.configuration(self.target)]

    def _good(self, standing: Standing, releases: Mapping[str, Release]) -> Release | None:
        """The last known good release that is not live. Of a platform that could not be read, only a repository on this
        machine is asked: whatever else did not answer once would not answer now."""
        if not releases and self.target.environment.git is None:
            return None
        try:
            return standing.last_known_good(platform_of(self.target).releases(), {r.id for r in releases.values()})
        except RunbookError:
            return None


@dataclass(frozen=True)
class _Hosts:
    on: dict[str, OnHost]
    looks: dict[str, Callable[[], Any]]


def _hasty(target: Target) -> Target:
    """The same environment with less patience: the connections' own limits of time are for work, not for a look."""
    environment = target.environment
    update = {
        name: store.model_copy(update={"timeout": min(store.timeout, TIMEOUT)})
        for name in ("database", "redis")
        if (store := getattr(environment, name)) is not None
    }
    return replace(target, environment=environment.model_copy(update=update))


def _no_database(environment: Environment, why: str) -> DatabaseState:
    kind = environment.database.kind if environment.database else "sqlite"
    return DatabaseState(kind, False, why, SECONDS)


# -- what was not seen ------------------------------------------------------------------------------------------------


def _seen(found: Any, kind: Any, otherwise: T) -> Any | T:
    return otherwise if found is None or isinstance(found, Unseen) else found


def _late(found: Any, kind: type[T], unreachable: Callable[[str], T]) -> T | None:
    """A store that was asked and is not back in time does not answer; one that could not be asked is unseen."""
    if isinstance(found, Unseen):
        return unreachable(found.why) if found.why.startswith("no answer within") else None
    return found if isinstance(found, kind) else None
