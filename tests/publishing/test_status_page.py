"""The status page as texts."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from markdown import markdown as rendered

from runbook_lib.command import Secret
from runbook_lib.errors import RunbookError
from runbook_lib.incident.components import STATES
from runbook_lib.publishing.status import Status
from runbook_lib.publishing.status_page import feed, html, markdown, publish
from tests.incident.recorded import SHOP, Record
from tests.publishing.atom import lacking
from tests.publishing.test_status import NOW, page, told

ATOM = "{http://www.w3.org/2005/Atom}"
HOSTILE = "<script>alert(1)</script>]]> & \"quoted\" 'x' \x00\x1b[31m | ](javascript:x)"


def whole() -> Record:
    record = told(Record().declared(NOW - 500), NOW - 490, "started", "Every second checkout fails.\nWe look into it.")
    told(record.rolled_back(NOW - 400), NOW - 300, "verified", "It works again.")
    return record.closed(NOW - 200)


def texts(said: Status) -> list[str]:
    return [html(said), markdown(said), feed(said)]


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_every_text_has_the_updates_and_the_state() -> None:
    for text in texts(page(whole())):
        assert "Every second checkout fails" in text
        assert "It works again" in text
    assert "Everything works" in html(page(whole()))


def test_hostile_text_stays_text_everywhere() -> None:
    record = told(Record().declared(NOW - 500), NOW - 490, "started", HOSTILE, title=HOSTILE)
    for text in (html(page(record)), feed(page(record)), rendered(markdown(page(record)))):
        assert "<script" not in text
        assert "javascript:" not in "".join(re.findall('href="([^"]*)"', text))
        assert "\x00" not in text
        assert "\x1b" not in text
    assert {tag for tag, _ in Tags(html(page(record))).found}.isdisjoint({"script", "iframe", "img"})
    (entry,) = ElementTree.fromstring(feed(page(record))).findall(f"{ATOM}entry")
    assert "<script>alert(1)</script>]]>" in str(entry.findtext(f"{ATOM}content"))


def test_a_secret_in_an_update_is_masked() -> None:
    Secret("V3rySecretT0ken")
    record = told(Record().declared(NOW - 500), NOW - 490, "started", "see V3rySecretT0ken")
    assert all("V3rySecretT0ken" not in text for text in texts(page(record)))


def test_the_page_needs_nothing_else() -> None:
    text = html(page(whole()))
    links = [about for _, about in Tags(text).found if about.get("href") or about.get("src")]
    assert [about["href"] for about in links] == ["feed.xml", "feed.xml"]
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_the_page_is_readable_on_a_phone_in_light_and_dark() -> None:
    text = html(page(whole()))
    assert "width=device-width" in text
    assert "prefers-color-scheme:dark" in text
    assert "color-scheme:light dark" in text
    assert '<html lang="en">' in text


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_a_colour(state: str) -> None:
    assert f".{state.replace(' ', '-')}{{" in html(page(Record()))


def test_the_feed_is_atom_with_stable_names() -> None:
    assert lacking(feed(page(whole()))) == []
    root = ElementTree.fromstring(feed(page(whole())))
    for name in ("id", "title", "updated"):
        assert root.findtext(f"{ATOM}{name}")
    entries = root.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}title") for entry in entries] == [
        "Resolved: Shop: verified",
        "Investigating: Shop: started",
    ]
    times = [str(entry.findtext(f"{ATOM}updated")) for entry in entries]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time) for time in times)
    again = ElementTree.fromstring(feed(page(whole(), NOW + 1000))).findall(f"{ATOM}entry")
    assert [e.findtext(f"{ATOM}id") for e in again] == [e.findtext(f"{ATOM}id") for e in entries]


def test_an_empty_page_is_whole() -> None:
    ElementTree.fromstring(feed(page(Record())))
    assert "None." in html(page(Record()))
    assert "None." in markdown(page(Record()))


def test_it_is_published_as_two_files(tmp_path: Path) -> None:
    files = publish(tmp_path / "out", page(whole()))
    assert [file.name for file in files] == ["index.html", "feed.xml"]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["feed.xml", "index.html"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(RunbookError, match="out"):
        publish(tmp_path / "out", page(whole()))


def test_the_environment_is_not_named_but_by_its_component() -> None:
    assert SHOP not in html(page(whole()))
