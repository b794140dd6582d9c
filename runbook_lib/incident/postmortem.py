"""The post-mortem of an incident as Markdown: its facts from the journal, and the places that a person completes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from runbook_lib.display import markdown
from runbook_lib.errors import IncidentError
from runbook_lib.incident.follow_ups import FollowUp
from runbook_lib.incident.followed import Followed, followed
from runbook_lib.incident.impact import impact
from runbook_lib.incident.messages import span, utc
from runbook_lib.incident.story import TALK, Moments, Story
from runbook_lib.incident.timeline import timeline
from runbook_lib.run.in_force import InForce

T = TypeVar("T")

# Of a long incident, the newest; `runbook incident status --all` has everything.
SHOWN = 500
SHOWN_RUNS = 50

TO_COMPLETE = "*(to be completed)*"
MOMENTS = ("began", "detected", "declared", "decided", "mitigated", "verified", "closed")
DURATIONS = {
    "detect": "time to detect, from the beginning",
    "decide": "time to decide, from detection",
    "mitigate": "time to mitigate, from the beginning",
    "verify": "time to verify, from the beginning",
    "close": "time to close, from declaring",
}


def file_name(story: Story) -> str:
    """2026-03-01-INC-20260301-a1b2.md: the day it was declared, and its id."""
    day = datetime.fromtimestamp(story.incident.declared, UTC).strftime("%Y-%m-%d")
    return f"{day}-{story.incident.id}.md"


def write(folder: Path, story: Story, text: str, *, beside: bool = False) -> Path:
    """Write it where none is yet; a person's work is never overwritten. beside: write a further one, numbered, where
    there is one. IncidentError when there is one, or the folder cannot be written."""
    for number in range(1, 1000 if beside else 2):
        file = folder / file_name(story)
        file = file if number == 1 else file.with_name(f"{file.stem}.{number}.md")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8", errors="backslashreplace") as out:
                out.write(text)
                out.flush()
                os.fsync(out.fileno())
        except FileExistsError:
            continue
        except OSError as error:
            raise IncidentError(
                f"the post-mortem {file} cannot be written: {error.strerror}", next_step="check permissions and space"
            ) from error
        return file
    raise IncidentError(
        f"there is a post-mortem {folder / file_name(story)} already; it stays as it is",
        next_step="complete that one, or write another beside it: -p beside true",
    )


def text(story: Story, follow_ups: Sequence[FollowUp], standing: Sequence[InForce]) -> str:
    """The whole Markdown. follow_ups: agreed on so far; standing: mitigations that are still in force. Text from
    outside is escaped."""
    return "\n".join(_lines(story, follow_ups, standing)) + "\n"


def _lines(story: Story, follow_ups: Sequence[FollowUp], standing: Sequence[InForce]) -> Iterator[str]:
    one = story.incident
    yield from _front(story)
    yield f"# {markdown(one.title)}"
    yield ""
    yield (
        f"**{one.id}**, {one.severity}, {markdown(one.environment)}, led by {markdown(one.commander)}. "
        "We look at what happened and at what made it possible, not for somebody to blame."
    )
    yield from _section("Summary", [TO_COMPLETE, "", *_moments(story.moments)])
    yield from _section("Impact", [*_impact(story), "", TO_COMPLETE])
    yield from _section("Timeline", _timeline(story))
    yield from _section("What was done", _runs(story))
    yield from _section("What changed", _changed(story))
    yield from _section("Messages", _messages(story))
    yield from _section("Still in force", [f"- {markdown(str(item))}" for item in standing] or ["Nothing."])
    yield from _section("Notes", _notes(story))
    yield from _section("Contributing causes", [*_causes(story), TO_COMPLETE])
    yield from _section("What went well", [TO_COMPLETE])
    yield from _section("What was difficult", [TO_COMPLETE])
    yield from _section("Where we were lucky", [TO_COMPLETE])
    yield from _section("Follow-ups", _follow_ups(follow_ups))


def _front(story: Story) -> list[str]:
    """Facts for programs, in front matter: the pages of the site are made from them."""
    one, moments = story.incident, story.moments
    facts = {
        "incident": one.id,
        "severity": one.severity,
        "environment": one.environment,
        "title": one.title,
        **{name: _iso(getattr(moments, name)) for name in MOMENTS},
        "seconds": {name: round(value, 3) for name, value in moments.seconds.items()},
        "runs": list(story.runs),
    }
    # JSON is YAML, and nothing from outside can end the front matter in it.
    return ["---", *(f"{name}: {json.dumps(value)}" for name, value in facts.items()), "---", ""]


def _section(title: str, lines: Iterable[str]) -> list[str]:
    return ["", f"## {title}", "", *lines]


def _moments(moments: Moments) -> list[str]:
    rows = [(name, utc_seconds(at) if (at := getattr(moments, name)) else "not in the record") for name in MOMENTS]
    known = [(DURATIONS[name], span(seconds)) for name, seconds in moments.seconds.items()]
    return [*_table(("moment", "time (UTC)"), rows), "", *_table(("duration", ""), known)]


def _impact(story: Story) -> list[str]:
    found = impact(story)
    lasted = f"It lasted {span(found.seconds)}." if found.seconds is not None else "It is not over yet."
    lines = [f"- {lasted}", *(f"- {line}." for line in found.lines())]
    charts = [f"{chart.svg()}" for chart in found.charts()]
    return [*lines, *(f"\n{chart}" for chart in charts)]


def _timeline(story: Story) -> list[str]:
    rows = [(utc_seconds(line.at), line.who, line.what) for line in timeline(story)]
    return _table(("time (UTC)", "who", "what"), rows)


def _runs(story: Story) -> list[str]:
    runs = [one for one in story.runs.values() if one.runbook != "review"]
    lines = [line for one in runs[-SHOWN_RUNS:] for line in _run(followed(one))]
    left = len(runs) - SHOWN_RUNS
    return [*([f"The last {SHOWN_RUNS} runs, {left} before them.", ""] if left > 0 else []), *lines] or [
        "No runbook was run."
    ]


def _run(one: Followed) -> list[str]:
    head = f"### {markdown(one.runbook)}, {utc(one.opened)}"
    lists = (("Done", one.done), ("Failed", one.failed), ("Skipped", one.skipped), ("Deviated", one.deviations))
    parts = [f"- {name}: {markdown('; '.join(items), 4000)}" for name, items in lists if items]
    return [head, "", f"Run {markdown(one.run)}: {markdown(one.ended)}.", "", *parts, ""]


def _changed(story: Story) -> list[str]:
    found: list[str] = []
    for run in (one for one in story.runs.values() if one.runbook not in TALK):
        found += [f"{e.data['facts']['title']} ({run.status})" for e in run.of("planned")[-1:] if not run.dry]
    found += [f"{e.data['release']['tag']} was marked {e.data['mark']}: {e.data['reason']}" for e in story.of("marked")]
    found += [f"{e.data['what']} was put in force" for e in story.of("put in force")]
    found += [f"{e.data['what']} was lifted" for e in story.of("lifted")]
    return [f"- {markdown(line)}" for line in _cut(found)] or ["Nothing was changed."]


def _messages(story: Story) -> list[str]:
    words = {e.data["message"]: e.data for e in story.of("message begun")}
    rows = []
    for event in story.of("message sent", "message failed"):
        said = words.get(event.data["message"], {})
        came = "sent" if event.kind == "message sent" else f"not sent: {event.data['reason']}"
        rows.append((utc_seconds(event.at), event.data["audience"], event.data["channel"], said.get("title", ""), came))
    return _table(("time (UTC)", "whom", "over", "title", ""), rows) if rows else ["Nobody was told."]


def _notes(story: Story) -> list[str]:
    rows = [(utc_seconds(e.at), e.data["by"], e.data["text"]) for e in story.of("noted")]
    return _table(("time (UTC)", "who", "what"), rows) if rows else ["No notes were made."]


def _causes(story: Story) -> list[str]:
    found = [event.data["causes"][0] for event in story.of("diagnosed") if event.data.get("causes")]
    return [f"- Diagnosed: {markdown(cause['title'])} ({cause['score']:.0%})." for cause in found] + [""] * bool(found)


def _follow_ups(follow_ups: Sequence[FollowUp]) -> list[str]:
    rows = [(one.id, one.text, one.owner, one.due, "done" if one.done else "open") for one in follow_ups]
    again = '`runbook incident follow-up "WHAT" --owner NAME --due YYYY-MM-DD --incident INC` adds one.'
    return [*(_table(("", "what", "owner", "due", ""), rows) if rows else ["None yet."]), "", again]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return [*lines, *(f"| {' | '.join(markdown(str(cell), 1000) for cell in row)} |" for row in _cut(rows))]


def _cut(rows: Sequence[T]) -> Sequence[T]:
    """What a person still reads; the record has all of it."""
    return rows[-SHOWN:]


def utc_seconds(at: float) -> str:
    """A point in time to the second, for timelines."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _iso(at: float | None) -> str | None:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds") if at is not None else None
