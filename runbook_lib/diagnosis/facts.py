"""Everything that was seen in one look, as plain values: what the rules judge, and what tests make by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from runbook_lib.config import Hosts, Queues
from runbook_lib.diagnosis.impact import Impact
from runbook_lib.diagnosis.remedies import Remedies
from runbook_lib.platforms.base import Release
from runbook_lib.probes.certificates import Certificate
from runbook_lib.probes.changes import Change
from runbook_lib.probes.database import DatabaseState
from runbook_lib.probes.dependencies import DependencyState
from runbook_lib.probes.hosts import HostState
from runbook_lib.probes.messages import Message
from runbook_lib.probes.queues import QueueState
from runbook_lib.probes.redis import RedisState
from runbook_lib.run.in_force import InForce
from runbook_lib.run.standing import Standing

# Seconds within which a message must have occurred to belong to what goes on now.
RECENT = 60.0


@dataclass(frozen=True)
class Facts:
    """One look at one environment.

    label: "shop/production"; at: Unix time of the look; impact: on users; releases, switched: what is live on each host
    and since when; standing: what the record says of releases; good: the release to go back to, or None; machines:
    by host; unreachable: hosts that could not be looked into, and why; served: what the version route says, by
    place; nothing_live: hosts at which no release is found, and why; queues: counted twice, a window apart; halted:
    the actions by which queues or the scheduler are halted now; messages, suspicious: of the logs; reaches: Unix
    time back to which the logs go; pending: migrations of the live release that never ran; in_force: mitigations;
    failed: ids of runs that were tried and failed, by runbook and action; incident_open: whether there is an open
    incident of this environment; unseen: what could not be looked at, a line each.
    """

    label: str
    at: float
    impact: Impact = field(default_factory=Impact)
    releases: Mapping[str, Release] = field(default_factory=dict)
    switched: Mapping[str, float] = field(default_factory=dict)
    standing: Standing = field(default_factory=Standing)
    good: Release | None = None
    machines: Mapping[str, HostState] = field(default_factory=dict)
    unreachable: Mapping[str, str] = field(default_factory=dict)
    nothing_live: Mapping[str, str] = field(default_factory=dict)
    served: Mapping[str, str] = field(default_factory=dict)
    database: DatabaseState | None = None
    redis: RedisState | None = None
    queues: tuple[QueueState, ...] = ()
    dependencies: tuple[DependencyState, ...] = ()
    halted: tuple[str, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    messages: tuple[Message, ...] = ()
    suspicious: tuple[Message, ...] = ()
    lines: int = 0
    reaches: float | None = None
    changes: tuple[Change, ...] = ()
    pending: tuple[str, ...] = ()
    in_force: tuple[InForce, ...] = ()
    failed: Mapping[tuple[str, str], str] = field(default_factory=dict)
    incident_open: bool = False
    hosts: Hosts = field(default_factory=Hosts)
    queue_limits: Queues | None = None
    remedies: Remedies = field(default_factory=Remedies)
    unseen: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def current(self) -> list[Message]:
        """The error messages that belong to what goes on now, the most frequent first. Those that ended with the
        former release, before the live one was last shown to be good, or well before the others, belong to what is
        over."""
        last = max((message.last for message in self.messages), default=0.0)
        passed = self.standing.passed.get(self.live.id, 0.0) if self.live else 0.0
        after = max(self.at - RECENT, last - RECENT / 2, self.live_since or 0.0, passed)
        return sorted((m for m in self.messages if m.last >= after), key=lambda message: -message.count)

    @property
    def redis_known(self) -> RedisState | None:
        """Redis, where it let this look in."""
        return None if self.redis is None or self.redis.denies else self.redis

    @property
    def live(self) -> Release | None:
        """The release that most hosts run."""
        common = Counter(release.id for release in self.releases.values()).most_common(1)
        return next((r for r in self.releases.values() if r.id == common[0][0]), None) if common else None

    @property
    def live_since(self) -> float | None:
        """Unix time at which the release that most hosts run was first put in place, or None."""
        live = self.live
        moments = [
            self.switched[h] for h, r in self.releases.items() if live and r.id == live.id and h in self.switched
        ]
        return min(moments, default=None)

    @cached_property
    def onset(self) -> float | None:
        """When the trouble began, as far as the logs tell; None without trouble, or where nothing tells."""
        if not self.impact.hurt or not self.current:
            return None
        most = max(message.count for message in self.current)
        return min(message.began for message in self.current if message.count * 10 >= most)

    @property
    def skewed(self) -> dict[str, float]:
        """Seconds by which hosts' clocks are ahead, for those that differ more than may be."""
        return {
            host: machine.skew
            for host, machine in self.machines.items()
            if machine.skew is not None and abs(machine.skew) - machine.skew_error > self.hosts.max_skew
        }
