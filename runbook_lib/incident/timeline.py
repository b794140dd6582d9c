"""The timeline of an incident: one line for each event that a reader of a post-mortem wants to see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runbook_lib.incident.story import TALK, Story
from runbook_lib.run.journal import Event

# A long incident is read by its turns, not by its thousands of lines.
LONGEST = 400


@dataclass(frozen=True)
class Line:
    """One line. at: Unix time; who: run, person or system; what: text from outside, not escaped."""

    at: float
    who: str
    what: str
    seq: int


def timeline(story: Story, longest: int | None = LONGEST) -> list[Line]:
    """What happened, in order; cut in its middle to `longest` lines, which is said. None: everything."""
    found = [line for event in story.events if (line := _line(story, event)) is not None]
    if longest is None or len(found) <= longest:
        return found
    half = longest // 2
    left = len(found) - 2 * half
    gap = Line(found[half].at, "", f"({left} more lines; `runbook incident status {story.incident.id} --all`)", 0)
    return [*found[:half], gap, *found[-half:]]


def _line(story: Story, event: Event) -> Line | None:
    maker = _LINES.get(event.kind)
    if maker is None:
        return None
    what = maker(event.data)
    run = story.runs.get(event.run)
    if what is None or (run is not None and run.runbook in TALK and event.kind in _QUIET):
        return None
    who = str(event.data.get("by") or event.data.get("actor") or (run.runbook if run else ""))
    return Line(event.at, who, what, event.seq)


_QUIET = (
    "approved",
    "planned",
    "section started",
    "section finished",
    "step finished",
    "closed",
    "opened",
    "going back",
    "went back",
)


def _opened(data: dict[str, Any]) -> str:
    return f"runbook {data['runbook']} on {data['environment']}" + (" (dry run)" if data.get("dry_run") else "")


def _verdict(data: dict[str, Any]) -> str:
    return f"{data['environment']}, {data['what']}: {data['verdict']} ({'; '.join(data['reasons'])})"


def _finished(data: dict[str, Any]) -> str | None:
    # Steps that went well are in the record; what did not go well is the story.
    return (
        f"step {data['title']}: {data['outcome']}, {data['remark']}"
        if data["outcome"] in ("failed", "unknown")
        else None
    )


def _diagnosed(data: dict[str, Any]) -> str:
    causes = [f"{cause['name']} ({cause['score']:.0%})" for cause in data.get("causes", [])[:3]]
    return f"diagnosed: {', '.join(causes) or 'no cause found'}"


def _noted(data: dict[str, Any]) -> str:
    where = f" [{data['about']}{', step ' + data['step'] if data.get('step') else ''}]" if data.get("about") else ""
    return f"note{where}: {data['text']}"


def _sent(data: dict[str, Any]) -> str:
    return f"told {data['audience']} over {data['channel']}: {data['phase']}"


_LINES: dict[str, Callable[[dict[str, Any]], str | None]] = {
    "incident declared": lambda d: f"declared {d['severity']}: {d['title']} (led by {d['commander']})",
    "incident changed": lambda d: f"now {d['severity']}, led by {d['commander']}",
    "incident closed": lambda d: f"closed: {d['reason']}",
    "noted": _noted,
    "opened": _opened,
    "approved": lambda d: f"approved plan {d['digest'][:12]} ({d['how']})",
    "section started": lambda d: f"{d['section']}: {d['title']}",
    "step finished": _finished,
    "verified": _verdict,
    "observed": _verdict,
    "going back": lambda d: f"{d['section']}: going back, because {d['reason']}",
    "went back": lambda d: f"{d['section']}: {d['remark']}",
    "marked": lambda d: f"{d['release']['tag']} is marked {d['mark']}: {d['reason']}",
    "put in force": lambda d: f"{d['what']} is in force in {d['environment']}",
    "lifted": lambda d: f"{d['what']} is lifted in {d['environment']}",
    "diagnosed": _diagnosed,
    "message sent": _sent,
    "message failed": lambda d: f"could not tell {d['audience']} over {d['channel']}: {d['reason']}",
    "update due": lambda d: "an update was due",
    "interrupted": lambda d: f"interrupted: {d['reason']}",
    "closed": lambda d: f"ended {d['status']}" + (f": {d['reason']}" if d.get("reason") else ""),
    "follow-up agreed": lambda d: f"follow-up for {d['owner']} until {d['due']}: {d['text']}",
}
