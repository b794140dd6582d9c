"""The status page as texts: Markdown for the site, an Atom feed, and one HTML page that needs nothing else.

Text from outside is escaped in each of them.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from runbook_lib.command import mask, printable
from runbook_lib.config import Loaded
from runbook_lib.display import markdown as shown
from runbook_lib.errors import RunbookError
from runbook_lib.incident.components import State, components
from runbook_lib.incident.messages import span, utc
from runbook_lib.publishing.status import PHASES, Line, PublicIncident, Status, Update, status
from runbook_lib.run.journal import Event

FEED = "feed.xml"
_SPACE = uuid.UUID("5f3cf9ac-1b5e-4f0e-9c4c-0f0a3a3a7c11")
_WORDS: dict[State, str] = {
    "operational": "Operational",
    "maintenance": "Maintenance",
    "degraded": "Degraded",
    "partial outage": "Partial outage",
    "major outage": "Major outage",
}
_ALL: dict[State, str] = {
    "operational": "Everything works",
    "maintenance": "Maintenance is under way",
    "degraded": "Something is slower or works less well than usual",
    "partial outage": "Some things do not work",
    "major outage": "There is a major outage",
}

_STYLE = """
:root{color-scheme:light dark;--ground:#fff;--text:#1f2328;--dim:#59636e;--line:#d1d9e0;--good:#1a7f37;--care:#0969da;
--less:#9a6700;--part:#bc4c00;--bad:#cf222e}
@media(prefers-color-scheme:dark){:root{--ground:#0d1117;--text:#e6edf3;--dim:#9198a1;--line:#3d444d;--good:#3fb950;
--care:#58a6ff;--less:#d29922;--part:#f0883e;--bad:#f85149}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;background:var(--ground);color:var(--text);max-width:46rem;margin:0 auto;
padding:1rem}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2rem}h3{font-size:1rem;margin:0}
.now{padding:1rem;border-radius:.5rem;border:2px solid;font-weight:600}
ul,ol{list-style:none;padding:0}.part{padding:.75rem 0;border-bottom:1px solid var(--line)}
.head{display:flex;flex-wrap:wrap;justify-content:space-between;gap:.25rem 1rem}
.days{display:flex;gap:1px;height:1.5rem;margin:.5rem 0 .25rem}.days i{flex:1;background:currentColor}
p{margin:.25rem 0;overflow-wrap:anywhere;white-space:pre-line}small,.dim{color:var(--dim)}
article{border:1px solid var(--line);border-radius:.5rem;padding:1rem;margin:1rem 0}
.operational{color:var(--good)}.maintenance{color:var(--care)}.degraded{color:var(--less)}
.partial-outage{color:var(--part)}.major-outage{color:var(--bad)}
"""


def of(loaded: Loaded, events: Iterable[Event], now: float) -> Status:
    """What the page of a configuration says as of Unix time `now`. events: the whole record."""
    about = loaded.configuration.status_page
    return status(events, components(loaded), title=about.title, url=about.url, days=about.days, now=now)


def publish(folder: Path, page: Status) -> list[Path]:
    """Write the page and its feed into a folder; the files. RunbookError when that cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_replaced(folder / "index.html", html(page)), _replaced(folder / FEED, feed(page))]
    except OSError as error:
        raise RunbookError(
            f"the status page cannot be written to {folder}: {error.strerror}", next_step="check permissions and space"
        ) from error


