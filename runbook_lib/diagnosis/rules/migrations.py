"""Causes that lie between the code and the schema."""

from __future__ import annotations

from runbook_lib.diagnosis.cause import Cause
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.rules.saying import hurting, matching, said, texts

MISSING = (
    r"no such (table|column)|has no column named|SQLSTATE\[(42S02|42S22|42P01|42703)\]|unknown column"
    r"|(table or view|column|relation)\b.{0,80}(not found|does not exist|doesn't exist)"
)
SHOWN = 5
RUN_THEM = (
    "see what they would do, `php artisan migrate --pretend`, take a backup, then run them from the live release: "
    "`php artisan migrate --force`"
)


def migrations_pending(facts: Facts) -> Cause | None:
    """The live code misses tables or columns, and migrations that came with it never ran."""
    told = matching(facts, MISSING) if facts.impact.hurt and facts.pending else []
    if not told:
        return None
    proven = facts.live is not None and facts.live.id in facts.standing.passed
    back = facts.remedies.runbook("rollback", tag=facts.good.tag) if facts.good and not proven else None
    remedy = facts.remedies.own("migrate") or back
    more = f" and {len(facts.pending) - SHOWN} more" if len(facts.pending) > SHOWN else ""
    besides = [f"another way: {RUN_THEM}"] if back and remedy is back else []
    return Cause(
        "migrations-pending",
        0.92,
        f"migrations of the live release never ran: {', '.join(facts.pending[:SHOWN])}{more}",
        (*hurting(facts), *(said(m) for m in told[:3]), *besides),
        (),
        remedy,
        "" if remedy else RUN_THEM,
        told=texts(told),
    )
