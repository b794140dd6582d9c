"""The page that leads to the post-mortems: when, how bad, how long, what was learnt, what is still to be done."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from runbook_lib.incident.follow_ups import FollowUp
from runbook_lib.incident.messages import span
from runbook_lib.incident.postmortem import TO_COMPLETE
from runbook_lib.publishing.markdown import table, text

HEAD = ("day", "incident", "severity", "lasted", "summary", "follow-ups")
# The review writes tables of facts below what a person wrote.
_FACTS = ("|", "#", "-", "<")


def page(docs: Path, folder: Path, agreed: Sequence[FollowUp]) -> str:
    """The page as Markdown, the newest post-mortem first. docs: folder of the site's pages; folder: that of the
    post-mortems; one that is not among the site's pages is listed without a link. agreed: all follow-ups."""
    files = sorted(folder.glob("*.md"), reverse=True)
    rows = [_row(file, docs, agreed) for file in files]
    return "# Post-mortems\n\n" + (table(HEAD, rows) if rows else "None was written yet.") + "\n"


def _row(file: Path, docs: Path, agreed: Sequence[FollowUp]) -> tuple[str, ...]:
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    facts = front_matter(lines)
    title = text(str(facts.get("title") or file.stem), 120)
    linked = f"[{title}]({file.relative_to(docs).as_posix()})" if file.is_relative_to(docs) else title
    severity, day = str(facts.get("severity", "")), str(facts.get("declared") or file.name)[:10]
    summary = _summary(lines) or "to be completed"
    return text(day), linked, text(severity), _lasted(facts), text(summary, 300), _left(facts, agreed)


def front_matter(lines: Sequence[str]) -> dict[str, Any]:
    """The facts at the top of a post-mortem, as the review wrote them or as a person changed them; what cannot be read
    is a text."""
    if not lines or lines[0] != "---" or "---" not in lines[1:]:
        return {}
    pairs = (line.partition(":") for line in lines[1 : lines.index("---", 1)])
    return {name.strip(): _value(value.strip()) for name, _, value in pairs}


def _value(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _lasted(facts: Mapping[str, Any]) -> str:
    """From its beginning until it was verified to be over; else until it was closed."""
    try:
        began, over = (datetime.fromisoformat(at) for at in (facts["began"], facts["verified"] or facts["closed"]))
        return span((over - began).total_seconds())
    except (KeyError, TypeError, ValueError):
        return ""


def _summary(lines: Sequence[str]) -> str:
    """The first paragraph that a person wrote below the heading "Summary"; empty where there is none yet."""
    return " ".join(_paragraph(lines[lines.index("## Summary") + 1 :])) if "## Summary" in lines else ""


def _paragraph(lines: Iterable[str]) -> list[str]:
    found: list[str] = []
    for line in lines:
        if line.startswith("## ") or (found and not line.strip()):
            break
        if line.strip() and line.strip() != TO_COMPLETE and not line.startswith(_FACTS):
            found.append(line.strip())
    return found


def _left(facts: Mapping[str, Any], agreed: Sequence[FollowUp]) -> str:
    own = [one for one in agreed if one.incident == facts.get("incident")]
    left = sum(not one.done for one in own)
    return f"{left} of {len(own)} open" if own else "none"
