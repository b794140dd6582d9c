"""A run as it happens: who listens to its events, and the line that a person reads for each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from runbook_lib.command import printable, quantity
from runbook_lib.run.journal import Event

# Called with each event of this process's runs, after it is in the journal.
listeners: list[Callable[[Event], None]] = []

# Whether lines are printed where the code runs (a notebook cell, a shell). The headless engine prints them itself.
echo = True

TITLE_WIDTH = 48
LINE_WIDTH = 400
LOOKED_WIDTH = 160

_COLOURS = {"good": "32", "bad": "31", "ask": "33", "head": "1", "dim": "2"}
_OUTCOMES = {"done": "good", "already": "dim", "settled": "good", "failed": "bad", "unknown": "bad"}
_VERDICTS = {"PASS": "good", "FAIL": "bad", "INCONCLUSIVE": "ask"}
_STATUSES = {"succeeded": "good", "planned": "good"}


def tell(event: Event) -> None:
    """Hand an event to every listener, and print its line when nobody else does. A listener that fails is dropped:
    what people see must not stop a run."""
    for listener in list(listeners):
        try:
            listener(event)
        except Exception:
            listeners.remove(listener)
    text = line(event) if echo else None
    if text is not None:
        say(text)


def say(text: str) -> None:
    """Print a line for whoever sits here; a terminal that went away, or one that cannot write it, stops nothing."""
    with contextlib.suppress(OSError, ValueError):
        print(text, flush=True)


def line(event: Event, colour: bool = False, commands: bool = False) -> str | None:
    """The line for an event, or None when it is nothing that a person waits for; a plan has further lines, one a
    step. commands: with the commands of each step, as a dry run has them anyway. Text from outside comes out
    printable."""
    maker = _LINES.get(event.kind)
    if maker is None:
        return None
    tint, text = maker(event)
    stamp = datetime.fromtimestamp(event.at).strftime("%H:%M:%S")
    first = f"{stamp}  {_tinted(printable(text, LINE_WIDTH), tint, colour)}"
    more = _MORE[event.kind](event.data, commands) if event.kind in _MORE else []
    return "\n".join([first, *(_tinted(f"{'':10}{printable(words, LINE_WIDTH)}", hue, colour) for hue, words in more)])


def _tinted(text: str, tint: str, colour: bool) -> str:
    return f"\x1b[{_COLOURS[tint]}m{text}\x1b[0m" if colour and tint else text


Line = tuple[str, str]


def _opened(event: Event) -> Line:
    data = event.data
    dry = "  (dry run: nothing will be changed)" if data.get("dry_run") else ""
    return "head", f"{data['runbook']}  {data['environment']}  run {event.run}{dry}"


def _continued(event: Event) -> Line:
    return "ask", f"continuing run {event.run}, which {event.data['former']} left {event.data['left']}"


def _planned(event: Event) -> Line:
    facts = event.data["facts"]
    steps = sum(len(section["steps"]) for section in facts["sections"])
    planned = f"{facts['title']}, {quantity(steps, 'step')}, plan {event.data['digest']}"
    return "head", planned if steps else facts["title"]


def _plan_lines(data: dict[str, Any], commands: bool) -> list[Line]:
    """The plan's steps and warnings, for whoever has to decide about it."""
    facts, commands = data["facts"], commands or data.get("dry_run", False)
    lines: list[Line] = [("ask", f"! {warning}") for warning in facts["warnings"]]
    for section in facts["sections"]:
        if section["skipped"]:
            lines.append(("dim", f"  {section['name']:<11} nothing to do, {section['skipped']}"))
        for step in section["steps"]:
            shown = f"{section['name']:<11} {step['host']:<15} {printable(step['title'], TITLE_WIDTH):<{TITLE_WIDTH}}"
            lines.append(("", f"  {shown}"))
            lines += [("dim", f"      $ {command}") for command in step["shows"] if commands]
    return lines


def _looked(event: Event) -> Line:
    data = event.data
    return ("bad" if data["hurt"] else "good"), f"{data['environment']}: {data['impact']}"


def _looked_lines(data: dict[str, Any], commands: bool) -> list[Line]:
    return [("", f"  {printable(line, LOOKED_WIDTH)}") for line in data["lines"]]


def _diagnosed(event: Event) -> Line:
    causes = event.data["causes"]
    if not causes:
        return "good", "no cause of trouble was found"
    return "ask", f"{quantity(len(causes), 'likely cause')}, the likeliest first"


def _diagnosed_lines(data: dict[str, Any], commands: bool) -> list[Line]:
    """The ranked causes with evidence and commands, and what was not looked at."""
    found = [line for number, cause in enumerate(data["causes"], 1) for line in cause_lines(number, cause)]
    unseen = "; ".join(data["unseen"])
    return [*found, ("dim", f"not looked at: {unseen}")] if unseen else found


def _recommended(event: Event) -> Line:
    return "head", "what to do now, the most urgent first"


def _recommended_lines(data: dict[str, Any], commands: bool) -> list[Line]:
    """Commands, and what each is for."""
    lines = [(("", f"  {step}: {what}"), ("ask", f"     > {command}")) for step, what, command in data["steps"]]
    return [line for pair in lines for line in pair]


def cause_lines(number: int, cause: dict[str, Any]) -> list[Line]:
    """One cause for a reader. cause: as the event `diagnosed` has it."""
    found: list[Line] = [("head", f"{number}. {cause['title']}  ({cause['name']}, {cause['score']:.0%})")]
    found += [("", f"     + {line}") for line in cause["for"]]
    found += [("", f"     - {line}") for line in cause["against"]]
    following = cause["command"] or f"by hand: {cause.get('by_hand') or 'look into it'}"
    return [*found, ("ask", f"     > {following}")]


