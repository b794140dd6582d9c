"""Causes by the application's own word: what messages of the log mean, a row each. The texts are those of PHP, Laravel,
Guzzle, PHP-FPM, nginx, PostgreSQL, MySQL, MariaDB and Redis, with the codes that they carry."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from runbook_lib.diagnosis.cause import Cause, Next
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.rules.features import without_the_feature
from runbook_lib.diagnosis.rules.migrations import MISSING
from runbook_lib.diagnosis.rules.saying import FEW, hurting, matching, said, share, texts
from runbook_lib.probes.messages import Message

TOLD = 0.78
# What only few of the present messages say is likely beside the point.
BESIDE = 0.52


def _nothing(facts: Facts) -> Next | None:
    return None


@dataclass(frozen=True)
class Word:
    """What messages mean. pattern: of the messages; title: what follows it is the message; by_hand: what to do where
    no configured runbook does; remedy: the runbook that does."""

    cause: str
    pattern: str
    title: str
    by_hand: str
    remedy: Callable[[Facts], Next | None] = _nothing


def _data_concern(facts: Facts) -> Next:
    return facts.remedies.runbook("data_concern")


def _roll_back(facts: Facts) -> Next | None:
    return facts.remedies.runbook("rollback", tag=facts.good.tag) if facts.good else None


WORDS = (
    Word(
        "credential-refused",
        r"SQLSTATE\[\w+\] \[(1044|1045|1698)\]|password authentication failed|access denied for user"
        r"|no password supplied|SQLSTATE\[42501\]|permission denied for (table|schema|sequence|database|relation)"
        r"|command denied to user|role \S+ does not exist|pg_hba\.conf|NOPERM|NOAUTH|WRONGPASS"
        r"|invalid username-password"
        r"|authentication (required|failed)|invalid[ _]?(api[ _]?)?key"
        r"|(answers?|status|code|HTTP|error)[ :]+40[13]\b|\b40[13] (Unauthori[sz]ed|Forbidden)|unauthenticated",
        "a password, key or right of the application is refused",
        "compare it with what the other side expects: was it rotated, has it expired, was a right taken away? set it "
        "right in .env or on the other side, clear the cached configuration, restart",
    ),
    Word(
        "name-unresolved",
        r"getaddrinfo|name or service not known|could not (be )?resolve|could not translate host name|unknown host"
        r"|temporary failure in name resolution|no address associated|nodename nor servname|ENOTFOUND|EAI_AGAIN",
        "the application does not find a host by its name",
        "is that name right in .env? look it up on the host, `getent hosts NAME`; if no name is found there, "
        "its resolver is what is broken",
    ),
    Word(
        "app-key",
        r"No application encryption key|MissingAppKey|unsupported cipher or incorrect key length|DecryptException"
        r"|the (MAC|payload) is invalid|could not decrypt the data",
        "the application's key is missing, or another one than data and sessions were encrypted with",
        "compare APP_KEY in .env with the secret store; the key of before belongs into APP_PREVIOUS_KEYS. Clear the "
        "cached configuration, `php artisan config:clear`, and restart; do not make a new key",
    ),
    Word(
        "configuration-wrong",
        r"failed to parse dotenv|database connection \[.{0,40}\] not configured|unsupported driver"
        r"|(disk|mailer|driver|store|guard|connection) \[.{0,40}\] (is not (defined|supported)|does not have a config)"
        r"|unknown database|database \S+ does not exist|InvalidArgumentException.{0,80}not (configured|defined)",
        "the application's configuration does not fit",
        "compare .env and what `php artisan about` or `config:show` says with what is meant: the wrong name, or a "
        "configuration that was cached for another environment. Set it right, `php artisan config:clear`, restart",
    ),
    Word(
        "release-incomplete",
        r"(class|interface|trait) \S+ (not found|does not exist)|target class \[.{0,120}\] does not exist"
        r"|call to undefined method|failed opening required|ParseError"
        r"|syntax error, unexpected"
        r"|manifest not found|unable to locate file in (vite|mix) manifest|view \[.{0,80}\] not found"
        r"|(storage|bootstrap)/\S+: failed to open stream: no such file",
        "the code that serves is incomplete",
        "was the release built in full there: `composer install`, the assets, caches of the former release, opcache? "
        "build it again, or roll back",
        _roll_back,
    ),
    Word(
        "php-unfit",
        r"could not find driver|call to undefined function|requires? .{0,40}php (version|extension)"
        r"|composer detected issues|unable to load dynamic library",
        "PHP is not as the code needs it",
        "was PHP or one of its extensions changed there? compare `php -v` and `php -m` with what composer.json asks "
        "for; install what is missing, reload PHP-FPM, restart workers",
    ),
    Word(
        "schema-mismatch",
        rf"{MISSING}|SQLSTATE\[23502\]"
        r"|doesn't have a default value|violates not-null|data too long for column|value too long for type",
        "the code and the schema of the database do not fit",
        "",
        _data_concern,
    ),
    Word(
        "deadlocks",
        r"SQLSTATE\[(40P01|40001)\]|deadlock (found|detected)|could not serialize access|\b1213\b",
        "statements end in deadlocks",
        "two kinds of requests or jobs lock the same rows in another order: see which two the database's log names; "
        "until that is mended, run fewer of them at once",
        lambda facts: facts.remedies.mitigation("pause_queues"),
    ),
    Word(
        "database-restarts",
        r"server has gone away|lost connection to (the )?(mysql|mariadb|server)|SQLSTATE\[57P0[123]\]"
        r"|(server closed|terminating) (the )?connection|database system is (starting up|shutting down|in recovery)"
        r"|\b(2006|2013)\b .{0,40}(server|connection)|no connection to the server",
        "connections to the database are cut",
        "see the database's own log: was it restarted, failed over, ended for lack of memory, or does it end idle "
        "connections? when it runs, restart workers, which keep their connection",
        lambda facts: facts.remedies.mitigation("restart_workers"),
    ),
    Word(
        "upstream-down",
        r"while (connecting to|reading response header from) upstream|no live upstreams"
        r"|upstream (prematurely|timed out)"
        r"|server \S+ is DOWN|has no server available",
        "the web server or balancer does not reach the application behind it",
        "see whether PHP-FPM or the application runs where the web server looks for it: its socket or port, its log",
        lambda facts: facts.remedies.mitigation("restart"),
    ),
    Word(
        "limit-reached",
        r"allowed memory size of|out of memory|cannot allocate memory|too many open files|EMFILE|ENFILE"
        r"|max_children|seems busy \(you may need|worker_connections are not enough|fork failed"
        r"|resource temporarily unavailable|maximum execution time|exited on signal (9|11)\b|oom-kill|Killed process",
        "processes are at a limit of their own",
        "see what takes so much: an export, a report, a leak. Until then raise that limit (memory_limit, "
        "pm.max_children, LimitNOFILE) as far as the host has room, and restart",
        lambda facts: facts.remedies.mitigation("scale", "restart"),
    ),
    Word(
        "third-party",
        r"cURL error \d+|failed to connect to \S+ port|(Client|Server) error: `?[A-Z]+ https?:|AWS HTTP error"
        r"|https?://\S+.{0,80}(timed out|refused)"
        r"|connection could not be established with host|(SMTP|mailer).{0,60}(fail|refused|timed out)"
        r"|(provider|gateway) (answers?|is) (\d\d\d|down|unavailable|not available)",
        "what the application calls elsewhere fails or is too slow",
        "ask whom the messages name, see its status page; until then do without it where that is possible, and give "
        "calls to it a short timeout. Name it in the table dependencies, so that it is looked at, too",
        without_the_feature,
    ),
    Word(
        "throttled",
        r"too many (attempts|requests)|ThrottleRequests|limiting (requests|connections), excess|\b429\b",
        "requests are refused because there are too many",
        "see which limit it is: of the balancer or web server, of the application (`throttle`, RateLimiter); was it "
        "set by hand? who sends them: one client, or everybody behind one address? raise it, or refuse that client",
    ),
    Word(
        "sessions-lost",
        r"CSRF token mismatch|TokenMismatch|\b419\b|session (store )?(not set|expired)",
        "sessions of users get lost",
        "do the session's store, its cookie's domain and APP_KEY agree on all hosts? is its store emptied, or "
        "too small?",
    ),
    Word(
        "corrupt-rows",
        r"corrupt|malformed|integrity|invalid (value|data|row|price|amount)|cannot be (cast|parsed)|unserialize"
        r"|NaN|out of range|unexpected (null|None)|must not be (null|negative)|NoneType|could not be decoded|checksum"
        r"|SQLSTATE\[(22003|23505|23000)\]|duplicate (key|entry)",
        "the application meets data that it cannot use",
        "",
        _data_concern,
    ),
)


def by_hand(cause: str) -> str:
    """What to do by hand for a cause of the table."""
    return next(word.by_hand for word in WORDS if word.cause == cause)


def rule(word: Word) -> Callable[[Facts], Cause | None]:
    """The rule that looks for messages of one meaning. Requests must fail or be slow: what is logged and hurts nobody
    is everyday life."""
    found = partial(_told, word)
    found.__name__ = word.cause  # type: ignore[attr-defined]
    return found


def _told(word: Word, facts: Facts) -> Cause | None:
    told = matching(facts, word.pattern) if facts.impact.hurt else []
    if not told:
        return None
    remedy, part = word.remedy(facts), share(facts, told)
    few = (f"{part:.0%} of the messages of now say so",) if part < FEW else ()
    return Cause(
        word.cause,
        BESIDE if few else TOLD,
        f"{word.title}: {told[0].text}",
        (*hurting(facts), *(said(m) for m in told[:3])),
        (*few, *_answering(facts, told)),
        remedy,
        "" if remedy else word.by_hand,
        texts(told),
    )


def _answering(facts: Facts, told: list[Message]) -> tuple[str, ...]:
    """What speaks against a store being meant: it answers from here."""
    named = " ".join(message.sample for message in told)
    found = []
    if facts.redis is not None and facts.redis.reachable and re.search(r"redis|cache", named, re.IGNORECASE):
        found.append("Redis answers from here, with what the runbooks know of it")
    if facts.database is not None and facts.database.reachable and re.search(r"SQLSTATE|database", named, re.I):
        found.append("the database answers from here, with what the runbooks know of it")
    return tuple(found)
