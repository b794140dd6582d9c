"""Causes that lie in machines: disks, certificates, clocks."""

from __future__ import annotations

from runbook_lib.diagnosis.cause import Cause
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.rules.saying import hurting, matching, said, texts
from runbook_lib.probes import workers

NO_SPACE = (
    r"no space left|disk (is )?full|database or disk is full|ENOSPC|quota exceeded|errno:? 28|SQLSTATE\[53100\]"
    r"|the table \S+ is full"
)
CLOSED = (
    r"permission denied(?! for)|EACCES|EROFS|read-?only file system|could not be opened in append mode|is not writable"
    r"|attempt to write a readonly database|operation not permitted"
)
EXPIRED = (
    r"token.{0,30}(expired|not yet valid)|expired token|\b(nbf|iat|exp)\b|clock skew|signature.{0,20}expired"
    r"|too far in the (past|future)"
)
SOON_DAYS = 3.0
# Clocks that are so far apart matter to tokens; processes waiting for each processor, memory left, on a busy host.
FAR_APART = 30.0
BUSY = 3.0
SCARCE = 0.03


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
        texts(told),
    )


def storage_closed(facts: Facts) -> Cause | None:
    """The application may not write where it must, by its own word; or a folder that it needs is closed."""
    told = matching(facts, CLOSED) if facts.impact.hurt else []
    closed = [
        f"{folder} on {host} cannot be written by {disk.closed}"
        for host, machine in facts.machines.items()
        for folder, disk in (machine.disks or {}).items()
        if disk.closed
    ]
    barred = _barred(facts) if facts.impact.hurt else []
    closed = barred + closed
    if not told and not (closed and facts.impact.hurt):
        return None
    # Whoever looks may be another user than the one who serves, unless that is root, whom only the disk itself refuses.
    sure = any(words.endswith(" root") or words in barred for words in closed)
    return Cause(
        "storage-closed",
        0.9 if told and closed else 0.85 if told or sure else 0.5,
        f"the application may not write where it must: {(closed or [told[0].text])[0]}",
        (*hurting(facts), *closed[:5], *(said(m) for m in told[:2])),
        () if told else ("no message says so",),
        by_hand="see who owns it, `ls -ld storage storage/logs`, and give it back to the user that serves; often a "
        "command was run as root. Where the file system is read-only, see the kernel's log",
        told=texts(told),
    )


def _barred(facts: Facts) -> list[str]:
    """Where the processes that must run may surely not write, by owner and mode."""
    return [
        f"{place} on {host}, and {user} runs {name}"
        for host, machine in facts.machines.items()
        for name, some in workers.matching(machine.processes or (), facts.hosts.processes).items()
        for user in sorted({process.user for process in some})
        for place in machine.guarded
        if place.closed_to(user)
    ]


def host_overloaded(facts: Facts) -> Cause | None:
    """A host has more to do than it can, or no memory left."""
    busy = [
        (host, machine.load)
        for host, machine in facts.machines.items()
        if machine.load is not None and (machine.load.queue >= BUSY or machine.load.free <= SCARCE)
    ]
    # Load makes answers slow or late; it is no reason for answers that are wrong.
    if not busy or not (facts.impact.slow or facts.impact.silent):
        return None
    remedy = facts.remedies.mitigation("scale")
    return Cause(
        "host-overloaded",
        0.62,
        f"{', '.join(host for host, _ in busy[:3])} has more to do than it can",
        (*(f"{host}: {load}" for host, load in busy[:5]), *hurting(facts)),
        (),
        remedy,
        "" if remedy else "see which process it is, `top` on that host; end it if it does not belong there",
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
    if not facts.skewed or not facts.impact.hurt or max(map(abs, facts.skewed.values())) < FAR_APART:
        return None
    told = matching(facts, EXPIRED)
    words = [f"the clock of {host} is {skew:+.0f} s off" for host, skew in facts.skewed.items()]
    return Cause(
        "clock-skew",
        0.8 if told else 0.62,
        f"clocks of hosts are apart: {words[0]}",
        (*words[:5], *hurting(facts), *(said(m) for m in told[:2])),
        () if told else ("no message speaks of times that do not fit",),
        by_hand="set the time on those hosts by NTP: `timedatectl`, `chronyc makestep`",
        told=texts(told),
    )
