"""What a diagnosis saw, as tables: impact, changes, the state of each part, logs, and the ranked causes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from runbook_lib.command import mask, quantity
from runbook_lib.diagnosis import Cause, Diagnosis, Facts
from runbook_lib.diagnosis.rules.saying import clock, lasting
from runbook_lib.display import Table, markdown
from runbook_lib.probes.disk import size
from runbook_lib.probes.workers import matching
from runbook_lib.run.live import cause_lines as lines

SHOWN = 12
ILL = 6
LINK = "<a href='{href}'>{text}</a>"

Row = tuple[str, str, str]


def scope(facts: Facts) -> Table:
    """Which environment, which hosts, which users, since when."""
    impact = facts.impact
    rows: list[tuple[str, str]] = [("impact", impact.words)]
    live = facts.live
    if live is not None:
        since = f", live since {clock(facts.live_since)}" if facts.live_since else ""
        rows.append(("serves", f"{live} on {', '.join(facts.releases)}{since}"))
    if facts.onset is not None:
        rows.append(("since", f"{clock(facts.onset)}, {lasting(facts.at - facts.onset)} ago, by the logs"))
    if impact.flow:
        total = impact.flow.total
        share = f"{total.error_rate or 0:.1%} failed" if total.requests else "nothing to fail"
        p95 = f", 95th percentile {impact.p95_ms:.0f} ms" if impact.p95_ms is not None else ""
        words = f"{total.requests:.0f} requests in {impact.flow.seconds:.0f} s ({impact.flow.rate:.1f}/s), {share}{p95}"
        rows.append(("real traffic", words))
        rows += [
            (f"route {route or 'unnamed'}", f"{t.errors:.0f} of {t.requests:.0f} fail")
            for route, t in list(impact.routes_erring.items())[:SHOWN]
        ]
    rows += [(f"check {reading.name}", f"{reading.saw}, at {reading.place}") for reading in impact.failing[:SHOWN]]
    notes = [f"not looked at: {quantity(len(facts.unseen), 'part')}, listed below"] if facts.unseen else []
    return Table(f"{facts.label} at {clock(facts.at)}, looked at for {facts.seconds:.1f} s", ("", ""), rows, notes)


def changed(facts: Facts) -> Table:
    """What changed lately, newest first."""
    rows = [
        (clock(c.at) if c.at else "unknown", lasting(facts.at - c.at) + " ago" if c.at else "", c.what, c.where)
        for c in facts.changes[:SHOWN]
    ]
    notes = [f"the trouble began at {clock(facts.onset)}"] if facts.onset else []
    notes += [str(item) for item in facts.in_force]
    return Table("What changed", ("when", "", "what", "where"), rows, notes or ("nothing is in force",))


def state(facts: Facts) -> Table:
    """Each part that was looked at, and what was not."""
    rows = [*_stores(facts), *_third_parties(facts), *_machines(facts), *_certificates(facts)]
    unseen = [f"not looked at: {line}" for line in facts.unseen]
    return Table("What it stands on", ("part", "result", "saw"), rows, unseen)


def ill(facts: Facts) -> list[str]:
    """A line for each part that is not well."""
    lines = [f"{part}: {saw}" for part, result, saw in state(facts).rows if result == "bad"]
    return lines[:ILL] + ([f"and {len(lines) - ILL} more that are not well"] if len(lines) > ILL else [])


def latest(facts: Facts) -> list[str]:
    """A line for the last change before or during the trouble, and for each mitigation in force."""
    known = [change for change in facts.changes if change.at and change.kind != "release"]
    lines = [f"last change: {c.what}, {lasting(facts.at - (c.at or 0))} ago {c.where}".rstrip() for c in known[:1]]
    return [*lines, *map(str, facts.in_force)]


def _stores(facts: Facts) -> Iterator[Row]:
    database, redis = facts.database, facts.redis
    if database is not None:
        words = (
            database.saw if not database.reachable else f"{database.saw}, answers in {database.seconds * 1000:.0f} ms"
        )
        if database.allowed:
            words += f", {database.used} of {database.allowed} connections"
        words += "".join(
            f", {len(some)} {name}"
            for name, some in (("slow statements", database.slow), ("sessions blocked", database.blocked))
            if some
        )
        words += f", read-only: {database.read_only}" if database.read_only else ""
        ill = not database.reachable or database.blocked or database.slow or database.read_only
        yield "database", "bad" if ill else "good", words
    if redis is not None:
        words = redis.saw
        if redis.reachable:
            words += f", answers in {redis.seconds * 1000:.1f} ms, {size(redis.used)} of "
            words += f"{size(redis.limit) if redis.limit else 'no limit'}, {redis.evicted} evicted"
        yield "redis", "good" if redis.reachable and not redis.refuses and not redis.full else "bad", words
    if facts.queues:
        last, limits = facts.queues[-1], facts.queue_limits
        words = f"{last.waiting} waiting, {last.reserved} at work, the oldest for {lasting(last.oldest_age)}"
        words += f", {sum(last.failed.values())} failed in the last hour" if last.failed else ""
        backed_up = limits and (last.waiting > limits.max_waiting or last.oldest_age > limits.max_age)
        yield "queues", "bad" if backed_up else "good", words


def _third_parties(facts: Facts) -> Iterator[Row]:
    for one in facts.dependencies:
        yield f"third party {one.name}", "good" if one.well else "bad", str(one).partition(": ")[2]


def _machines(facts: Facts) -> Iterator[Row]:
    for host, machine in facts.machines.items():
        disks = list((machine.disks or {}).values())
        if disks:
            fullest = max(disks, key=lambda disk: disk.most)
            yield f"disk of {host}", "bad" if fullest.most >= facts.hosts.max_used else "good", str(fullest)
        if facts.hosts.processes and machine.processes is not None:
            found = matching(machine.processes, facts.hosts.processes)
            words = ", ".join(f"{len(some)} {name}" for name, some in found.items())
            ill = any(not some or any(one.stopped for one in some) for some in found.values())
            yield f"processes of {host}", "bad" if ill else "good", words
        if host in facts.skewed:
            yield f"clock of {host}", "bad", f"{facts.skewed[host]:+.1f} s; its times are corrected by that"
    for host, why in facts.unreachable.items():
        yield f"host {host}", "bad", why


def _certificates(facts: Facts) -> Iterator[Row]:
    for one in facts.certificates:
        words = one.wrong or (f"valid for {one.days:.0f} days" if one.days is not None else "valid")
        words += "" if one.trusted else "; this machine does not trust its issuer"
        yield f"certificate of {one.place}", "bad" if one.wrong else "good", words


def logged(facts: Facts) -> Table:
    """The error messages of now, with how often each occurred before."""
    rows = [
        (str(m.count), clock(m.began), str(m.before), m.text, ", ".join(m.hosts))
        for m in [*facts.current, *facts.suspicious][:SHOWN]
    ]
    reaches = f", back to {clock(facts.reaches)}" if facts.reaches else ""
    notes = (f"{facts.lines} lines were read{reaches}",)
    if not rows:
        return Table("Logs", (), (), ("no error is being logged", *notes))
    return Table("Logs: errors of now", ("times", "since", "before", "message", "hosts"), rows, notes)


@dataclass(frozen=True)
class Ranked:
    """The likely causes, best first, each with its evidence and the next command, in the three forms."""

    diagnosis: Diagnosis

    @property
    def table(self) -> Table:
        if not self.diagnosis.causes:
            calm = not self.diagnosis.facts.impact.hurt
            words = "nothing is found to be wrong" if calm else "no cause was found; what was not looked at is above"
            return Table("Likely causes", (), (), (words,))
        rows = [
            (str(n), f"{cause.score:.0%}", cause.name, cause.title, _lines(cause.supporting), _lines(cause.opposing))
            for n, cause in enumerate(self.diagnosis.causes, 1)
        ]
        return Table("Likely causes", ("", "score", "cause", "what", "for", "against"), rows)

    @property
    def steps(self) -> list[tuple[str, str, str]]:
        """Cause, command (or empty) and what to do by hand, of each."""
        return [(cause.name, cause.command, cause.by_hand) for cause in self.diagnosis.causes]

    def _repr_html_(self) -> str:
        return self.table._repr_html_() + f"<ol>{''.join(map(_html_step, self.diagnosis.causes))}</ol>"

    def _repr_markdown_(self) -> str:
        return "\n".join([self.table._repr_markdown_(), "", *map(_markdown_step, self.diagnosis.causes)])

    def __str__(self) -> str:
        if not self.diagnosis.causes:
            return str(self.table)
        return "\n".join(line for n, cause in enumerate(self.diagnosis.causes, 1) for _, line in lines(n, cause.facts))

    __repr__ = __str__


def _lines(texts: Sequence[str]) -> str:
    return "; ".join(texts)


def _html_step(cause: Cause) -> str:
    title = escape(mask(cause.title))
    if cause.next is None:
        return f"<li>{title}: {escape(mask(cause.by_hand))}</li>"
    link = LINK.format(href=escape(f"{cause.next.runbook}.ipynb"), text=title)
    return f"<li>{link}<pre>{escape(mask(cause.command))}</pre></li>"


def _markdown_step(cause: Cause) -> str:
    if cause.next is None:
        return f"1. {markdown(cause.title)}: {markdown(cause.by_hand)}"
    return f"1. [{markdown(cause.title)}]({cause.next.runbook}.ipynb): `{mask(cause.command).replace('`', '')}`"
