"""Causes that lie between the application and what it talks to, by the application's own word."""

from __future__ import annotations

import re

from runbook_lib.diagnosis.cause import Cause
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.rules.database import NO_DATABASE
from runbook_lib.diagnosis.rules.saying import hurting, matching, said, texts
from runbook_lib.diagnosis.rules.stores import NO_CACHE
from runbook_lib.probes.messages import Message

REFUSED = (
    r"SQLSTATE\[\w+\] \[(1044|1045|1698)\]|password authentication failed|access denied for user|no password supplied"
    r"|NOAUTH|WRONGPASS|invalid username-password|authentication (required|failed)|invalid[ _]?(api[ _]?)?key"
    r"|(answers?|status|code|HTTP|error)[ :]+40[13]\b|\b40[13] (Unauthori[sz]ed|Forbidden)|unauthenticated"
)
UNRESOLVED = (
    r"getaddrinfo|name or service not known|could not (be )?resolve|could not translate host name|unknown host"
    r"|temporary failure in name resolution|no address associated|nodename nor servname|ENOTFOUND|EAI_AGAIN"
)


def credential_refused(facts: Facts) -> Cause | None:
    """What the application talks to refuses its password or key."""
    told = _told(facts, REFUSED)
    if not told:
        return None
    return Cause(
        "credential-refused",
        0.78,
        f"a password or key of the application is refused: {told[0].text}",
        (*hurting(facts), *(said(m) for m in told[:3])),
        _answering(facts, told),
        by_hand="compare it with what the other side expects: was it rotated, has it expired? set it right in .env, "
        "clear the cached configuration, restart",
        told=texts(told),
    )


def name_unresolved(facts: Facts) -> Cause | None:
    """A name of a host that the application looks up is not found."""
    told = _told(facts, UNRESOLVED)
    if not told:
        return None
    return Cause(
        "name-unresolved",
        0.78,
        f"the application does not find a host by its name: {told[0].text}",
        (*hurting(facts), *(said(m) for m in told[:3])),
        _answering(facts, told),
        by_hand="is that name right in .env? look it up on the host, `getent hosts NAME`; if no name is found there, "
        "its resolver is what is broken",
        told=texts(told),
    )


def cut_off(facts: Facts) -> Cause | None:
    """The application does not reach a store that answers from here."""
    stores = {
        "database": (NO_DATABASE, facts.database is not None and facts.database.reachable),
        "cache": (NO_CACHE, facts.redis is not None and facts.redis.reachable),
    }
    for store, (pattern, answers) in stores.items():
        told = _told(facts, pattern) if answers else []
        if told:
            return Cause(
                "cut-off",
                0.72,
                f"the application does not reach its {store}, which answers from here",
                (*hurting(facts), *(said(m) for m in told[:3]), f"the {store} was asked from here, and answered"),
                by_hand=f"compare host and port of the {store} in .env and the cached configuration with where it is; "
                "see whether a firewall is between",
                told=texts(told),
            )
    return None


def _told(facts: Facts, pattern: str) -> list[Message]:
    return matching(facts, pattern) if facts.impact.hurt else []


def _answering(facts: Facts, told: list[Message]) -> tuple[str, ...]:
    """What speaks against a store being meant: it answers from here."""
    named = " ".join(message.sample for message in told)
    found = []
    if facts.redis is not None and facts.redis.reachable and re.search(r"redis|cache", named, re.IGNORECASE):
        found.append("Redis answers from here, with what the runbooks know of it")
    if facts.database is not None and facts.database.reachable and re.search(r"SQLSTATE|database", named, re.I):
        found.append("the database answers from here, with what the runbooks know of it")
    return tuple(found)
