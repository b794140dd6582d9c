"""What people are told: the words of a phase, filled in with what the record knows and what a person says."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from runbook_lib.command import printable
from runbook_lib.config import Communication, MessageTemplate, Phase, placeholders
from runbook_lib.errors import ConfigurationError
from runbook_lib.incident.record import Incident
from runbook_lib.run.plan import canonical

VALUE_LIMIT = 600
PHASES: tuple[Phase, ...] = ("started", "update", "mitigated", "verified")

# Title and text by phase. Nothing of the inside is in those for customers: their words are the ones a person gives.
BUILT_IN: dict[Phase, tuple[str, str]] = {
    "started": (
        "[{severity}] {service} {environment}: {title}",
        "Impact: {impact}\nSince: {since}\nWhat is being done: {doing}\nExpected: {expected}\n"
        "Next update: {next_update}\nIncident {id}, led by {commander}",
    ),
    "update": (
        "[{severity}] Update: {title}",
        "Impact: {impact}\nWhat is being done: {doing}\nExpected: {expected}\nNext update: {next_update}\n"
        "Incident {id}, for {duration}",
    ),
    "mitigated": (
        "[{severity}] Mitigated: {title}",
        "The effects have ended or are reduced; this is being watched.\nWhat was done: {doing}\n"
        "Next update: {next_update}\nIncident {id}, for {duration}",
    ),
    "verified": (
        "[{severity}] Resolved: {title}",
        "Verified: the service is healthy again.\nWhat was done: {doing}\nIncident {id}, for {duration}",
    ),
    "review": (
        "Review of {id}: {title}",
        "We look at what happened and what we learn from it; nobody is blamed.\nWhen: {meeting}",
    ),
}
BUILT_IN_FOR_CUSTOMERS: dict[Phase, tuple[str, str]] = {
    "started": (
        "{service}: we are looking into a problem",
        "{impact}\nSince: {since}\nExpected: {expected}\nNext update: {next_update}",
    ),
    "update": ("{service}: update", "{impact}\nExpected: {expected}\nNext update: {next_update}"),
    "mitigated": (
        "{service}: the problem is reduced",
        "The effects have ended or are reduced; we are watching it.\nNext update: {next_update}",
    ),
    "verified": ("{service}: resolved", "The service works normally again."),
}
CUSTOMERS = "customers"
UNKNOWN = {"impact": "being looked into", "doing": "we are looking into it", "expected": "not known yet"}

# What chat services take as a call to everybody, whoever wrote it.
_CALLS = re.compile(r"@(?=everyone|here|channel|all|room)|<(?=[!@#])", re.IGNORECASE)


@dataclass(frozen=True)
class Words:
    """What a person says: impact on users, what is being done, the expected time, the time of the meeting."""

    impact: str = ""
    doing: str = ""
    expected: str = ""
    meeting: str = ""

    @property
    def facts(self) -> dict[str, str]:
        return dict(vars(self))


@dataclass(frozen=True)
class Message:
    """What one audience is told. key: the same for what is the same update, whenever it is said."""

    incident: str
    environment: str
    severity: str
    phase: Phase | Literal["reminder"]
    audience: str
    title: str
    text: str
    key: str

    def key_on(self, channel: str) -> str:
        """The name of this message on one channel: nothing is sent twice under one name."""
        return hashlib.sha256(canonical([self.key, channel]).encode()).hexdigest()[:16]


def message(
    incident: Incident,
    communication: Communication | None,
    audience: str,
    phase: Phase,
    words: Words,
    root: Path,
    now: float | None = None,
) -> Message:
    """What an audience is told of an incident in this phase. words: of a person; now: Unix time, default this moment.
    root: folder that files of templates are relative to. ConfigurationError for a template that cannot be used."""
    at = time.time() if now is None else now
    title, text = template(communication, audience, phase, root)
    values = _values(incident, communication, words, at)
    # Times pass: what makes it the same update is what is said, not when.
    said = [incident.id, phase, audience, title, text, words.facts, incident.severity]
    return Message(
        incident.id,
        incident.environment,
        incident.severity,
        phase,
        audience,
        printable(title.format_map(values), 200),
        text.format_map(values),
        hashlib.sha256(canonical(said).encode()).hexdigest(),
    )


def template(communication: Communication | None, audience: str, phase: Phase, root: Path) -> tuple[str, str]:
    """Title and text with their placeholders: the audience's own, else everybody's, else the built-in ones."""
    title, text = BUILT_IN[phase]
    if audience == CUSTOMERS:
        title, text = BUILT_IN_FOR_CUSTOMERS.get(phase, (title, text))
    if communication is not None:
        own = communication.audiences[audience].templates if audience in communication.audiences else {}
        for table in (communication.templates, own):
            if phase in table:
                title, text = table[phase].title or title, _text(table[phase], root) or text
    return title, text


def _text(own: MessageTemplate, root: Path) -> str:
    if own.file is None:
        return own.text
    file = root / own.file.expanduser()
    try:
        text = file.read_text(encoding="utf-8").strip()
        placeholders(text)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"the message template {file} cannot be used: {error}", next_step="mend it; the example shows how"
        ) from error
    return text


def _values(incident: Incident, communication: Communication | None, words: Words, now: float) -> Mapping[str, str]:
    service, _, environment = incident.environment.partition("/")
    said = {name: value or UNKNOWN.get(name, "") for name, value in words.facts.items()}
    due = next_due(incident, communication, now)
    values = {
        **said,
        "id": incident.id,
        "severity": incident.severity,
        "service": service,
        "environment": environment,
        "title": incident.title,
        "commander": incident.commander,
        "next_update": utc(due) if due else "when there is news",
        "since": utc(incident.began),
        "duration": span(now - incident.began),
    }
    return {name: _plain(value) for name, value in values.items()}


def next_due(incident: Incident, communication: Communication | None, after: float) -> float | None:
    """When the next update is due after one at Unix time `after`; None where none is promised."""
    every = communication.update_every.get(incident.severity, 0) if communication else 0
    return after + every if every else None


def utc(at: float) -> str:
    """A point in time for readers: 2026-03-01 14:05 UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def span(seconds: float) -> str:
    """A duration for readers: 40 s, 12 min, 3 h 5 min, 2 d 4 h."""
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def _plain(value: str) -> str:
    """One line of text that calls nobody: what comes from outside must not look like our own line, nor ping a room."""
    return _CALLS.sub(lambda match: f"{match[0]}\u200b", printable(value, VALUE_LIMIT))