def _carrying_on(event: Event) -> Line:
    return "head", f"carrying on with: {event.data['command']}"


def _incident_declared(event: Event) -> Line:
    data = event.data
    return "ask", f"incident {data['incident']} {data['severity']} is declared: {data['title']} ({data['commander']})"


def _approval_asked(event: Event) -> Line:
    data = event.data
    return "ask", (
        f"waiting up to {data['wait']:g} s for approval of plan {data['digest'][:12]} ({data['policy']}): "
        f"`runbook approve {event.run}`"
    )


def _approved(event: Event) -> Line:
    return "good", f"approved by {event.data['by']} ({event.data['how']})"


def _taken_over(event: Event) -> Line:
    return "ask", f"took over the lock of {event.data['name']} from {event.data['holder']}, which is gone"


def _section_started(event: Event) -> Line:
    data = event.data
    about = f", about {data['seconds']:.0f} s" if data.get("seconds", 0) >= 1 else ""
    return "head", f"{data['section']}: {data['title']}{about}"


def _section_skipped(event: Event) -> Line:
    return "dim", f"{event.data['section']}: nothing to do, {event.data['why']}"


def _step_finished(event: Event) -> Line:
    data = event.data
    # What went as planned needs no remark; the record keeps it.
    remark = f"  {data['remark']}" if data["outcome"] not in ("done", "already") else ""
    title = printable(data["title"], TITLE_WIDTH)
    return _OUTCOMES.get(data["outcome"], ""), (
        f"  {data['section']:<11} {data['host']:<15} {title:<{TITLE_WIDTH}} {data['outcome']:<7}"
        f"{data['seconds']:7.2f} s{remark}"
    )


def _verdict(event: Event) -> Line:
    data = event.data
    reasons = "; ".join(data["reasons"])
    return _VERDICTS[data["verdict"]], f"  {data['section']:<11} {data['what']}: {data['verdict']}  {reasons}"


def _going_back(event: Event) -> Line:
    return "bad", f"{event.data['section']}: going back, because {event.data['reason']}"


def _went_back(event: Event) -> Line:
    return "ask", f"{event.data['section']}: {event.data['remark']}"


def _observing(event: Event) -> Line:
    return "head", f"observing {event.data['section']} for {event.data['seconds']:g} s"


def _sampled(event: Event) -> Line:
    return "dim", f"  {event.data['section']:<11} {event.data['text']}"


def _marked(event: Event) -> Line:
    data = event.data
    return "", f"{data['release']['tag']} is marked {data['mark']}: {data['reason']}"


def _moments(event: Event) -> Line:
    return "head", "moments between two backups:"


def _moments_lines(data: dict[str, Any], commands: bool) -> list[Line]:
    return [("", f"  {line}") for line in data["lines"]]


def _recovered(event: Event) -> Line:
    return "good", f"recovered to {event.data['when']}: {event.data['line']}"


def _counted(event: Event) -> Line:
    return "ask", f"since {event.data['backup']}: {event.data['note']}"


def _jobs_counted(event: Event) -> Line:
    data = event.data
    if data["problem"]:
        return "bad", f"queued jobs of {data['environment']} cannot be read: {data['problem']}"
    if not data["counts"]:
        return "dim", f"no queued job of {data['environment']} lacks its class in {data['release']}"
    words = ", ".join(f"{printable(name, 80)} {count}" for name, count in data["counts"].items())
    then = "set aside" if data["decision"] == "aside" else "left, and will fail there"
    return "ask", f"! queued jobs of {data['environment']} that {data['release']} cannot run: {words}; they are {then}"


def _put_in_force(event: Event) -> Line:
    return "ask", f"{event.data['what']} is in force in {event.data['environment']} until: {event.data['undo']}"


def _lifted(event: Event) -> Line:
    by = f" ({event.data['by']})" if event.data.get("by") else ""
    return "good", f"{event.data['what']} is lifted in {event.data['environment']}{by}"


def _interrupted(event: Event) -> Line:
    return "bad", f"interrupted: {event.data['reason']}"


def _closed(event: Event) -> Line:
    data = event.data
    status = data["status"]
    reason = f": {data['reason']}" if data.get("reason") else ""
    return _STATUSES.get(status, "bad"), f"{status} after {data['seconds']:.1f} s{reason}"


_LINES: dict[str, Callable[[Event], Line]] = {
    "opened": _opened,
    "continued": _continued,
    "planned": _planned,
    "looked": _looked,
    "diagnosed": _diagnosed,
    "recommended": _recommended,
    "carrying on": _carrying_on,
    "incident declared": _incident_declared,
    "approval asked": _approval_asked,
    "approved": _approved,
    "lock taken over": _taken_over,
    "section started": _section_started,
    "section skipped": _section_skipped,
    "step finished": _step_finished,
    "verified": _verdict,
    "observed": _verdict,
    "going back": _going_back,
    "went back": _went_back,
    "observing": _observing,
    "sampled": _sampled,
    "marked": _marked,
    "counted": _counted,
    "moments": _moments,
    "recovered": _recovered,
    "jobs counted": _jobs_counted,
    "put in force": _put_in_force,
    "lifted": _lifted,
    "interrupted": _interrupted,
    "closed": _closed,
}

# Kinds whose line is followed by others.
_MORE: dict[str, Callable[[dict[str, Any], bool], list[Line]]] = {
    "planned": _plan_lines,
    "looked": _looked_lines,
    "moments": _moments_lines,
    "diagnosed": _diagnosed_lines,
    "recommended": _recommended_lines,
}
