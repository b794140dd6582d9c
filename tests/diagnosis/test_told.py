"""What lines of real logs are taken for: each as PHP, Laravel, PHP-FPM, nginx and the stores write it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from runbook_lib.diagnosis.causes import diagnose
from runbook_lib.diagnosis.rules.told import WORDS
from runbook_lib.platforms.log_lines import dated
from runbook_lib.probes.database import DatabaseState
from runbook_lib.probes.messages import Message, host_log, messages
from runbook_lib.probes.redis import RedisState
from tests.diagnosis.facts import NOW, facts, flow, impact, message, reading

ERRORS = impact(reading("/up"), real=flow(errors=4))
WELL = {
    "database": DatabaseState("pgsql", True, "PostgreSQL 15", used=5, allowed=97),
    "redis": RedisState(True, "7"),
}
# A cause, and what the log says then. Where only a text is given, it is one of Laravel's errors.
SAID: list[tuple[str, str]] = [
    ("cache-down", "OOM command not allowed when used memory > 'maxmemory'."),
    ("cache-down", "READONLY You can't write against a read only replica."),
    ("cache-down", "LOADING Redis is loading the dataset in memory"),
    ("cache-down", "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk."),
    ("cache-down", "ERR max number of clients reached"),
    ("connections-exhausted", 'SQLSTATE[08006] [7] FATAL:  too many connections for role "shop"'),
    ("connections-exhausted", "SQLSTATE[08004] [1040] Too many connections"),
    ("app-key", "No application encryption key has been specified."),
    ("app-key", "Unsupported cipher or incorrect key length. Supported ciphers are: aes-128-cbc, aes-256-cbc"),
    ("app-key", "The MAC is invalid. (Illuminate.Contracts.Encryption.DecryptException)"),
    ("schema-mismatch", 'SQLSTATE[42703]: Undefined column: 7 ERROR:  column "vip" does not exist'),
    ("schema-mismatch", "SQLSTATE[42S22]: Column not found: 1054 Unknown column 'vip' in 'field list'"),
    ("schema-mismatch", 'SQLSTATE[42P01]: Undefined table: 7 ERROR:  relation "sessions" does not exist'),
    ("schema-mismatch", "SQLSTATE[HY000]: General error: 1364 Field 'vip' doesn't have a default value"),
    ("schema-mismatch", 'SQLSTATE[23502]: Not null violation: null value in column "vip" violates not-null constraint'),
    ("schema-mismatch", "SQLSTATE[22001]: String data, right truncated: 1406 Data too long for column 'name' at row 1"),
    ("corrupt-rows", 'SQLSTATE[23505]: Unique violation: duplicate key value violates unique constraint "orders_pkey"'),
    ("corrupt-rows", "SQLSTATE[22003]: Numeric value out of range: 7 ERROR:  integer out of range"),
    ("database-read-only", "SQLSTATE[25006]: Read only sql: cannot execute INSERT in a read-only transaction"),
    (
        "database-read-only",
        "SQLSTATE[HY000]: General error: 1290 The MariaDB server is running with the --read-only option so it cannot",
    ),
    ("deadlocks", "SQLSTATE[40P01]: Deadlock detected: 7 ERROR:  deadlock detected DETAIL:  Process 1 waits"),
    ("deadlocks", "SQLSTATE[40001]: Serialization failure: 1213 Deadlock found when trying to get lock; try"),
    ("database-lock", "SQLSTATE[HY000]: General error: 1205 Lock wait timeout exceeded; try restarting transaction"),
    ("slow-query", "SQLSTATE[57014]: Query canceled: 7 ERROR:  canceling statement due to statement timeout"),
    ("slow-query", "SQLSTATE[70100]: 1969 Query execution was interrupted (max_statement_time exceeded)"),
    ("database-restarts", "SQLSTATE[HY000]: General error: 2006 MySQL server has gone away"),
    ("database-restarts", "SQLSTATE[57P01]: Admin shutdown: terminating connection due to administrator command"),
    ("database-restarts", "SQLSTATE[08006] [7] FATAL:  the database system is starting up"),
    ("cut-off", "SQLSTATE[HY000] [2002] Connection refused"),
    ("cut-off", 'SQLSTATE[08006] [7] connection to server at "10.0.0.9", port 5432 failed: Connection refused'),
    ("cut-off", "Connection refused [tcp://127.0.0.1:6379]"),
    ("configuration-wrong", 'SQLSTATE[08006] [7] connection to server failed: FATAL:  database "shopp" does not exist'),
    ("configuration-wrong", "SQLSTATE[HY000] [1049] Unknown database 'shopp'"),
    ("configuration-wrong", "Database connection [pgsql2] not configured."),
    ("configuration-wrong", "Failed to parse dotenv file. Encountered an invalid name at [APP NAME]."),
    ("credential-refused", 'SQLSTATE[08006] [7] FATAL:  password authentication failed for user "shop"'),
    ("credential-refused", 'SQLSTATE[08006] [7] FATAL:  role "shop" does not exist'),
    ("credential-refused", 'SQLSTATE[08006] [7] FATAL:  no pg_hba.conf entry for host "10.0.0.4", user "shop"'),
    # As long as Laravel writes it: what is read of it ends in the middle of the second time.
    ("credential-refused", 'SQLSTATE[08006] [7] connection to server at "10.0.0.9", port 5 failed: FATAL:  pg_hba.conf '
     'rejects connection for host "127.0.0.1", user "postgres", no encryption (SQL: select 1 as ready) '
     '{"exception":"[object] (Illuminate.Database.QueryException(code: 7): SQLSTATE[08006] [7] connection to server at '
     '"127.0.0.1", port 5432 failed: '),
    ("credential-refused", "SQLSTATE[42501]: Insufficient privilege: 7 ERROR:  permission denied for table orders"),
    ("credential-refused", "SQLSTATE[42000]: 1142 INSERT command denied to user 'shop'@'localhost' for table 'orders'"),
    ("credential-refused", "Client error: `GET https://api.partner.example` resulted in a `401 Unauthorized` response"),
    ("name-unresolved", "cURL error 6: Could not resolve host: api.partner.example"),
    ("third-party", "cURL error 28: Operation timed out after 30001 milliseconds for https://api.partner.example/v1"),
    ("third-party", "cURL error 60: SSL certificate problem: certificate has expired for https://api.partner.example"),
    ("third-party", "Server error: `POST https://api.partner.example/v1` resulted in a `502 Bad Gateway` response"),
    ("third-party", "Client error: `POST https://api.partner.example` resulted in a `429 Too Many Requests` response"),
    ("third-party", 'Connection could not be established with host "smtp.example:587": Unable to connect'),
    ("disk-full", 'SQLSTATE[53100]: Disk full: 7 ERROR:  could not extend file "base/1/2": No space left on device'),
    ("disk-full", "SQLSTATE[HY000]: General error: 1114 The table 'orders' is full"),
    ("storage-closed", "file_put_contents(/srv/shop/storage/a.php): Failed to open stream: Permission denied"),
    ("limit-reached", "Allowed memory size of 134217728 bytes exhausted (tried to allocate 20480 bytes)"),
    ("limit-reached", "Maximum execution time of 30 seconds exceeded"),
    ("limit-reached", "fopen(/x): Failed to open stream: Too many open files"),
    ("release-incomplete", 'Class "App.Services.Pricing" not found'),
    ("release-incomplete", "Target class [App.Http.Controllers.ShopController] does not exist."),
    ("php-unfit", "Call to undefined function bcadd()"),
    ("php-unfit", "could not find driver (Connection: mysql, SQL: select 1)"),
    ("release-incomplete", "Vite manifest not found at: /srv/shop/public/build/manifest.json"),
    ("release-incomplete", "View [shop.index] not found."),
    ("release-incomplete", 'syntax error, unexpected token "}", expecting end of file'),
    ("throttled", "Too Many Attempts. (Illuminate.Http.Exceptions.ThrottleRequestsException)"),
    ("sessions-lost", "CSRF token mismatch. (Illuminate.Session.TokenMismatchException)"),
    ("jobs-failing", "App.Jobs.PlaceOrder has been attempted too many times. (MaxAttemptsExceededException)"),
    ("jobs-failing", "App.Jobs.PlaceOrder has timed out."),
    ("limit-reached", "[{fpm}] WARNING: [pool www] server reached pm.max_children setting (5), consider raising it"),
    ("limit-reached", "[{fpm}] WARNING: [pool www] child 12 exited on signal 11 (SIGSEGV) after 1.2 seconds"),
    ("limit-reached", "{nginx} [alert] 12#12: 768 worker_connections are not enough"),
    ("limit-reached", "{iso} web-1 kernel: Out of memory: Killed process 1234 (php-fpm8.2) total-vm:1kB"),
    ("upstream-down", "{nginx} [error] 12#12: *1 connect() failed (111: refused) while connecting to upstream"),
    ("upstream-down", "{nginx} [error] 12#12: *1 upstream timed out (110: Connection timed out) while reading response "
     "header from upstream"),
    ("throttled", '{nginx} [error] 12#12: *1 limiting requests, excess: 5.6 by zone "one"'),
    ("storage-closed", "[{fpm} UTC] PHP Fatal error:  Uncaught UnexpectedValueException: The stream or file "
     '"/srv/shop/storage/logs/laravel.log" could not be opened in append mode: Permission denied'),
]  # fmt: skip


def logged(text: str, ago: float) -> str:
    """A line of the log at a time."""
    moment = datetime.fromtimestamp(NOW - ago, UTC)
    written = text if text.startswith(("[{", "{")) else f"[{{iso}}] production.ERROR: {text}"
    times = {"{iso}": "%Y-%m-%d %H:%M:%S", "{nginx}": "%Y/%m/%d %H:%M:%S", "{fpm}": "%d-%b-%Y %H:%M:%S"}
    for name, pattern in times.items():
        written = written.replace(name, moment.strftime(pattern))
    return written


def read(*texts: str) -> tuple[Message, ...]:
    """The messages of a log in which each text was written twenty times within the last minute."""
    lines = [logged(text, 60 - 3 * number) for number in range(20) for text in texts]
    log = host_log(dated("web-1", [logged("order placed", 9000).replace("ERROR", "INFO"), *lines]), NOW)
    return tuple(messages({"web-1": log}, {}))


@pytest.mark.parametrize(("cause", "text"), SAID, ids=[text[:60] for _, text in SAID])
def test_a_message_names_its_cause(cause: str, text: str) -> None:
    (first, *_) = diagnose(facts(ERRORS, messages=read(text), **WELL)).causes  # type: ignore[arg-type]
    assert first.name == cause
    assert any("20 x since" in line for line in first.supporting)
    assert first.command or first.by_hand


def test_every_meaning_is_proven_by_a_message() -> None:
    assert {word.cause for word in WORDS} <= {cause for cause, _ in SAID}


@pytest.mark.parametrize(("cause", "text"), SAID, ids=[text[:60] for _, text in SAID])
def test_what_is_logged_and_hinders_nobody_is_everyday_life(cause: str, text: str) -> None:
    named = {one.name for one in diagnose(facts(messages=read(text), **WELL)).causes}  # type: ignore[arg-type]
    # A disk without room and failing jobs matter before users feel them.
    assert named <= {"disk-full", "jobs-failing"}


def test_what_few_messages_say_is_not_named_first() -> None:
    many = message("ERROR RuntimeException: no price for this customer", NOW - 60, count=400)
    few = message("ERROR storage/x: Too Many Attempts.", NOW - 60, count=3)
    found = diagnose(facts(ERRORS, messages=(many, few))).causes
    throttled = next(cause for cause in found if cause.name == "throttled")
    assert throttled.score < 0.55
    assert "1% of the messages of now say so" in throttled.opposing


def test_a_store_that_answers_from_here_speaks_against_it() -> None:
    seen = facts(ERRORS, messages=read("SQLSTATE[42S02]: Base table or view not found"), **WELL)  # type: ignore[arg-type]
    assert any("the database answers from here" in line for line in diagnose(seen).causes[0].opposing)


def test_the_key_explains_the_release_that_is_new() -> None:
    told = read("No application encryption key has been specified.")
    seen = facts(ERRORS, since=NOW - 70, passed={}, messages=tuple(replace(m, reaches=NOW - 9000) for m in told))
    assert [cause.name for cause in diagnose(seen).causes][:1] == ["app-key"]
