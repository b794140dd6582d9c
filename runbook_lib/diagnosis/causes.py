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
    migrations,
    outside,
    processes,
    refusals,
    release,
    stores,
    told,
    traffic,
)
from runbook_lib.diagnosis.rules.saying import clock

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
    database.database_corrupt,
    database.database_read_only,
    database.database_lock,
    database.connections_exhausted,
    database.slow_query,
    stores.cache_down,
    stores.queue_backlog,
    stores.jobs_failing,
    connections.cut_off,
    outside.third_party,
    *map(told.rule, told.WORDS),
    migrations.migrations_pending,
    refusals.turned_away,
    release.bad_release,
    release.release_lost,
    release.stale_code,
    release.releases_apart,
    release.configuration_change,
    left_on.maintenance_left_on,
    left_on.mitigation_left_on,
    left_on.halted,
    traffic.error_spike,
    traffic.traffic_spike,
    traffic.slow_answers,
    traffic.replica_ill,
    traffic.leaked_key,
)

_SYMPTOMS = (
    *("error-spike", "slow-answers", "bad-release", "corrupt-rows", "configuration-change", "mitigation-left-on"),
    *("schema-mismatch", "jobs-failing", "host-overloaded", "clock-skew", "sessions-lost", "limit-reached"),
    *("throttled", "access-refused", "deadlocks", "upstream-down", "replica-ill", "releases-apart"),
)
# What is said of a connection to a store, by the application.
_CUT_OFF = ("cut-off", "name-unresolved", "database-restarts")
# What makes answers late fills processes and connections with what waits.
_WAITING = ("queue-backlog", "process-hung", "connections-exhausted")
# What code that is wrong brings about.
_BY_CODE = (
    *("error-spike", "slow-answers", "schema-mismatch", "jobs-failing", "corrupt-rows", "release-incomplete"),
    *("limit-reached", "deadlocks", "sessions-lost", "mitigation-left-on", "replica-ill", "releases-apart"),
    *("throttled", "access-refused", "php-unfit"),
)
# What is missing in the schema brings about what code that is wrong does.
_BY_MISSING = ("schema-mismatch", "bad-release", "error-spike", "jobs-failing", "corrupt-rows", "releases-apart")

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
    "database-corrupt": (*_SYMPTOMS, "database-down", "database-lock", "cut-off"),
    "database-down": (*_SYMPTOMS, *_CUT_OFF, *_WAITING, "workers-down", "credential-refused", "database-lock"),
    "connections-exhausted": (*_SYMPTOMS, "slow-query", "queue-backlog", "process-hung", "cut-off"),
    "database-lock": (*_SYMPTOMS, *_WAITING, "slow-query"),
    "database-read-only": (*_SYMPTOMS, "storage-closed"),
    "database-restarts": (*_SYMPTOMS, "cut-off"),
    "slow-query": (*_SYMPTOMS, *_WAITING),
    "cache-down": (*_SYMPTOMS, *_CUT_OFF, "queue-backlog", "workers-down", "third-party", "connections-exhausted"),
    "workers-down": ("queue-backlog",),
    "halted": ("queue-backlog", "workers-down", "mitigation-left-on"),
    "third-party": (*_SYMPTOMS, "cut-off", "queue-backlog", "process-hung"),
    "certificate": ("error-spike", "slow-answers", "process-down", "bad-release", "third-party"),
    "clock-skew": ("error-spike", "credential-refused", "replica-ill"),
    "maintenance-left-on": (*_SYMPTOMS,),
    "traffic-spike": (*_SYMPTOMS, "connections-exhausted"),
    "bad-release": (*_BY_CODE,),
    "stale-code": ("bad-release", "releases-apart", *_BY_CODE),
    "releases-apart": ("replica-ill", *_BY_CODE),
    "release-incomplete": ("error-spike", "jobs-failing", "replica-ill", "process-down", "workers-down"),
    "php-unfit": ("error-spike", "jobs-failing", "replica-ill", "release-incomplete"),
    "migrations-pending": _BY_MISSING,
    "configuration-change": (
        *("error-spike", "slow-answers", "bad-release", "jobs-failing", "credential-refused", "configuration-wrong"),
        *("app-key", "sessions-lost", "throttled", "access-refused", "replica-ill", "schema-mismatch", "third-party"),
        *_CUT_OFF,
    ),
    "configuration-wrong": ("error-spike", "jobs-failing", "bad-release", "replica-ill"),
    "app-key": (
        *("error-spike", "jobs-failing", "bad-release", "sessions-lost", "access-refused"),
        *("corrupt-rows", "replica-ill"),
    ),
    "credential-refused": ("error-spike", "jobs-failing", "third-party", "cut-off", "replica-ill", "leaked-key"),
    "name-unresolved": ("error-spike", "jobs-failing", "cut-off", "third-party", "replica-ill"),
    "cut-off": ("error-spike", "jobs-failing", "replica-ill", "third-party"),
    "corrupt-rows": ("error-spike", "slow-answers", "jobs-failing"),
    "schema-mismatch": ("error-spike", "jobs-failing"),
    "deadlocks": ("error-spike", "jobs-failing"),
    "limit-reached": ("error-spike", "slow-answers", "jobs-failing", "upstream-down", "replica-ill"),
    "upstream-down": ("error-spike", "slow-answers", "replica-ill"),
    "throttled": ("error-spike", "sessions-lost"),
    "access-refused": ("error-spike",),
    "mitigation-left-on": ("error-spike", "throttled", "access-refused", "database-read-only"),
    "host-overloaded": ("slow-answers", "error-spike", "limit-reached", "upstream-down", "replica-ill"),
    "replica-ill": ("error-spike", "slow-answers"),
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
    return Diagnosis(facts, tuple(_not_again(cause, facts) for cause in ranked(found)))


