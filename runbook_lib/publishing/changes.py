"""What changed lately: commits that touched runbooks and the library, and drills; as a page and as an Atom feed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from runbook_lib.command import mask, printable
from runbook_lib.drills.evidence import Evidence
from runbook_lib.publishing.freshness import day
from runbook_lib.publishing.markdown import table, text

SHOWN = 50
ATOM = "http://www.w3.org/2005/Atom"


@dataclass(frozen=True)
class Change:
    """One change. at: Unix time; title: a line; id: unique and lasting; files: that it touched."""

    at: float
    title: str
    id: str
    files: tuple[str, ...] = ()


def commits(root: Path) -> list[Change]:
    """The newest commits that touched notebooks/, newest first; none outside a Git repository."""
    from git import Repo
    from git.exc import GitError

    try:
        log = Repo(root).git.log(
            f"-{SHOWN * 4}", "--no-merges", "--name-only", "--format=%x00%H%x1f%ct%x1f%s", "--", "notebooks"
        )
    except GitError:
        return []
    return [_commit(part) for part in log.split("\0")[1:]]


def _commit(part: str) -> Change:
    head, _, files = part.partition("\n")
    commit, at, title = head.split("\x1f")
    return Change(float(at), title, f"commit:{commit}", tuple(files.split()))


def last_changes(found: Sequence[Change]) -> dict[str, str]:
    """The day of the newest change of each runbook, by name."""
    days: dict[str, str] = {}
    for change in found:
        for file in change.files:
            days.setdefault(Path(file).stem, f"{day(change.at)}, {change.title}")
    return days


def drilled(records: Sequence[Evidence]) -> list[Change]:
    """The drills as changes."""
    return [
        Change(one.began, f"drill {one.drill} {one.status}" + (f": {one.reason}" if one.reason else ""), _id(one))
        for one in records
    ]


def _id(one: Evidence) -> str:
    return f"drill:{one.drill}:{one.began:.0f}"


def page(found: Sequence[Change]) -> str:
    """The page, newest first."""
    rows = [(day(change.at), text(change.title)) for change in _newest(found)]
    return "# Changes\n\nAlso as a [feed](feed.xml).\n\n" + table(("day", "what"), rows) + "\n"


def feed(found: Sequence[Change], title: str, url: str) -> str:
    """The Atom feed (RFC 4287). url: of the site, may be empty."""
    ElementTree.register_namespace("", ATOM)
    newest = _newest(found)
    root = ElementTree.Element(f"{{{ATOM}}}feed")
    _add(root, "title", title)
    _add(root, "id", url or "urn:runbooks:changes")
    _add(root, "updated", _stamp(newest[0].at if newest else 0))
    # Required by RFC 4287, 4.1.1; whoever changed something is named in Git.
    _add(ElementTree.SubElement(root, f"{{{ATOM}}}author"), "name", title)
    if url:
        ElementTree.SubElement(root, f"{{{ATOM}}}link", {"href": url})
    for change in newest:
        entry = ElementTree.SubElement(root, f"{{{ATOM}}}entry")
        _add(entry, "title", change.title)
        _add(entry, "id", f"urn:runbooks:{change.id}")
        _add(entry, "updated", _stamp(change.at))
        _add(entry, "content", change.title)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _newest(found: Sequence[Change]) -> list[Change]:
    return sorted(found, key=lambda change: -change.at)[:SHOWN]


def _add(parent: ElementTree.Element, name: str, words: str) -> None:
    ElementTree.SubElement(parent, f"{{{ATOM}}}{name}").text = printable(mask(words), 300)


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
