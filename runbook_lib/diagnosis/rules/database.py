"""Causes that lie in the database."""

from __future__ import annotations

import re

from runbook_lib.diagnosis.cause import Cause
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.rules.features import without_the_feature
from runbook_lib.diagnosis.rules.saying import capped, hurting, matching, said, texts
from runbook_lib.probes.messages import Message

# A server that answers FATAL was reached.
NO_DATABASE = (
    r"SQLSTATE\[HY000\] \[200[2356]\]|could not connect to server"
    r"|^(?!.*FATAL).*(SQLSTATE\[08\w+\]|connection to server)"
    r"|unable to open database file"
    r"|database (is )?(unavailable|down|gone)|OperationalError.*(connect|open)"
)
LOCKED = r"database is locked|lock wait timeout|could not obtain lock|lock timeout|table is locked"
SLOW = r"slow (sql |database )?(query|queries|statement)"
CUT_SHORT = r"due to statement timeout|max_statement_time|max_execution_time exceeded|maximum statement execution time"
NO_CONNECTION_LEFT = (
    r"too many (clients|connections)|connection slots are reserved|max_user_connections"
    r"|(pool|connections?) (limit|is exhausted|exhausted)|pool timed? ?out|QueuePool limit|no more connections allowed"
)
READ_ONLY = (
    r"SQLSTATE\[25006\]|in a read-only transaction|--(super-)?read-only option|server is (running in )?read-?only"
    r"|\b(1290|1792|1836)\b.{0,80}read"
)
CORRUPT = (
    r"file is not a database|database disk image is malformed|invalid page in block|could not read block"
    r"|missing chunk number|SQLSTATE\[XX00[12]\]|marked as crashed|incorrect key file"
    r"|(index|table|tablespace) .{0,80} (is (corrupt|missing)|needs repair)|database page corruption"
)
MOSTLY_USED = 0.95


def database_down(facts: Facts) -> Cause | None:
    """The database does not answer; where it is not configured, the messages that say so."""
    state, told = facts.database, matching(facts, NO_DATABASE)
    remedy = facts.remedies.own("database", "postgres", "mysql", "maria", "_db")
    hand = "" if remedy else "look at the database server: does it run, is its disk full, is the network open?"
    known = state is not None and not state.refuses
    if state is not None and known and not state.reachable and not state.full:
        evidence = (f"{state.kind} does not answer: {state.saw}", *hurting(facts), *(said(m) for m in told[:2]))
        return Cause(
            "database-down", 0.95, f"the database is down: {state.saw}", evidence, (), remedy, hand, texts(told)
        )
    if not known and told and facts.impact.hurt:
        evidence = (*hurting(facts), *(said(m) for m in told[:3]))
        return Cause(
            "database-down",
            0.7,
            "the application says that it does not reach its database",
            evidence,
            (),
            remedy,
            hand,
            texts(told),
        )
    return None


def database_corrupt(facts: Facts) -> Cause | None:
    """What lies on the disk is no longer a database, or parts of it are not: a restart brings nothing back."""
    state, told = facts.database, matching(facts, CORRUPT) if facts.impact.hurt else []
    broken = state is not None and not state.reachable and re.search(CORRUPT, state.saw, re.IGNORECASE) is not None
    if state is not None and broken:
        seen = [f"{state.kind}: {state.saw}"]
    elif told:
        seen = []
    else:
        return None
    return Cause(
        "database-corrupt",
        0.97 if seen else 0.88,
        f"the database's own files are damaged: {state.saw if state and seen else told[0].text}",
        (*seen, *hurting(facts), *(said(m) for m in told[:3])),
        (),
        facts.remedies.runbook("data_concern"),
        told=texts(told),
    )


def database_read_only(facts: Facts) -> Cause | None:
    """The database takes no writes, and nobody has written down that this is wanted."""
    state, told = facts.database, matching(facts, READ_ONLY) if facts.impact.hurt else []
    why = state.read_only if state is not None and state.reachable else ""
    wanted = any("read" in item.what for item in facts.in_force)
    if wanted or not (why or told):
        return None
    writes = state is not None and state.reachable and not why
    return Cause(
        "database-read-only",
        0.85 if why and facts.impact.hurt else 0.8 if told else 0.6,
        f"the database takes no writes: {why or told[0].text}",
        (*([why] if why else []), *hurting(facts), *(said(m) for m in told[:2])),
        ("the database that was asked from here takes writes: the application is connected to another one",)
        if writes
        else (),
        by_hand="was it failed over, or set read-only by hand, for the server or for the application's user? point the "
        "application to the primary, or lift it; then restart what keeps its connections",
        told=texts(told),
    )


