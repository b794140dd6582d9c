"""Rules and ranking, on facts made by hand: each fault has its cause, and no fault has none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runbook_lib.config import Hosts, Queues
from runbook_lib.diagnosis.causes import RULES, diagnose
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.impact import Impact
from runbook_lib.diagnosis.remedies import Remedies
from runbook_lib.diagnosis.rules.told import WORDS
from runbook_lib.laravel.queues import Depth
from runbook_lib.probes.certificates import Certificate
from runbook_lib.probes.changes import Change
from runbook_lib.probes.database import DatabaseState, Session
from runbook_lib.probes.dependencies import DependencyState
from runbook_lib.probes.disk import FileSystem
from runbook_lib.probes.hosts import HostState
from runbook_lib.probes.http import Reading
from runbook_lib.probes.listeners import Listener
from runbook_lib.probes.load import Load
from runbook_lib.probes.queues import QueueState
from runbook_lib.probes.redis import RedisState
from runbook_lib.probes.workers import Process
from runbook_lib.probes.writing import Guarded
from runbook_lib.run.in_force import InForce
from runbook_lib.run.standing import Standing
from tests.diagnosis.facts import GOOD, LIVE, NOW, URL, facts, flow, impact, message, reading, refused, traffic

ERRORS = impact(reading("/up"), real=flow(errors=4))
SLOW = impact(reading("home page", seconds=0.9), real=flow(slow=5))
VERY_SLOW = impact(reading("report", seconds=2.9), real=flow())
REFUSED = impact(
    *(reading(name, 0, "no answer: [Errno 111] Connection refused") for name in ("/up", "/ready", "home page"))
)
TIMED_OUT = impact(*(reading(name, 0, "no answer within 4.0 s", 4.0) for name in ("/up", "/ready", "home page")))
NOT_READY = impact(reading("/ready", 500), real=flow(errors=8))
WELL = DatabaseState("pgsql", True, "PostgreSQL 15", used=5, allowed=97)
DOWN = replace(WELL, reachable=False, saw="connection refused")
HOLDER = Session("4711", 90.0, "shop", "idle in transaction", "UPDATE orders SET total = 1")
WAITING = Session("4712", 40.0, "shop", "active", "UPDATE orders SET total = 2", ("4711",))
LOCKED = replace(WELL, blocked=(WAITING,), blocking=(HOLDER,))
LIMITS = Queues(store="redis", max_waiting=100, max_age=300)
WEB = Hosts(processes={"web": "php-fpm"})
QUEUE = Hosts(processes={"worker": "queue:work"})
ROOM = FileSystem("/", 10**10, 0.4)
BURST = (message('ERROR SQLSTATE[42703]: column "vip" does not exist', NOW - 60),)
UNCOUNTED = Impact(impact().rounds, None, impact().limits, BURST, NOW)
PROVIDER = "ERROR PaymentFailed: the payment provider answers 401: invalid API key"
ROUTES = ("/up", "/ready", "home page")
LIMITED = InForce("rate limit", "shop/production", NOW - 600, "r1", "papermill ...", {"action": "rate_limit"})
NO_WRITES = InForce("writes stopped", "shop/production", NOW - 600, "r1", "papermill ...", {"action": "read_only"})
HALTED = InForce("queues halted", "shop/production", NOW - 600, "r1", "papermill ...", {"action": "pause_queues"})


def replicas(*readings: Reading) -> Impact:
    """Three replicas behind a url, all well but for these readings."""
    told = {(r.place, r.name): r for r in readings}
    places = (URL, "http://web-1", "http://web-2", "http://web-3")
    return impact(*(told.get((p, name), reading(name, place=p)) for p in places for name in ROUTES))


def queues(waiting: int, reserved: int = 0, first: int | None = None, oldest: float | None = None) -> dict[str, Any]:
    depths = [Depth(waiting if first is None else first, 0, reserved, oldest), Depth(waiting, 0, reserved, oldest)]
    counted = tuple(QueueState(NOW - 3 + 3 * n, {"default": depth}) for n, depth in enumerate(depths))
    return {"queues": counted, "queue_limits": LIMITS}


def machines(**about: Any) -> dict[str, HostState]:
    given: dict[str, Any] = {"skew": 0.0, "disks": {".": ROOM}, "processes": (Process(1, "S", "php-fpm: master"),)}
    return {"web-1": HostState("web-1", **{**given, **about})}


def said(text: str, **more: Any) -> Facts:
    """Requests fail, and that is logged."""
    return facts(ERRORS, messages=(message(text, NOW - 60),), **more)


FAULTS: dict[str, tuple[str, Facts]] = {
    "errors began with the release": (
        "bad-release",
        facts(ERRORS, since=NOW - 300, passed={GOOD.id: NOW - 90_000}, messages=(message("boom", NOW - 290),)),
    ),
    "errors since the processes started, logs too short": (
        "bad-release",
        facts(
            impact(real=flow(errors=4, before=traffic(4000, 1500), started=NOW - 7190)),
            passed={GOOD.id: NOW - 90_000},
            messages=(message("boom", NOW - 600, reaches=NOW - 600),),
        ),
    ),
    "errors right after the release, in a log that has nothing else": (
        "bad-release",
        facts(
            ERRORS,
            since=NOW - 60,
            passed={GOOD.id: NOW - 90_000},
            messages=(message("boom", NOW - 58, reaches=NOW - 58),),
            reaches=NOW - 58,
        ),
    ),
    "slow since the release": (
        "bad-release",
        facts(
            impact(real=flow(slow=5, before=traffic(400, 0, 190), started=NOW - 290)),
            since=NOW - 300,
            passed={GOOD.id: NOW - 90_000},
        ),
    ),
    "errors long after a release that passed": ("error-spike", facts(ERRORS, messages=(message("boom", NOW - 60),))),
    "nothing listens": ("process-down", facts(REFUSED)),
    "nothing is answered": ("process-hung", facts(TIMED_OUT)),
    "a process is stopped": (
        "process-hung",
        facts(
            TIMED_OUT,
            machines=machines(processes=(Process(9, "T", "php-fpm: master"),)),
            hosts=WEB,
        ),
    ),
    "a web process is missing on a host": (
        "process-down",
        facts(ERRORS, machines=machines(processes=(Process(9, "S", "cron"),)), hosts=WEB),
    ),
    "a container has stopped": ("process-down", facts(REFUSED, unreachable={"shop-1": "it is not running"})),
    "a host cannot be reached": ("host-down", facts(ERRORS, machines=machines(), unreachable={"web-2": "no route"})),
    "no worker runs": (
        "workers-down",
        facts(machines=machines(), hosts=Hosts(processes={"worker": "queue:work"}), **queues(500)),
    ),
    "a worker is stopped": (
        "workers-down",
        facts(machines=machines(processes=(Process(9, "T", "queue:work"),)), hosts=QUEUE),
    ),
    "jobs wait, and their worker is stopped": (
        "queue-backlog",
        facts(machines=machines(processes=(Process(9, "T", "queue:work"),)), hosts=QUEUE, **queues(500)),
    ),
    "a bad release, and a worker is stopped": (
        "bad-release",
        facts(
            ERRORS,
            since=NOW - 60,
            passed={GOOD.id: NOW - 90_000},
            messages=(message("boom", NOW - 58),),
            machines=machines(processes=(Process(9, "T", "queue:work"),)),
            hosts=QUEUE,
        ),
    ),
    "jobs wait and nobody works": ("queue-backlog", facts(**queues(500, reserved=2))),
    "a job waits for an hour": ("queue-backlog", facts(**queues(3, reserved=1, oldest=NOW - 3600))),
    "the database is down": ("database-down", facts(NOT_READY, database=DOWN, messages=(message("no", NOW - 50),))),
    "the database is down and not configured": (
        "database-down",
        facts(NOT_READY, messages=(message("SQLSTATE[HY000] [2002] Connection refused", NOW - 50),)),
    ),
    "a lock": ("database-lock", facts(ERRORS, database=LOCKED)),
    "a lock stops everything": ("database-lock", facts(TIMED_OUT, database=LOCKED)),
    "a slow statement": ("slow-query", facts(SLOW, database=replace(WELL, slow=(replace(HOLDER, state="active"),)))),
    "connections are used up": ("connections-exhausted", facts(NOT_READY, database=replace(WELL, used=97))),
    "the database refuses more connections": (
        "connections-exhausted",
        facts(NOT_READY, database=replace(WELL, reachable=False, full=True, saw="too many clients already")),
    ),
    "the database is read-only": ("database-read-only", facts(ERRORS, database=replace(WELL, read_only="standby"))),
    "Redis is down": ("cache-down", facts(NOT_READY, redis=RedisState(False, "connection refused"))),
    "Redis is full": ("cache-down", facts(ERRORS, redis=RedisState(True, "7", used=9, limit=9, policy="noeviction"))),
    "a disk is full": (
        "disk-full",
        facts(ERRORS, machines=machines(disks={".": FileSystem("/", 0, 1.0)}), messages=(message("x", NOW - 9),)),
    ),
    "the application says that the disk is full": (
        "disk-full",
        facts(ERRORS, messages=(message("ERROR database or disk is full", NOW - 9),)),
    ),
    "a certificate has expired": (
        "certificate",
        facts(
            impact(*(reading(n, 0, "no answer: certificate verify failed") for n in ("/up", "/ready", "home page"))),
            certificates=(Certificate(URL, "certificate has expired"),),
        ),
    ),
    "more traffic than usual": (
        "traffic-spike",
        facts(impact(real=replace(flow(before=traffic(7200)), seconds=1.0, halves=({"/": traffic(40, 0, 20)},) * 2))),
    ),
    "answers are slow": ("slow-answers", facts(SLOW)),
    "one route is very slow": ("slow-answers", facts(VERY_SLOW)),
    "rows cannot be used": ("corrupt-rows", facts(ERRORS, messages=(message("ERROR invalid price -1", NOW - 90),))),
    "a key is misused": (
        "leaked-key",
        facts(suspicious=(message("WARNING request with a revoked API key", NOW - 90),)),
    ),
    "maintenance mode was left on": (
        "maintenance-left-on",
        facts(
            impact(reading("/ready", 503), reading("home page", 503)),
            in_force=(InForce("maintenance mode", "shop/production", NOW - 7200, "r1", "papermill ..."),),
        ),
    ),
    "a mitigation hinders users": (
        "mitigation-left-on",
        facts(ERRORS, in_force=(InForce("read_only", "shop/production", NOW - 7200, "r1", "papermill ..."),)),
    ),
    "a mitigation was forgotten": (
        "mitigation-left-on",
        facts(in_force=(InForce("scale", "shop/production", NOW - 90_000, "r1", "papermill ..."),)),
    ),
    "a configuration file was written before": (
        "configuration-change",
        facts(
            ERRORS,
            messages=(message("boom", NOW - 90),),
            changes=(Change("configuration", ".env was written", NOW - 100, "web-1"),),
        ),
    ),
    "the application says that statements are slow": (
        "slow-query",
        facts(SLOW, messages=(message("WARNING slow query of reviews, 2000 ms", NOW - 60),)),
    ),
    "a password is refused": (
        "credential-refused",
        said("ERROR SQLSTATE[HY000] [1045] Access denied for user", database=WELL),
    ),
    "the provider refuses the key": (
        "credential-refused",
        said("ERROR PaymentFailed: the provider answers 401: invalid api key"),
    ),
    "a password was changed in .env": (
        "configuration-change",
        facts(
            ERRORS,
            messages=(message("ERROR password authentication failed for user", NOW - 90),),
            changes=(Change("configuration", ".env was written", NOW - 100, "web-1"),),
        ),
    ),
    "another service refuses our key since .env was written": (
        "configuration-change",
        facts(
            ERRORS,
            messages=(message(PROVIDER, NOW - 90),),
            suspicious=(message(PROVIDER, NOW - 90),),
            changes=(Change("configuration", ".env was written", NOW - 100, "web-1"),),
        ),
    ),
    "a name is not found": (
        "name-unresolved",
        said("ERROR php_network_getaddresses: getaddrinfo for cache.internal"),
    ),
    "the application does not reach a database that is well": (
        "cut-off",
        said("ERROR SQLSTATE[HY000] [2002] Connection refused", database=WELL),
    ),
    "the application's pool is empty": (
        "connections-exhausted",
        said("ERROR QueuePool limit of size 5 overflow 10 reached", database=WELL),
    ),
    "another program has the port": (
        "port-taken",
        facts(
            impact(*(reading(name, 404) for name in ("/up", "/ready", "home page"))),
            machines=machines(processes=(Process(9, "S", "python -m http.server"),)),
            hosts=WEB,
        ),
    ),
    "another program has the port and says nothing": (
        "port-taken",
        facts(
            impact(*(reading(name, 0, "no answer within 4.0 s", 4.0, "http://shop.example:8000") for name in ROUTES)),
            machines=machines(processes=(Process(9, "S", "nc -l"),), listening={8000: Listener(8000, "nc", 9)}),
            hosts=WEB,
        ),
    ),
    "storage that may not be written": (
        "storage-closed",
        said(
            "ERROR file_put_contents(storage/x): Failed to open stream: Permission denied",
            machines=machines(disks={"storage": replace(ROOM, closed="shop")}),
        ),
    ),
    "a table is gone": (
        "schema-mismatch",
        said("ERROR SQLSTATE[42S02]: Base table or view not found", database=WELL),
    ),
    "a table is gone whose migration never ran": (
        "migrations-pending",
        said(
            "ERROR SQLSTATE[42S02]: Base table or view not found",
            database=WELL,
            pending=("2026_01_01_000000_create_carts_table",),
            since=NOW - 65,
            passed={},
        ),
    ),
    "the database's file is none": (
        "database-corrupt",
        said("ERROR file is not a database", database=replace(DOWN, saw="file is not a database")),
    ),
    "pages of a table are damaged": (
        "database-corrupt",
        said("ERROR SQLSTATE[XX001]: Data corrupted: 7 ERROR:  invalid page in block 3 of relation", database=WELL),
    ),
    "the link leads to no release": (
        "release-incomplete",
        facts(REFUSED, releases={}, nothing_live={"web-1": "current leads to releases/x"}, unreachable={"web-1": "sh"}),
    ),
    "the former code is still served": (
        "stale-code",
        facts(
            ERRORS,
            since=NOW - 60,
            passed={},
            messages=(message("boom", NOW - 58),),
            served={URL: '{"version": "v1.4.2"}'},
        ),
    ),
    "the home page leads elsewhere": ("error-spike", facts(impact(reading("home page", 302), real=flow()))),
    "everybody is throttled": ("throttled", facts(impact(reading("home page", 429), real=refused(429)))),
    "the checks alone are throttled": ("throttled", facts(impact(reading("home page", 429)))),
    "every form is refused": ("sessions-lost", facts(impact(real=refused(419)))),
    "orders are refused": ("access-refused", facts(impact(real=refused(423)))),
    "nobody is let in any more": ("access-refused", facts(impact(real=refused(401, before=0.02)))),
    "nobody is let in since the release": (
        "bad-release",
        facts(impact(real=refused(403)), since=NOW - 60, passed={GOOD.id: NOW - 90_000}),
    ),
    "a rate limit that a run put in force is forgotten": (
        "mitigation-left-on",
        facts(impact(reading("home page", 429), real=refused(429)), in_force=(LIMITED,)),
    ),
    "writes that a run stopped are missed": (
        "mitigation-left-on",
        said("ERROR SQLSTATE[25006]: cannot execute INSERT in a read-only transaction", in_force=(NO_WRITES,)),
    ),
    "the configuration names another provider": (
        "configuration-change",
        said(
            "ERROR the payment provider answers 404",
            changes=(Change("configuration", ".env was written", NOW - 62, "web-1"),),
        ),
    ),
    "jobs fail": (
        "jobs-failing",
        facts(messages=(message("ERROR job App.Jobs.Invoice failed, TypeError", NOW - 60),)),
    ),
    "a third party is down": (
        "third-party",
        facts(
            ERRORS,
            dependencies=(DependencyState("payments", "answers 503"),),
            messages=(message("ERROR the provider answers 503", NOW - 60),),
        ),
    ),
    "a third party is slow": ("third-party", facts(SLOW, dependencies=(DependencyState("payments", "", True, 1.3),))),
    "a host was left on the former release": (
        "releases-apart",
        facts(ERRORS, releases={"web-1": LIVE, "web-2": LIVE, "web-3": GOOD}),
    ),
    "one replica fails of three": ("replica-ill", facts(replicas(reading("home page", 500, place="http://web-2")))),
    "one replica is slow of three": (
        "replica-ill",
        facts(replicas(reading("home page", seconds=1.9, place="http://web-2"))),
    ),
    "real requests fail at one replica of three": (
        "replica-ill",
        facts(
            impact(
                real=replace(
                    flow(errors=4),
                    places={"http://web-1": traffic(7), "http://web-2": traffic(6, 5), "http://web-3": traffic(7)},
                )
            )
        ),
    ),
    "a proxy finds nobody behind it": (
        "process-down",
        facts(impact(*(reading(name, 502, "502 instead of 200: 502 Bad Gateway") for name in ROUTES))),
    ),
    "a proxy waits in vain": (
        "process-hung",
        facts(impact(*(reading(name, 504, "504 instead of 200: 504 Gateway Time-out") for name in ROUTES))),
    ),
    "the web server's user may not write the log": (
        "storage-closed",
        facts(
            ERRORS,
            hosts=WEB,
            machines=machines(
                processes=(Process(9, "S", "php-fpm: pool www", "www-data"),),
                guarded=(Guarded("storage/logs/laravel.log", "root", "root", 0o644),),
            ),
        ),
    ),
    "the database was started anew a moment ago": (
        "cut-off",
        said("ERROR SQLSTATE[HY000] [2002] Connection refused", database=replace(WELL, up=12.0)),
    ),
    "the log is full of errors, and nothing counts requests": (
        "schema-mismatch",
        facts(UNCOUNTED, messages=BURST),
    ),
    "queues were halted by hand": ("halted", facts(halted=("pause_queues",), **queues(500))),
    "the scheduler was halted by hand": ("halted", facts(halted=("pause_scheduler",))),
    "queues that a run halted are backed up": (
        "halted",
        facts(halted=("pause_queues",), in_force=(HALTED,), **queues(500)),
    ),
    "requests fail on a busy host": ("error-spike", facts(ERRORS, machines=machines(load=Load(9.0, 0.5)))),
    "a host is busy": ("host-overloaded", facts(SLOW, machines=machines(load=Load(9.0, 0.5)))),
    "clocks are apart": (
        "clock-skew",
        facts(ERRORS, machines=machines(skew=90.0), messages=(message("ERROR expired token", NOW - 60),)),
    ),
    "clocks are apart and nothing says so": ("clock-skew", facts(ERRORS, machines=machines(skew=90.0))),
}  # fmt: skip


@pytest.mark.parametrize(("cause", "seen"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_blamed_on_its_cause(cause: str, seen: Facts) -> None:
    found = diagnose(seen).causes
    assert [one.name for one in found[:1]] == [cause], [(one.name, one.score) for one in found]
    assert found[0].supporting
    assert 0 < found[0].score <= 1
    assert found[0].command or found[0].by_hand


QUIET: dict[str, Facts] = {
    "all is well": facts(),
    "well and everything configured": facts(
        database=WELL, redis=RedisState(True, "7"), machines=machines(), certificates=(Certificate(URL, days=60),),
        hosts=Hosts(processes={"web": "php-fpm"}), **queues(20, reserved=3),
    ),
    "one request failed": facts(impact(real=replace(flow(), halves=({"/": traffic(10, 1)}, {"/": traffic(10)})))),
    "errors of a release that is gone": facts(messages=(replace(message("boom", NOW - 9000), last=NOW - 8000),)),
    "a new release that is well": facts(since=NOW - 20, passed={GOOD.id: NOW - 90_000}),
    "a report runs long": facts(database=replace(WELL, slow=())),
    "a queue that is worked off": facts(**queues(90, reserved=5, first=95)),
    "errors in the log that hurt nobody": facts(messages=(message("boom", NOW - 3000, count=3, before=9),)),
    "nothing could be looked at": Facts("shop/production", NOW),
    "a mitigation of an open incident": facts(
        in_force=(InForce("scale", "shop/production", NOW - 90_000, "r1", "x"),), incident_open=True
    ),
    "one slow answer": facts(impact(real=replace(flow(), halves=({"/": traffic(10, 0, 4)}, {"/": traffic(10)})))),
    "checks that were slow for a moment while real requests are fast": facts(
        impact(reading("home page", seconds=0.4), real=flow())
    ),
    "queues that a run halted and that are not backed up": facts(
        halted=("pause_queues",), in_force=(HALTED,), incident_open=True, **queues(5)
    ),
    "a job fails now and then": facts(messages=(message("ERROR job App.Jobs.Invoice failed", NOW - 9000, count=12),)),
    "a busy host and nobody is hurt": facts(machines=machines(load=Load(20.0, 0.01))),
    "a folder that the one who looks may not write": facts(machines=machines(disks={".": replace(ROOM, closed="me")})),
    "another program has some other port": facts(
        machines=machines(listening={9000: Listener(9000, "python3", 7)}), hosts=WEB
    ),
    "a database that lets this look not in": facts(
        database=replace(DOWN, saw='FATAL:  password authentication failed for user "runbooks"')
    ),
    "a Redis that lets this look not in": facts(redis=RedisState(False, "WRONGPASS invalid username-password pair")),
    "a deployment is under way": facts(
        releases={"web-1": LIVE, "web-2": GOOD}, since=NOW - 20, switched={"web-1": NOW - 20, "web-2": NOW - 90_000}
    ),
    "errors are logged all day, and nothing counts requests": facts(
        Impact(impact().rounds, None, impact().limits, (message("ERROR boom", NOW - 18_000, count=9000),), NOW),
        messages=(message("ERROR boom", NOW - 18_000, count=9000),),
    ),
    "a log that root owns, where nobody is hurt": facts(
        hosts=WEB, machines=machines(guarded=(Guarded("storage/logs/laravel.log", "root", "root", 0o644),),
        processes=(Process(9, "S", "php-fpm: pool www", "www-data"),)),
    ),
    "an interface that many ask without a token, as always": facts(impact(real=refused(401, before=0.35))),
    "a release that names itself": facts(served={URL: "bbbbbbb", "http://web-1": "shop v1.5.0"}),
    "a release that is about to be served": facts(served={URL: "v1.4.2"}, since=NOW - 20),
    "migrations that are still to run, and nobody misses them": facts(pending=("2026_01_01_000000_add_vip",)),
    "a host that cannot be looked into and nobody is hurt": facts(unreachable={"web-2": "no route"}),
}  # fmt: skip


@pytest.mark.parametrize("seen", QUIET.values(), ids=QUIET)
def test_no_fault_no_cause(seen: Facts) -> None:
    assert [(cause.name, cause.supporting) for cause in diagnose(seen).causes] == []


def test_every_rule_is_proven_by_a_fault() -> None:
    proven = {rule for _, seen in FAULTS.values() for rule in RULES if rule(seen)}
    # What messages mean is proven by messages, in test_told.py.
    assert {rule.__name__ for rule in RULES} - {rule.__name__ for rule in proven} <= {word.cause for word in WORDS}


def test_a_rollback_names_the_last_known_good_release() -> None:
    (cause, *_) = diagnose(FAULTS["errors began with the release"][1]).causes
    assert cause.command == "papermill rollback.ipynb -p tag v1.4.2 -p environment production"
    assert "the errors began 10 s after it went live" in " ".join(cause.supporting)


def test_without_a_known_good_release_a_person_chooses() -> None:
    (cause, *_) = diagnose(replace(FAULTS["errors began with the release"][1], good=None)).causes
    assert not cause.command
    assert "no other release has a recorded PASS" in cause.by_hand


def test_a_release_marked_bad_is_suspected_first() -> None:
    seen = replace(FAULTS["errors began with the release"][1], standing=Standing(bad={LIVE.id: "checkout fails"}))
    (cause, *_) = diagnose(seen).causes
    assert "it is marked bad: checkout fails" in cause.supporting


def test_errors_that_began_before_the_release_are_not_its_fault() -> None:
    seen = facts(ERRORS, since=NOW - 300, passed={}, messages=(message("boom", NOW - 5000),))
    assert [cause.name for cause in diagnose(seen).causes] == ["error-spike"]


@pytest.mark.parametrize("written", [NOW - 4000, NOW - 10], ids=["long before", "after"])
def test_a_file_written_at_another_time_is_not_the_reason(written: float) -> None:
    seen = replace(
        FAULTS["a configuration file was written before"][1],
        changes=(Change("configuration", ".env was written", written, "web-1"),),
    )
    assert [cause.name for cause in diagnose(seen).causes] == ["error-spike"]


def test_a_file_that_came_with_the_release_is_part_of_it() -> None:
    seen = facts(
        ERRORS, since=NOW - 100, passed={}, messages=(message("boom", NOW - 90),),
        changes=(Change("configuration", ".env was written", NOW - 99, "web-1"),),
    )  # fmt: skip
    assert [cause.name for cause in diagnose(seen).causes] == ["bad-release"]


def test_only_levers_that_are_configured_are_named() -> None:
    seen = replace(FAULTS["a lock"][1], remedies=Remedies({"environment": "production"}))
    (cause, *_) = diagnose(seen).causes
    assert cause.next is None
    assert "4711" in cause.by_hand


def test_the_database_explains_the_failing_requests_and_comes_first() -> None:
    seen = facts(
        NOT_READY, since=NOW - 200, passed={GOOD.id: NOW - 90_000}, database=DOWN,
        messages=(message("SQLSTATE[08006] connection refused", NOW - 100),),
    )  # fmt: skip
    names = [cause.name for cause in diagnose(seen).causes]
    assert names[0] == "database-down"
    assert "error-spike" not in names
    for cause in diagnose(seen).causes[1:]:
        assert "database-down would explain it, too" in " ".join(cause.opposing)


def test_several_faults_are_several_causes_with_the_root_first() -> None:
    seen = facts(
        REFUSED, database=DOWN, redis=RedisState(False, "connection refused"),
        machines=machines(disks={".": FileSystem("/", 0, 1.0)}),
    )  # fmt: skip
    found = diagnose(seen).causes
    assert found[0].name == "disk-full"
    assert {"process-down", "database-down", "cache-down"} <= {cause.name for cause in found}


def test_a_bad_release_beside_a_full_disk_is_named_second_with_its_own_message() -> None:
    no_space, price = message("ERROR no space left on device", NOW - 60), message("ERROR PriceMissing", NOW - 290)
    seen = facts(ERRORS, since=NOW - 300, passed={GOOD.id: NOW - 90_000}, messages=(no_space, price))
    disk, release = diagnose(seen).causes
    assert (disk.name, release.name) == ("disk-full", "bad-release")
    assert release.score > 0.6
    assert "but for what is logged" in release.opposing[-1]
    alone = diagnose(facts(ERRORS, since=NOW - 300, passed={GOOD.id: NOW - 90_000}, messages=(no_space,))).causes
    assert alone[1].score < release.score


def test_a_cache_that_is_down_does_not_hide_a_slow_query() -> None:
    slow, store = (
        message("WARNING slow query of reviews, 2000 ms", NOW - 60),
        message("ERROR Redis went away", NOW - 20),
    )
    down = RedisState(False, "connection refused")
    assert [c.name for c in diagnose(facts(NOT_READY, redis=down, messages=(slow, store))).causes][:2] == [
        "cache-down",
        "slow-query",
    ]


def test_two_independent_faults_are_both_certain() -> None:
    seen = facts(NOT_READY, redis=RedisState(False, "connection refused"), database=LOCKED)
    assert {cause.name for cause in diagnose(seen).causes if cause.score > 0.9} == {"cache-down", "database-lock"}


def test_clocks_that_are_apart_are_told_where_requests_fail() -> None:
    seen = facts(ERRORS, machines=machines(skew=300.0))
    assert "clock-skew" in [cause.name for cause in diagnose(seen).causes]
    assert "clock-skew" not in [cause.name for cause in diagnose(facts(machines=machines(skew=300.0))).causes]


def test_few_requests_before_the_look_do_not_clear_a_new_release() -> None:
    since = NOW - 9
    told = (message("ERROR price is null", NOW - 7, count=5, reaches=NOW - 7),)
    real = flow(errors=3, before=traffic(20, errors=2), started=since + 1)
    seen = facts(impact(real=real), since=since, passed={}, messages=told, reaches=NOW - 7)
    assert diagnose(seen).causes[0].name == "bad-release"


def test_what_was_tried_and_failed_is_not_recommended_again() -> None:
    written = (Change("configuration", ".env was written", NOW - 100, "web-1"),)
    (cause, *_) = diagnose(facts(REFUSED, failed={("mitigate", "restart"): "r1"}, changes=written)).causes
    assert (cause.name, cause.command) == ("process-down", "")
    assert "`runbook show r1`; .env was written on web-1" in cause.by_hand
    assert "mitigate restart was tried and failed, run r1" in cause.opposing
    assert diagnose(facts(REFUSED, failed={("mitigate", "scale"): "r1"})).causes[0].command


def test_what_is_seen_and_told_is_one_cause() -> None:
    found = diagnose(
        said("ERROR cURL error 28: timed out", dependencies=(DependencyState("payments", "answers 503"),))
    ).causes
    assert [cause.name for cause in found].count("third-party") == 1


NOT_RUN = said("ERROR SQLSTATE[42S02]: Base table or view not found", pending=("create_carts",), passed={})


def test_migrations_that_never_ran_are_run_by_a_lever_that_is_there_for_it() -> None:
    able = Remedies({"environment": "production"}, frozenset({"migrate_now"}))
    (first, *_) = diagnose(replace(NOT_RUN, remedies=able)).causes
    assert first.command == "papermill mitigate.ipynb -p action migrate_now -p environment production"


def test_a_release_that_never_passed_goes_back_where_its_migrations_never_ran() -> None:
    (first, *_) = diagnose(NOT_RUN).causes
    assert first.command.startswith(f"papermill rollback.ipynb -p tag {GOOD.tag}")
    assert "artisan migrate --force" in first.supporting[-1]


def test_a_release_that_was_well_before_is_given_its_migrations_by_hand() -> None:
    (first, *_) = diagnose(replace(NOT_RUN, standing=Standing(passed={LIVE.id: NOW - 9000}))).causes
    assert (first.name, first.command) == ("migrations-pending", "")
    assert "artisan migrate --force" in first.by_hand
    assert not any("another way" in line for line in first.supporting)