def _replaced(file: Path, text: str) -> Path:
    """A file replaced in one instant, so that a reader never sees half of it."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8", errors="backslashreplace")
    os.replace(fresh, file)
    return file


# -- Markdown -----------------------------------------------------------------------------------------------------


def markdown(page: Status) -> str:
    """The page of the site."""
    lines = [f"# {shown(page.title)}", "", f"**{_ALL[page.state]}** ({utc(page.at)}). [Feed]({FEED})", ""]
    if page.components:
        lines += [f"| component | state | {page.days} days |", "| --- | --- | --- |"]
    lines += [f"| {shown(one.name)} | {_WORDS[one.state]} | {one.share:.2%} |" for one in page.components]
    lines += ["", "## Incidents", ""]
    lines += [line for one in page.incidents for line in _markdown_incident(one)] or ["None."]
    return "\n".join(lines) + "\n"


def _markdown_incident(one: PublicIncident) -> list[str]:
    lines = [f"### {shown(one.title)}", "", f"{shown(one.component)}, {_when(one)}", ""]
    for update in reversed(one.updates):
        text = " ".join(shown(line, 1000) for line in update.text.splitlines())
        lines += [f"- **{_phase(update)}**, {utc(update.at)}: {text}"]
    return [*lines, ""]


# -- HTML ---------------------------------------------------------------------------------------------------------


def html(page: Status) -> str:
    """The whole page in one file."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    parts = "".join(_component(one) for one in page.components)
    incidents = "".join(_incident(one) for one in page.incidents) or "<p>None.</p>"
    title = _text(page.title)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<link rel="alternate" type="application/atom+xml" href="{FEED}" title="{title}">'
        f"<title>{title}: {_WORDS[page.state]}</title><style>{_STYLE}</style></head><body>"
        f'<h1>{title}</h1><p class="now {_class(page.state)}" role="status">{_ALL[page.state]}</p>'
        f"<p><small>{utc(page.at)}. <a href={FEED!r}>Feed</a></small></p>"
        f"<h2>Components</h2><ul>{parts}</ul><h2>Incidents</h2>{incidents}</body></html>\n"
    )


def _component(one: Line) -> str:
    days = "".join(f'<i class="{_class(state)}" title="{day}: {_WORDS[state]}"></i>' for day, state in one.days)
    about = f"<p class=dim>{_text(one.description)}</p>" if one.description else ""
    return (
        f'<li class="part"><div class="head"><h3>{_text(one.name)}</h3>'
        f'<strong class="{_class(one.state)}">{_WORDS[one.state]}</strong></div>{about}'
        f'<div class="days" aria-hidden="true">{days}</div><small>{one.share:.2%} in {len(one.days)} days</small></li>'
    )


def _incident(one: PublicIncident) -> str:
    updates = "".join(
        f"<li><p><strong>{_phase(update)}</strong> <small>{utc(update.at)}</small></p><p>{_block(update.text)}</p></li>"
        for update in reversed(one.updates)
    )
    return (
        f'<article id="{_text(one.id)}"><h3 class="{_class(one.worst)}">{_text(one.title)}</h3>'
        f"<p><small>{_text(one.component)}, {_when(one)}</small></p><ol>{updates}</ol></article>"
    )


def _class(state: State) -> str:
    return state.replace(" ", "-")


def _phase(update: Update) -> str:
    return PHASES.get(update.phase, "Update")


def _when(one: PublicIncident) -> str:
    if one.over is None:
        return f"since {utc(one.began)}"
    return f"{utc(one.began)}, for {span(one.over - one.began)}"


def _text(value: str) -> str:
    return escape(printable(mask(value), 400), quote=True)


def _block(value: str) -> str:
    return "\n".join(escape(printable(mask(line), 1000), quote=True) for line in value.splitlines())


# -- Atom ---------------------------------------------------------------------------------------------------------


def feed(page: Status) -> str:
    """The updates as an Atom feed (RFC 4287), newest first."""
    told = [(one, number, update) for one in page.incidents for number, update in enumerate(one.updates)]
    told.sort(key=lambda item: item[2].at, reverse=True)
    newest = max((update.at for _, _, update in told), default=page.at)
    links = [f'<link href="{_text(page.url)}"/>'] if page.url else []
    links += [f'<link rel="self" href="{_text(page.url.rstrip("/"))}/{FEED}"/>'] if page.url else []
    return "\n".join(
        [
            '<?xml version="1.0" encoding="utf-8"?>',
            '<feed xmlns="http://www.w3.org/2005/Atom">',
            f"<id>{_urn(page.url or page.title)}</id>",
            f"<title>{_text(page.title)}</title>",
            f"<updated>{_rfc3339(newest)}</updated>",
            "<author><name>Status</name></author>",
            *links,
            *(_entry(page, one, number, update) for one, number, update in told),
            "</feed>\n",
        ]
    )


def _entry(page: Status, one: PublicIncident, number: int, update: Update) -> str:
    link = f'<link href="{_text(page.url)}#{_text(one.id)}"/>' if page.url else ""
    return (
        f"<entry><id>{_urn(f'{one.id} {number}')}</id><title>{_text(f'{_phase(update)}: {update.title}')}</title>"
        f"<updated>{_rfc3339(update.at)}</updated>{link}"
        f'<content type="text">{_block(update.text)}</content></entry>'
    )


def _urn(name: str) -> str:
    return f"urn:uuid:{uuid.uuid5(_SPACE, name)}"


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
