"""What a run leaves in its folder: run.json and one self-contained page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from runbook_lib.display import Chart, Table
from runbook_lib.run.journal import Event, Journal
from runbook_lib.run.live import line

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;font-size:.875rem}
td,th{border-bottom:1px solid #8884;padding:.25rem .5rem;vertical-align:top;overflow-wrap:anywhere}
pre{overflow:auto;background:#8881;padding:1rem;font-size:.8125rem}
:root{--good:#1a7f37;--bad:#cf222e}
.succeeded,.planned{color:var(--good)}
.failed,.refused,.interrupted,.inconclusive,.overtaken,.abandoned{color:var(--bad)}
@media(prefers-color-scheme:dark){:root{--good:#3fb950;--bad:#ff7b72}body{background:#0d1117;color:#e6edf3}}
"""


def write(journal: Journal, run: str) -> None:
    """Write run.json and page.html for a closed run. OSError when its folder cannot be written."""
    events = list(journal.events(run))
    folder = journal.folder_of(run)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "page.html", page(events))
    _write(folder / "run.json", json.dumps(record(events), indent=2, ensure_ascii=False) + "\n")


def record(events: Sequence[Event]) -> dict[str, Any]:
    """A run as plain data, made from its events alone."""
    opened, last = events[0].data, events[-1]
    planned = next((event.data for event in reversed(events) if event.kind == "planned"), {})
    return {
        "run": events[0].run,
        "runbook": opened.get("runbook", ""),
        "environment": opened.get("environment", ""),
        "parameters": opened.get("parameters", {}),
        "actor": opened.get("actor", ""),
        "dry_run": opened.get("dry_run", False),
        "status": last.data.get("status", "unfinished"),
        "reason": last.data.get("reason", ""),
        "next": last.data.get("next", ""),
        "opened": _utc(events[0].at),
        "closed": _utc(last.at),
        "plan": {"digest": planned.get("digest", ""), **planned.get("facts", {})},
        "verdicts": [event.data for event in events if event.kind in ("verified", "observed")],
        "steps": [event.data for event in events if event.kind == "step finished"],
        "events": [{"seq": e.seq, "at": _utc(e.at), "kind": e.kind, "data": e.data} for e in events],
        "journal": {"seq": last.seq, "hash": last.hash},
    }


def page(events: Sequence[Event]) -> str:
    """A run as one HTML page that needs nothing else; text from outside is escaped."""
    about = record(events)
    title = about["plan"].get("title") or f"{about['runbook']} {about['environment']}"
    facts = [(key, str(about[key])) for key in ("run", "actor", "opened", "closed", "reason", "next") if about[key]]
    facts += [(f"parameter {name}", str(value)) for name, value in about["parameters"].items() if value != ""]
    parts = [
        Table("Facts", ("", ""), facts),
        _plan(about["plan"]),
        _done(about["steps"]),
        *map(_seen, about["verdicts"]),
    ]
    lines = "\n".join(text for event in events if (text := line(event)) is not None)
    body = "".join(part._repr_html_() for part in parts)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
        f'<h1>{escape(title)}</h1><p class="{escape(about["status"])}"><strong>{escape(about["status"])}</strong></p>'
        f"{body}<h2>As it happened</h2><pre>{escape(lines)}</pre></html>\n"
    )


def _plan(plan: dict[str, Any]) -> Table:
    rows = [
        (section["name"], step["host"], step["title"], "; ".join(step["shows"]))
        for section in plan.get("sections", [])
        for step in section["steps"]
    ]
    notes = [*plan.get("warnings", []), f"digest {plan.get('digest', '')}"]
    return Table("Plan", ("section", "host", "step", "commands"), rows, notes)


def _done(steps: Sequence[dict[str, Any]]) -> Table:
    rows = [(s["section"], s["host"], s["title"], s["outcome"], f"{s['seconds']:.2f} s", s["remark"]) for s in steps]
    return Table("Steps", ("section", "host", "step", "outcome", "took", "remark"), rows)


def _seen(verdict: dict[str, Any]) -> Table:
    numbers = verdict["numbers"]
    rows = [(name, str(value)) for name, value in numbers.items() if name != "series"]
    chart = Chart("slowest answer", numbers["series"]) if numbers.get("series") else None
    title = f"{verdict['environment']}, {verdict['what']}: {verdict['verdict']}"
    return Table(title, ("", ""), rows, verdict["reasons"], chart)


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _write(file: Path, text: str) -> None:
    """Replace a file in one instant, so that a reader never sees half of it."""
    new = file.with_name(f".{file.name}.new")
    new.write_text(text, encoding="utf-8", errors="backslashreplace")
    new.replace(file)
