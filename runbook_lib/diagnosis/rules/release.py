"""Causes that lie in what was deployed or configured."""

from __future__ import annotations

from dataclasses import dataclass, field

from runbook_lib.command import printable
from runbook_lib.diagnosis.cause import Cause
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.rules.saying import capped, clock, hurting, lasting, said, texts
from runbook_lib.probes.http import names as is_named
from runbook_lib.probes.messages import Message
from runbook_lib.probes.metrics import Traffic

# How long after a change the trouble that it brings may begin, and how far clocks and file times may be apart.
LAG = 600.0
SLACK = 60.0
# A file that is written so many seconds after a switch was not part of it.
WITH_IT = 5.0
SOON = 20.0
# Share of the present error rate that held on average since the start, above which it held from the start.
FROM_THE_START = 0.5


@dataclass
class Weighed:
    """Evidence while it is gathered."""

    score: float
    supporting: list[str] = field(default_factory=list)
    opposing: list[str] = field(default_factory=list)

    def add(self, weight: float, words: str) -> None:
        self.score += weight
        (self.supporting if weight > 0 else self.opposing).append(words)


def bad_release(facts: Facts) -> Cause | None:
    """The trouble began with the release that is live: by time, by messages that are new, by the record."""
    live, since = facts.live, facts.live_since
    if live is None or not facts.impact.hurt:
        return None
    weighed = Weighed(0.3, hurting(facts))
    _by_time(facts, weighed)
    _by_messages(facts, weighed)
    _by_record(facts, weighed)
    if weighed.score < 0.45:
        return None
    if len({release.id for release in facts.releases.values()}) > 1:
        others = [host for host, release in facts.releases.items() if release.id != live.id]
        weighed.opposing.append(f"{', '.join(others)} runs another release")
    title = f"{live} is bad" + (f", live since {clock(since)}" if since else "")
    remedy = facts.remedies.runbook("rollback", tag=facts.good.tag) if facts.good else None
    by_hand = (
        "" if remedy else "no other release has a recorded PASS: choose one, `papermill rollback.ipynb -p tag TAG`"
    )
    return Cause(
        "bad-release",
        capped(weighed.score),
        title,
        tuple(weighed.supporting),
        tuple(weighed.opposing),
        remedy,
        by_hand,
        texts(_fresh(facts)),
    )


def stale_code(facts: Facts) -> Cause | None:
    """What answers says that it is another release than any that was put in place: it was not started anew since."""
    names = [name for release in facts.releases.values() for name in release.names]
    other = {place: said for place, said in facts.served.items() if not any(is_named(said, name) for name in names)}
    last = max(facts.switched.values(), default=None)
    under_way = last is not None and facts.at - last < LAG
    if not names or not other or (under_way and not facts.impact.hurt):
        return None
    place, said = next(iter(other.items()))
    remedy = facts.remedies.mitigation("restart") or facts.remedies.own("restart_app", "restart_web", "reload")
    return Cause(
        "stale-code",
        0.93 if facts.impact.hurt else 0.4,
        f"{place} answers {said}, and what was put in place is {facts.live}",
        (*(f"{where}: {what}" for where, what in list(other.items())[:5]), *hurting(facts)),
        () if facts.impact.hurt else ("users are not seen to be hindered",),
        remedy,
        ""
        if remedy
        else "reload what keeps the former code: PHP-FPM with opcache, Octane, or the application's process",
        told=texts(facts.current),
    )


def release_lost(facts: Facts) -> Cause | None:
    """A host is there, and no release is found at the place from which it should serve."""
    lost = {host: why for host, why in facts.nothing_live.items() if "running" not in why and "paused" not in why}
    if not lost or not facts.impact.hurt:
        return None
    good = f" (the last known good one is {facts.good.tag})" if facts.good else ""
    return Cause(
        "release-incomplete",
        0.95 if len(lost) == len(facts.nothing_live) and not facts.releases else 0.8,
        f"no release is live on {', '.join(list(lost)[:3])}",
        (*hurting(facts), *(f"{host}: {printable(why)}" for host, why in list(lost.items())[:5])),
        by_hand=f"put a complete release there again{good}: where releases are folders, `ls -l current releases` shows "
        "what is left, and `ln -sfn releases/TAG current` leads to it; then restart",
    )


def releases_apart(facts: Facts) -> Cause | None:
    """Hosts run different releases, for longer than a deployment takes or while users are hindered."""
    live = facts.live
    others = {host: release for host, release in facts.releases.items() if live and release.id != live.id}
    last = max(facts.switched.values(), default=None)
    under_way = last is not None and facts.at - last < LAG
    if live is None or not others or (under_way and not facts.impact.hurt):
        return None
    number = len(facts.releases)
    return Cause(
        "releases-apart",
        0.66 if facts.impact.hurt else 0.35,
        f"{', '.join(list(others)[:3])} runs {next(iter(others.values()))}, and {number - len(others)} of {number} "
        f"hosts run {live}",
        (
            *(f"{host}: {release}" for host, release in list(others.items())[:5]),
            *([f"the last switch was {lasting(facts.at - last)} ago"] if last is not None else []),
            *hurting(facts),
        ),
        () if facts.impact.hurt else ("users are not seen to be hindered",),
        facts.remedies.runbook("rollback", tag=live.tag) if live.tag else None,
        "" if live.tag else f"bring those hosts to {live}, too",
    )


