"""Results as HTML, Markdown and text: what comes from outside stays text in all of them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

from runbook_lib.command import MASK, Secret
from runbook_lib.display import CELL_LIMIT, Chart, Table

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "attribute": "'\" onmouseover='alert(1)",
    "image": "<img src=x onerror=alert(1)>",
    "entity": "&lt;b&gt;",
    "comment": "--><!--",
}
POINTS = [[0.0, 12.0, 0], [1.0, 480.5, 0], [2.0, 30.0, 2]]


class Page(HTMLParser):
    """Tags, attributes and text of a piece of HTML."""

    def __init__(self, html):
        super().__init__()
        self.tags = []
        self.attributes = set()
        self.texts = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.texts.append(data)


def everywhere(text):
    return Table(text, (text, "b"), [(text, "1")], (text,), Chart(text, POINTS))


def forms(table):
    return [table._repr_html_(), table._repr_markdown_(), str(table), repr(table)]


# -- HTML -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_text_from_outside_stays_text_in_html(text):
    page = Page(everywhere(text)._repr_html_())
    known = {"div", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "svg", "title", "line", "polyline",
             "circle", "text", "span"}  # fmt: skip
    assert set(page.tags) <= known
    assert not {name for name in page.attributes if name.startswith("on")}
    assert page.texts.count(text) >= 4


def test_a_word_that_says_how_it_is_has_its_colour():
    html = Table(
        "t", ("a",), [("PASS",), ("FAIL",), ("other",), ("live, known good",), ("live, bad idea",)]
    )._repr_html_()
    assert html.count("<span") == 4
    assert Page(html).texts[2:] == ["PASS", "FAIL", "other", "live", ", ", "known good", "live, bad idea"]


def test_a_table_without_rows_is_its_title_and_notes():
    page = Page(Table("t", (), (), ("nothing to observe",))._repr_html_())
    assert page.texts == ["t", "nothing to observe"]


# -- Markdown -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["a|b", "[x](javascript:alert(1))", "![x](y)", "`code`", "**bold**", "<b>", "# head", "back\\slash", "~~x~~"],
)
def test_text_from_outside_stays_text_in_markdown(text):
    line = Table("t", ("a", "b"), [(text, "1")])._repr_markdown_().splitlines()[-1]
    bare = line.replace("\\\\", "")
    for special in "|`*[]<>#~!()":
        marks = bare.count(special) - bare.count(f"\\{special}")
        assert marks == (3 if special == "|" else 0)


def test_a_line_end_cannot_break_out_of_a_markdown_table():
    text = Table("t", ("a",), [("x\n\n# head",)])._repr_markdown_()
    assert len(text.splitlines()) == 5


def test_markdown_is_a_table():
    assert Table("t", ("a", "b"), [("1", "2")], ("note",))._repr_markdown_() == (
        "**t**\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\nnote"
    )


# -- text -----------------------------------------------------------------------------------------------------------


def test_text_is_aligned():
    table = Table("Releases", ("tag", "standing"), [("v1.4.2", "known good"), ("v1", "")], ("a note",))
    assert str(table) == "Releases\n  tag     standing\n  v1.4.2  known good\n  v1\na note"


# -- all forms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["\x1b[2J", "\x00", "\u202e", "\r", "\ud83d"])
def test_control_characters_reach_no_form(text):
    for form in forms(everywhere(f"a{text}b")):
        assert text not in form
        form.encode()


def test_a_secret_reaches_no_form():
    secret = Secret("displayed-s3cret|<x>")
    for form in forms(everywhere(f"login with {secret.reveal()}")):
        assert "s3cret|" not in form.replace(MASK, "")
        assert "displayed" not in form


def test_a_long_text_is_cut_in_every_form():
    for form in forms(Table("t", ("a",), [("x" * 5000,)])):
        assert "x" * CELL_LIMIT not in form


# -- chart ----------------------------------------------------------------------------------------------------------


def test_a_chart_is_well_formed_without_scripts():
    root = ET.fromstring(Chart("slowest answer", POINTS, limit=500).svg())
    kinds = [element.tag for element in root]
    assert kinds.count("circle") == 3
    assert kinds.count("line") == 1
    assert root.attrib["aria-label"] == "slowest answer over 2 s: at most 480 ms (limit 500), errors in 1 of 3 samples"


def test_a_failing_sample_has_another_colour():
    svg = Chart("x", POINTS).svg()
    assert svg.count("#cf222e") == 1
    assert svg.count('fill="#1a7f37"') == 2


def test_a_chart_without_points_is_nothing():
    assert Chart("x", []).svg() == ""


@pytest.mark.parametrize("points", [[[0.0, 0.0, 0]], [[0.0, 0.0, 0], [0.0, 0.0, 0]], [[5.0, 1e9, 1]]])
def test_a_chart_of_anything_stays_within_its_frame(points):
    root = ET.fromstring(Chart("x", points, limit=10).svg())
    for circle in root.findall("circle"):
        assert 0 <= float(circle.attrib["cx"]) <= Chart.WIDTH
        assert 0 <= float(circle.attrib["cy"]) <= Chart.HEIGHT
