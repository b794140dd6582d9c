"""The causes that are known, and how several at once are ranked: what explains more comes first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from runbook_lib.diagnosis.cause import Cause
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.rules import (
    connections,
    database,
    left_on,
    machines,
    outside,
    processes,
    release,
    stores,
    traffic,
)

Rule = Callable[[Facts], Cause | None]

RULES: tuple[Rule, ...] = (
    machines.disk_full,
    machines.certificate,
    machines.clocks_apart,
    machines.storage_closed,
    machines.host_overloaded,
    processes.port_taken,
    processes.process_down,
    processes.process_hung,
    processes.host_down,
    processes.workers_down,
    database.database_down,
    database.database_read_only,
    database.database_lock,
    database.connections_exhausted,
    database.slow_query,
    stores.cache_down,
    stores.queue_backlog,
    stores.corrupt_rows,
    database.schema_mismatch,
    stores.jobs_failing,
    connections.credential_refused,
    connections.name_unresolved,
    connections.cut_off,
    outside.third_party,
    release.bad_release,
    release.configuration_change,
    left_on.maintenance_left_on,
    left_on.mitigation_left_on,
    left_on.halted,
    traffic.error_spike,
    traffic.traffic_spike,
    traffic.slow_answers,
    traffic.leaked_key,
)

_SYMPTOMS = (
    *("error-spike", "slow-answers", "bad-release", "corrupt-rows", "configuration-change", "mitigation-left-on"),
    *("schema-mismatch", "jobs-failing", "host-overloaded", "clock-skew"),
)
# What is said of a connection to a store, by the application.
_CUT_OFF = ("cut-off", "name-unresolved")

# What a cause explains besides itself: while it holds, those are likely its effects.
EXPLAINS: Mapping[str, tuple[str, ...]] = {
    "disk-full": (
        *(*_SYMPTOMS, *_CUT_OFF),
        *("database-down", "database-read-only", "cache-down", "database-lock", "process-down", "storage-closed"),
    ),
    "storage-closed": (*_SYMPTOMS, "database-down", "database-read-only", "cut-off"),
    "host-down": (*_SYMPTOMS, *_CUT_OFF, "process-down", "process-hung", "database-down", "cache-down"),
    "port-taken": (*_SYMPTOMS, "process-down", "process-hung"),
    "process-down": (*_SYMPTOMS,),
    "process-hung": (*_SYMPTOMS,),
    "database-down": (
        *(*_SYMPTOMS, *_CUT_OFF),
        *("connections-exhausted", "queue-backlog", "process-hung", "workers-down", "credential-refused"),
    ),
    "connections-exhausted": (*_SYMPTOMS, "slow-query", "queue-backlog", "process-hung", "cut-off"),
    "database-lock": (*_SYMPTOMS, "slow-query", "connections-exhausted", "queue-backlog", "process-hung"),
    "database-read-only": (*_SYMPTOMS, "storage-closed"),
    "slow-query": (*_SYMPTOMS, "connections-exhausted", "queue-backlog"),
    "cache-down": (*_SYMPTOMS, *_CUT_OFF, "queue-backlog", "workers-down"),
    "workers-down": ("queue-backlog",),
    "halted": ("queue-backlog", "workers-down", "mitigation-left-on"),
    "third-party": (*_SYMPTOMS, *_CUT_OFF, "queue-backlog", "process-hung"),
    "certificate": ("error-spike", "slow-answers", "process-down", "bad-release"),
    "clock-skew": ("error-spike", "credential-refused"),
    "maintenance-left-on": (*_SYMPTOMS,),
    "traffic-spike": ("slow-answers", "error-spike", "bad-release", "connections-exhausted", "host-overloaded"),
    "bad-release": (
        "error-spike",
        "slow-answers",
        "mitigation-left-on",
        "schema-mismatch",
        "jobs-failing",
        "corrupt-rows",
    ),
    "corrupt-rows": ("error-spike", "slow-answers"),
    "schema-mismatch": ("error-spike", "jobs-failing"),
    "configuration-change": (
        *("error-spike", "slow-answers", "bad-release", "jobs-failing", "credential-refused"),
        *_CUT_OFF,
    ),
    "credential-refused": ("error-spike", "jobs-failing"),
    "name-unresolved": ("error-spike", "jobs-failing", "cut-off"),
    "cut-off": ("error-spike", "jobs-failing"),
    "host-overloaded": ("slow-answers", "error-spike"),
    "leaked-key": ("error-spike",),
}
# Below that a cause is not certain enough to explain others away.
CERTAIN = 0.6
EXPLAINED = 0.45
# What is explained, but logs messages that those which explain it do not account for, is likely there besides.
BESIDES = 0.7
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
            judged.append(_explained(cause, roots))
    return sorted(judged, key=lambda cause: -cause.score)


def _explained(cause: Cause, roots: list[Cause]) -> Cause:
    root = max(roots, key=lambda root: root.score)
    words = f"{root.name} would explain it, too: {root.title}"
    besides = cause.told - frozenset[str]().union(*(root.told for root in roots))
    if besides:
        words = f"{root.name} is there, too, and would explain it but for what is logged: {root.title}"
    return replace(cause, score=cause.score * (BESIDES if besides else EXPLAINED), opposing=(*cause.opposing, words))
