"""Causes that lie in the database."""

from __future__ import annotations

from runbook_lib.diagnosis.cause import Cause
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.rules.features import without_the_feature
from runbook_lib.diagnosis.rules.saying import capped, hurting, matching, said, texts

NO_DATABASE = (
    r"SQLSTATE\[(HY000|08\w+)\].*(\[2002\]|\[2006\]|connection|server)|could not connect to server|connection to server"
    r"|unable to open database file"
    r"|database (is )?(unavailable|down|gone)|OperationalError.*(connect|open)"
)
LOCKED = r"database is locked|lock wait timeout|deadlock|could not obtain lock|lock timeout|canceling statement due to"
NO_CONNECTION_LEFT = (
    r"too many (clients|connections)|connection slots are reserved|max_user_connections|max number of clients reached"
    r"|(pool|connections?) (limit|is exhausted|exhausted|timed? ?out)|QueuePool limit|no more connections allowed"
)
SCHEMA = (
    r"no such (table|column)|has no column named|SQLSTATE\[(42S02|42S22|42P01|42703)\]|unknown column"
    r"|(table or view|column|relation)\b.{0,80}(not found|does not exist|doesn't exist)"
)
MOSTLY_USED = 0.95


def database_down(facts: Facts) -> Cause | None:
    """The database does not answer; where it is not configured, the messages that say so."""
    state, told = facts.database, matching(facts, NO_DATABASE)
    remedy = facts.remedies.own("database", "postgres", "mysql", "maria", "_db")
    hand = "" if remedy else "look at the database server: does it run, is its disk full, is the network open?"
    if state is not None and not state.reachable and not state.full:
        evidence = (f"{state.kind} does not answer: {state.saw}", *hurting(facts), *(said(m) for m in told[:2]))
        return Cause(
            "database-down", 0.95, f"the database is down: {state.saw}", evidence, (), remedy, hand, texts(told)
        )
    if state is None and told and facts.impact.hurt:
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


def database_read_only(facts: Facts) -> Cause | None:
    """The database takes no writes, and nobody has written down that this is wanted."""
    state = facts.database
    wanted = any("read" in item.what for item in facts.in_force)
    if state is None or not state.reachable or not state.read_only or wanted:
        return None
    return Cause(
        "database-read-only",
        0.85 if facts.impact.hurt else 0.6,
        f"the database takes no writes: {state.read_only}",
        (state.read_only, *hurting(facts)),
        by_hand="was it failed over, or set read-only by hand? point the application to the primary, or lift it",
    )


def database_lock(facts: Facts) -> Cause | None:
    """Sessions wait for a lock that another one holds."""
    state = facts.database
    if state is None or not state.blocked:
        return None
    told = matching(facts, LOCKED)
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
    told = matching(facts, r"slow (sql |database )?(query|queries|statement)")
    if not told or not facts.impact.hurt:
        return None
    # Requests that fail at once for another reason no longer show that they would be slow.
    slow = facts.impact.slow
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


def schema_mismatch(facts: Facts) -> Cause | None:
    """The application asks for tables or columns that are not there."""
    told = matching(facts, SCHEMA)
    if not told or not facts.impact.hurt:
        return None
    batch = [change.what for change in facts.changes if change.kind == "migration"]
    return Cause(
        "schema-mismatch",
        0.75,
        f"the code and the schema of the database do not fit: {told[0].text}",
        (*hurting(facts), *(said(m) for m in told[:3]), *(f"migrations, {what}" for what in batch[:1])),
        (),
        facts.remedies.runbook("data_concern"),
        told=texts(told),
    )