def _not_again(cause: Cause, facts: Facts) -> Cause:
    """A recommendation that was followed a short while ago, and failed, is not made again."""
    if cause.next is None:
        return cause
    action = str(cause.next.parameters.get("action", ""))
    run = facts.failed.get((cause.next.runbook, action))
    if run is None:
        return cause
    words = f"{cause.next.runbook} {action}".strip() + f" was tried and failed, run {run}"
    written = [c for c in facts.changes if c.kind == "configuration" and c.where and c.at is not None]
    newest = max(written, key=lambda change: change.at or 0.0, default=None)
    also = f"; {newest.what} on {newest.where} at {clock(newest.at or 0.0)}: what is in it?" if newest else ""
    hand = f"see why it failed, `runbook show {run}`{also}"
    return replace(cause, next=None, opposing=(*cause.opposing, words), by_hand=hand)


def ranked(found: list[Cause]) -> list[Cause]:
    """The causes, best first; one that another one explains comes after it and says so."""
    by_name: dict[str, Cause] = {}
    for cause in found:  # what is looked at and what is told may be the same cause: the surer one counts
        by_name[cause.name] = max(cause, by_name.get(cause.name, cause), key=lambda one: one.score)
    judged = []
    for cause in by_name.values():
        roots = [other for other in by_name.values() if _is_root_of(other, cause, by_name)]
        if not roots:
            judged.append(cause)
        elif cause.name not in NAMELESS or roots[0].score < SURE:
            judged.append(_explained(cause, roots))
    return sorted(judged, key=lambda cause: -cause.score)


def _is_root_of(other: Cause, cause: Cause, found: Mapping[str, Cause]) -> bool:
    """Whether one is sure enough to explain another. Of several that explain each other in a round, the surest one is
    not explained."""
    if cause.name not in EXPLAINS.get(other.name, ()) or other.score < max(CERTAIN, cause.score * 0.75):
        return False
    return other.score > cause.score or other.name not in _leads_to(cause.name, found)


def _leads_to(name: str, found: Mapping[str, Cause]) -> set[str]:
    """All that a cause explains, and what those explain, of what was found."""
    seen: set[str] = set()
    left = [name]
    while left:
        left += [further for further in EXPLAINS.get(left.pop(), ()) if further in found and further not in seen]
        seen.update(left)
    return seen


def _explained(cause: Cause, roots: list[Cause]) -> Cause:
    root = max(roots, key=lambda root: root.score)
    words = f"{root.name} would explain it, too: {root.title}"
    besides = cause.told - frozenset[str]().union(*(root.told for root in roots))
    if besides:
        words = f"{root.name} is there, too, and would explain it but for what is logged: {root.title}"
    return replace(cause, score=cause.score * (BESIDES if besides else EXPLAINED), opposing=(*cause.opposing, words))
