"""The next runbook for a cause, with its parameters filled in; only levers that are configured are named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.config import Target
from runbook_lib.diagnosis.cause import Next

# Mitigations that need a value, with one that is right where nothing else is known.
NEEDED = {"scale": "+1", "rate_limit": "", "disable_features": ""}


@dataclass(frozen=True)
class Remedies:
    """What can be done in one environment. common: parameters that every runbook gets; available: names of the
    mitigations that are configured; features: that can be switched off."""

    common: dict[str, Any] = field(default_factory=dict)
    available: frozenset[str] = frozenset()
    features: tuple[str, ...] = ()

    def runbook(self, name: str, **parameters: Any) -> Next:
        return Next(name, {**parameters, **self.common})

    def mitigation(self, *actions: str, **values: str) -> Next | None:
        """The first of these mitigations that is configured, or None. values: what they take, by action."""
        for action in actions:
            value = values.get(action, NEEDED.get(action, ""))
            if action in self.available and (value or action not in NEEDED):
                return self.runbook("mitigate", action=action, **({"value": value} if value else {}))
        return None

    def own(self, *words: str) -> Next | None:
        """The first own command whose name has one of these words: a `restart_database` for "database"."""
        for word in words:
            for action in sorted(self.available):
                if action not in STANDARD and word in action:
                    return self.runbook("mitigate", action=action)
        return None


STANDARD = frozenset(
    {
        *("scale", "disable_features", "rate_limit", "read_only", "restart", "restart_workers"),
        *("pause_queues", "pause_scheduler", "end_sessions", "free_disk", "maintenance"),
    }
)


def remedies(target: Target, incident: str = "") -> Remedies:
    """What is configured for an environment. incident: passed on where there is one."""
    common: dict[str, Any] = {**target.named, **({"incident": incident} if incident else {})}
    return Remedies(common, frozenset(_available(target)), tuple(target.environment.levers.features))


def _available(target: Target) -> Iterable[str]:
    environment, levers = target.environment, target.environment.levers
    docker = environment.platform == "docker"
    server = environment.database is not None and environment.database.kind != "sqlite"
    configured: Sequence[tuple[str, bool]] = (
        ("scale", levers.scale is not None or docker),
        ("disable_features", bool(levers.features)),
        ("rate_limit", levers.rate_limit is not None),
        ("read_only", levers.read_only is not None or server),
        ("restart", levers.restart is not None or docker or bool(environment.git and environment.git.restart)),
        ("restart_workers", levers.workers is not None or environment.laravel is not None),
        ("pause_queues", levers.queues is not None),
        ("pause_scheduler", levers.scheduler is not None),
        ("end_sessions", server),
        ("free_disk", levers.disk is not None),
        ("maintenance", environment.laravel is not None),
    )
    yield from (name for name, there in configured if there)
    yield from levers.commands
