"""The causes that are known, and how several at once are ranked: what explains more comes first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from runbook_lib.diagnosis.cause import Cause
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.rules import left_on, machines, processes, release, stores, traffic

Rule = Callable[[Facts], Cause | None]

RULES: tuple[Rule, ...] = (
    machines.disk_full,
    machines.certificate,
    machines.clocks_apart,
    processes.process_down,
    processes.process_hung,
    processes.host_down,
    processes.workers_down,
    stores.database_down,
    stores.database_read_only,
    stores.database_lock,
    stores.connections_exhausted,
    stores.slow_query,
    stores.cache_down,
    stores.queue_backlog,
    stores.corrupt_rows,
    release.bad_release,
    release.configuration_change,
    left_on.maintenance_left_on,
    left_on.mitigation_left_on,
    traffic.error_spike,
    traffic.traffic_spike,
    traffic.slow_answers,
    traffic.leaked_key,
)

_SYMPTOMS = ("error-spike", "slow-answers", "bad-release", "corrupt-rows", "configuration-change", "mitigation-left-on")

# What a cause explains besides itself: while it holds, those are likely its effects.
EXPLAINS: Mapping[str, tuple[str, ...]] = {
    "disk-full": (*_SYMPTOMS, "database-down", "database-read-only", "cache-down", "database-lock", "process-down"),
    "host-down": (*_SYMPTOMS, "process-down", "process-hung", "database-down", "cache-down"),
    "process-down": (*_SYMPTOMS,),
    "process-hung": (*_SYMPTOMS,),
    "database-down": (*_SYMPTOMS, "connections-exhausted", "queue-backlog", "process-hung", "workers-down"),
    "connections-exhausted": (*_SYMPTOMS, "slow-query", "queue-backlog", "process-hung"),
    "database-lock": (*_SYMPTOMS, "slow-query", "connections-exhausted", "queue-backlog", "process-hung"),
    "database-read-only": (*_SYMPTOMS,),
    "slow-query": (*_SYMPTOMS, "connections-exhausted", "queue-backlog"),
    "cache-down": (*_SYMPTOMS, "queue-backlog", "workers-down"),
    "workers-down": ("queue-backlog",),
    "certificate": ("error-spike", "slow-answers", "process-down", "bad-release"),
    "maintenance-left-on": (*_SYMPTOMS,),
    "traffic-spike": ("slow-answers", "error-spike", "bad-release", "connections-exhausted"),
    "bad-release": ("error-spike", "slow-answers", "mitigation-left-on"),
    "corrupt-rows": ("error-spike", "slow-answers"),
    "configuration-change": ("error-spike", "slow-answers", "bad-release"),
    "leaked-key": ("error-spike",),
}
# Below that a cause is not certain enough to explain others away.
CERTAIN = 0.6
EXPLAINED = 0.45
# What names no reason is left out beside one that is sure to be it.
NAMELESS = ("error-spike", "slow-answers")
SURE = 0.75


@dataclass(frozen=True)
class Diagnosis:
    """The likely causes, the likeliest first, and what they were judged from."""

    facts: Facts
    causes: tuple[Cause, ...]

    @property
    def first(self) -> Cause | None:
        return self.causes[0] if self.causes else None


def diagnose(facts: Facts) -> Diagnosis:
    """Judge the facts by every rule, and rank what they name."""
    found = [cause for rule in RULES if (cause := rule(facts)) is not None]
    return Diagnosis(facts, tuple(ranked(found)))


def ranked(found: list[Cause]) -> list[Cause]:
    """The causes, best first; one that another one explains comes after it and says so."""
    by_name = {cause.name: cause for cause in found}
    judged = []
    for cause in found:
        roots = [
            other
            for other in by_name.values()
            if cause.name in EXPLAINS.get(other.name, ()) and other.score >= max(CERTAIN, cause.score * 0.75)
        ]
        if not roots:
            judged.append(cause)
        elif cause.name not in NAMELESS or roots[0].score < SURE:
            judged.append(_explained(cause, max(roots, key=lambda root: root.score)))
    return sorted(judged, key=lambda cause: -cause.score)


def _explained(cause: Cause, root: Cause) -> Cause:
    words = f"{root.name} would explain it, too: {root.title}"
    return replace(cause, score=cause.score * EXPLAINED, opposing=(*cause.opposing, words))
