"""What RFC 4287 requires of an Atom feed, for the tests of those that are published."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree

ATOM = "{http://www.w3.org/2005/Atom}"


def lacking(feed: str) -> list[str]:
    """What a feed lacks: RFC 4287, 4.1.1 (feed) and 4.1.2 (entry)."""
    root = ElementTree.fromstring(feed)
    entries = root.findall(f"{ATOM}entry")
    found = [] if root.tag == f"{ATOM}feed" else ["it is no feed"]
    found += [problem for part in (root, *entries) for problem in _of_part(part)]
    authored = root.find(f"{ATOM}author/{ATOM}name") is not None
    found += (
        [] if authored or (entries and all(one.find(f"{ATOM}author") is not None for one in entries)) else ["author"]
    )
    for one in entries:
        if one.find(f"{ATOM}content") is None and one.find(f"{ATOM}link") is None:
            found.append("an entry has neither content nor a link")
    ids = [one.findtext(f"{ATOM}id") for one in entries]
    return found + (["two entries have one id"] if len(set(ids)) < len(ids) else [])


def _of_part(part: ElementTree.Element) -> list[str]:
    texts = {name: [one.text or "" for one in part.findall(f"{ATOM}{name}")] for name in ("id", "title", "updated")}
    found = [f"{len(there)} of {name}" for name, there in texts.items() if len(there) != 1]
    # An IRI: a scheme, and something after it.
    address = urlsplit("".join(texts["id"]))
    found += [] if address.scheme and (address.netloc or ":" in address.path) else [f"id {texts['id']}"]
    updated = datetime.fromisoformat("".join(texts["updated"]))
    return found + ([] if updated.tzinfo else [f"updated {texts['updated']}"])