def database_lock(facts: Facts) -> Cause | None:
    """Sessions wait for a lock that another one holds."""
    state, told = facts.database, matching(facts, LOCKED)
    if state is None or not state.blocked:
        return _told_to_be_locked(facts, told)
    longest = max(session.seconds for session in state.blocked)
    evidence = [
        f"{len(state.blocked)} waiting for up to {longest:.0f} s, for example {state.blocked[0]}",
        *(f"held by {session}" for session in state.blocking[:3]),
        *hurting(facts),
        *(said(m) for m in told[:1]),
    ]
    remedy = facts.remedies.mitigation("end_sessions") or facts.remedies.own("lock", "session", "database")
    holder = state.blocking[0].id if state.blocking else "the one that holds it"
    return Cause(
        "database-lock",
        0.93 if facts.impact.hurt else 0.6,
        f"a lock in the database is held by session {holder}" if state.blocking else "the database is locked",
        tuple(evidence),
        () if facts.impact.hurt else ("users are not seen to be hindered",),
        remedy,
        "" if remedy else f"find out what session {holder} is for, then end it",
        texts(told),
    )


def _told_to_be_locked(facts: Facts, told: list[Message]) -> Cause | None:
    """The application's own word, where the database says nothing of its sessions or the lock is free again now."""
    if not told or not facts.impact.hurt:
        return None
    remedy = facts.remedies.mitigation("end_sessions") if facts.database is None else None
    return Cause(
        "database-lock",
        0.72,
        f"statements wait for locks in vain: {told[0].text}",
        (*hurting(facts), *(said(m) for m in told[:3])),
        () if facts.database is None else ("no session is seen to wait for another one now",),
        remedy,
        "" if remedy else "see in the database's log which statements held those locks, and what runs them",
        texts(told),
    )


def slow_query(facts: Facts) -> Cause | None:
    """Statements run long, and answers are slow."""
    state = facts.database
    if state is None or not state.slow:
        return _told_to_be_slow(facts)
    longest = state.slow[0]
    hurt = facts.impact.hurt
    shortest = min(session.seconds for session in state.slow)
    remedy = facts.remedies.mitigation("end_sessions", end_sessions=str(max(1, int(shortest))))
    return Cause(
        "slow-query",
        capped(0.75 + 0.03 * len(state.slow)) if hurt else 0.4,
        f"{len(state.slow)} statements run for up to {longest.seconds:.0f} s",
        (*(str(session) for session in state.slow[:3]), *hurting(facts)),
        () if hurt else ("answers are not slow",),
        remedy,
        "" if remedy else "end the statement, then find out who sends it; add the index that it lacks",
    )


def _told_to_be_slow(facts: Facts) -> Cause | None:
    """Where the database says nothing of its statements: the application's own word."""
    told, cut_short = matching(facts, f"{SLOW}|{CUT_SHORT}"), matching(facts, CUT_SHORT)
    if not told or not facts.impact.hurt:
        return None
    # Requests that fail at once for another reason no longer show that they would be slow.
    slow = facts.impact.slow or bool(cut_short)
    remedy = without_the_feature(facts) or facts.remedies.mitigation("end_sessions")
    return Cause(
        "slow-query",
        0.8 if slow else 0.45,
        f"the application says that statements are slow: {told[0].text}",
        (*hurting(facts), *(said(m) for m in told[:3])),
        () if slow else ("answers are not seen to be slow now",),
        remedy,
        "" if remedy else "find out who sends that statement; add the index that it lacks",
        texts(told),
    )


def connections_exhausted(facts: Facts) -> Cause | None:
    """All connections that the database allows are used, or all that the application may have."""
    state = facts.database
    told = matching(facts, NO_CONNECTION_LEFT) if facts.impact.hurt else []
    used = state is not None and bool(state.allowed) and (state.used or 0) >= MOSTLY_USED * (state.allowed or 1)
    full = state is not None and state.full
    if not full and not used and not told:
        return None
    words = (
        [state.saw if full else f"{state.used} of {state.allowed} connections are used"]
        if state and (full or used)
        else []
    )
    remedy = facts.remedies.mitigation("end_sessions", "restart_workers", "restart")
    if full:  # nobody gets in to end sessions
        remedy = facts.remedies.mitigation("restart", "restart_workers") or facts.remedies.own("database")
    return Cause(
        "connections-exhausted",
        0.94 if full or (used and facts.impact.hurt) else 0.82 if told else 0.6,
        "the database has no connection left" if words else "the application gets no more connections",
        (*words, *hurting(facts), *(said(m) for m in told[:2])),
        ()
        if words or state is None
        else (f"the database itself has {state.used} of {state.allowed or 'any number'} in use",),
        remedy,
        "" if remedy else "end idle connections; lower the number of workers or put a pooler in front",
        texts(told),
    )
