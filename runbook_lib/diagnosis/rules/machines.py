"""Causes that lie in machines: disks, certificates, clocks."""

from __future__ import annotations

from runbook_lib.diagnosis.cause import Cause
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.rules.saying import hurting, matching, said

NO_SPACE = r"no space left|disk (is )?full|database or disk is full|ENOSPC|quota exceeded|errno 28"
SOON_DAYS = 3.0


def disk_full(facts: Facts) -> Cause | None:
    """A file system has no room, or the messages say so."""
    full = [
        (host, folder, disk)
        for host, machine in facts.machines.items()
        for folder, disk in (machine.disks or {}).items()
        if disk.most >= facts.hosts.max_used
    ]
    told = matching(facts, NO_SPACE)
    if not full and not told:
        return None
    remedy = facts.remedies.mitigation("free_disk") or facts.remedies.own("disk")
    where = f"on {full[0][0]}, {full[0][2].mount}" if full else "where the application writes"
    return Cause(
        "disk-full",
        0.97 if full and (told or facts.impact.hurt) else 0.85 if told else 0.6,
        f"a disk is full {where}",
        (*(f"{host}, {disk}" for host, _, disk in full[:5]), *(said(m) for m in told[:2]), *hurting(facts)),
        (),
        remedy,
        "" if remedy else "remove old logs and releases there, then see what writes so much",
    )


def certificate(facts: Facts) -> Cause | None:
    """A certificate is not valid, or will not be for long."""
    wrong = [c for c in facts.certificates if c.wrong]
    soon = [c for c in facts.certificates if not c.wrong and c.days is not None and c.days < SOON_DAYS]
    if not wrong and not soon:
        return None
    words = [f"{c.place}: {c.wrong}" for c in wrong] + [f"{c.place}: expires in {c.days:.1f} days" for c in soon]
    return Cause(
        "certificate",
        0.96 if wrong else 0.3,
        f"the certificate of {(wrong or soon)[0].place} {'is not valid' if wrong else 'expires soon'}",
        (*words[:5], *hurting(facts)),
        by_hand="renew the certificate and reload what serves it; see why it was not renewed by itself",
    )


def clocks_apart(facts: Facts) -> Cause | None:
    """Clocks differ while requests fail: tokens and sessions count as expired or not yet valid."""
    if not facts.skewed or not facts.impact.hurt or max(map(abs, facts.skewed.values())) < 30:
        return None
    words = [f"the clock of {host} is {skew:+.0f} s off" for host, skew in facts.skewed.items()]
    return Cause(
        "clock-skew",
        0.4,
        "clocks of hosts are apart",
        (*words[:5], *hurting(facts)),
        by_hand="set the time on those hosts by NTP",
    )