def _by_time(facts: Facts, weighed: Weighed) -> None:
    """Compare when the trouble began with when the release went live."""
    since, onset = facts.live_since, facts.onset
    from_start = _from_the_start(facts)
    if since is None:
        return
    # Logs that do not go back to the switch show the beginning of the logs, not of the trouble.
    cut = facts.reaches is not None and facts.reaches > since and onset is not None and onset - facts.reaches < SLACK
    if onset is not None and not cut and -SLACK <= onset - since <= LAG and from_start is not False:
        when = f"{lasting(onset - since)} after it went live" if onset > since else "as it went live"
        weighed.add(0.3 if onset - since <= LAG / 5 else 0.2, f"the errors began {when}, at {clock(onset)}")
    elif onset is not None and not cut and not from_start:
        early = "before" if onset < since else "after"
        weighed.add(-0.4, f"the errors began {lasting(abs(onset - since))} {early} it went live")
    flow = facts.impact.flow
    if from_start and flow and flow.started and flow.before.requests:
        share, count = flow.before.error_rate or 0.0, flow.before.requests
        words = f"{share:.0%} of all {count:.0f} requests since its processes started at {clock(flow.started)} failed"
        weighed.add(0.2, words)
    elif from_start is False and flow:
        weighed.add(-0.3, f"most of the {flow.before.requests:.0f} requests since its processes started were good")
    elif (onset is None or cut) and from_start is None and 0 <= facts.at - since <= LAG:
        weighed.add(
            0.2, f"it went live {lasting(facts.at - since)} ago, and nothing tells that all was well after that"
        )


def _from_the_start(facts: Facts) -> bool | None:
    """Whether as many requests failed or were slow since the processes started as do now; None where nothing tells,
    or where the processes are older than the release and counted for the former one, too."""
    flow, since = facts.impact.flow, facts.live_since
    if flow is None or flow.started is None or since is None or flow.before.requests < 20:
        return None
    if flow.started < since - SLACK:
        return None
    now, before = _trouble(facts, flow.total), _trouble(facts, flow.before)
    if now <= 0:
        return None
    if before / now >= FROM_THE_START:
        return True
    # Few requests tell little: fewer failed than would have to, by more than chance explains (two deviations).
    expected = now * flow.before.requests
    return False if expected - before * flow.before.requests > 2 * expected**0.5 else None


def _trouble(facts: Facts, traffic: Traffic) -> float:
    """The share of failed requests; where none fail, of those turned away, or else of slow ones."""
    if not traffic.requests:
        return 0.0
    if facts.impact.errors:
        return traffic.errors / traffic.requests
    if facts.impact.refusal:
        return traffic.refused.get(facts.impact.refusal, 0.0) / traffic.requests
    return traffic.slower(facts.impact.limits.max_p95_ms / 1000) / traffic.requests


def _by_messages(facts: Facts, weighed: Weighed) -> None:
    since, fresh = facts.live_since, _fresh(facts)
    old = [m for m in facts.current if m.before and since is not None and m.first < since - SLACK]
    if fresh:
        weighed.add(0.15, f"new since then: {said(fresh[0])}")
    if old and not fresh:
        weighed.add(-0.2, f"not new: {said(old[0])}, first at {clock(old[0].first)}")


def _fresh(facts: Facts) -> list[Message]:
    """The messages that did not occur before the release went live."""
    since = facts.live_since
    return [m for m in facts.current if m.is_new and since is not None and m.began >= since - SLACK]


def _by_record(facts: Facts, weighed: Weighed) -> None:
    live, since = facts.live, facts.live_since
    if live is None:
        return
    if live.id in facts.standing.bad:
        weighed.add(0.3, f"it is marked bad: {facts.standing.bad[live.id]}")
    passed = facts.standing.passed.get(live.id)
    if passed is None:
        weighed.add(0.15, "no verification of it ever passed here")
    elif since is not None and passed >= since and (facts.onset is None or passed < facts.onset):
        weighed.add(-0.35, f"it passed a verification at {clock(passed)}, after it went live")
    else:
        weighed.add(-0.15, "a verification of it passed here before")


def configuration_change(facts: Facts) -> Cause | None:
    """A file of the configuration was written shortly before the trouble began, and no release came with it."""
    onset, since = facts.onset, facts.live_since
    if onset is None or not facts.impact.hurt:
        return None
    changed = [(c, c.at) for c in facts.changes if c.kind == "configuration" and c.where and c.at is not None]
    # What was written with the release, or before it, came with it.
    later = [(c, at) for c, at in changed if since is None or at > since + WITH_IT]
    near = [(c, at) for c, at in later if _takes_effect(facts, at, onset)]
    if not near:
        return None
    words = [f"{c.what} on {c.where} at {clock(at)}, {lasting(abs(onset - at))} before" for c, at in near]
    return Cause(
        "configuration-change",
        0.8,
        f"{near[0][0].what} shortly before the errors began at {clock(onset)}",
        (*hurting(facts), *words[:5], *(said(m) for m in facts.current[:2])),
        by_hand=f"compare {near[0][0].what.partition(' ')[0]} on {near[0][0].where} with its last version, take "
        "it back, clear the cached configuration, restart",
        told=texts(facts.current),
    )


def _takes_effect(facts: Facts, at: float, onset: float) -> bool:
    """Whether what was written at a time can be the reason: the trouble began right then, or with the start of
    processes that read it."""
    flow = facts.impact.flow
    started = flow.started if flow else None
    restarted = started is not None and at <= started and -SOON <= onset - started <= SOON and started - at <= LAG
    return -SOON <= onset - at <= SLACK or restarted
