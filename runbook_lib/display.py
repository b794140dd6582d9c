"""Results in the three forms that every result has: HTML for notebooks and pages, Markdown, plain text.

Text from outside is escaped here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from runbook_lib.command import mask, printable

CELL_LIMIT = 400
ON_ONE_LINE = 24
# A longer cell breaks anywhere rather than widen the page, but stays this wide.
_LONG = "min-width:7em;overflow-wrap:anywhere"
# Entities where not every Markdown knows a backslash before the character: Python-Markdown shows it.
_MARKDOWN = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]()#+!|~"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"})
_TINTS = {
    "good": "#1a7f37", "bad": "#cf222e", "ask": "#9a6700", "PASS": "#1a7f37", "FAIL": "#cf222e",
    "INCONCLUSIVE": "#9a6700", "known good": "#1a7f37", "live": "#0969da",
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A titled table. rows: cells as text, unescaped; notes: lines below it; chart: points for a small chart."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    chart: Chart | None = None

    def _repr_html_(self) -> str:
        head = "".join(f"<th style='text-align:left'>{_html(cell)}</th>" if cell else "<td></td>" for cell in self.head)
        body = "".join(f"<tr>{''.join(_html_cell(cell) for cell in row)}</tr>" for row in self.rows)
        table = _region(self.title, f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>") if self.rows else ""
        notes = "".join(f"<p>{_html(note)}</p>" for note in self.notes)
        chart = self.chart.svg() if self.chart else ""
        return f"<div><p><strong>{_html(self.title)}</strong></p>{table}{chart}{notes}</div>"

    def _repr_markdown_(self) -> str:
        lines = [f"**{markdown(self.title)}**", ""]
        if self.rows:
            lines += ["| " + " | ".join(map(markdown, self.head)) + " |", "|" + " --- |" * len(self.head)]
            lines += ["| " + " | ".join(map(markdown, row)) + " |" for row in self.rows]
        return "\n".join([*lines, *(f"\n{markdown(note)}" for note in self.notes)])

    def __str__(self) -> str:
        rows = [[_plain(cell) for cell in row] for row in (self.head, *self.rows)] if self.rows else []
        widths = [max(len(row[i]) for row in rows) for i in range(len(self.head))] if rows else []
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([_plain(self.title), *(f"  {line}" for line in lines), *map(_plain, self.notes)])

    __repr__ = __str__


@dataclass(frozen=True)
class Chart:
    """A small line chart without scripts. points: seconds, value, failures; unit: of the value; limit: a line."""

    title: str
    points: Sequence[Sequence[float]]
    unit: str = "ms"
    limit: float | None = None

    WIDTH = 560
    HEIGHT = 120

    def svg(self) -> str:
        """The chart as an inline SVG element; empty without points."""
        if not self.points:
            return ""
        last = max(self.points[-1][0], 0.001)
        top = max([*(point[1] for point in self.points), self.limit or 0, 1.0]) * 1.1
        spots = [(20 + point[0] / last * (self.WIDTH - 30), self._y(point[1], top), point[2]) for point in self.points]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in spots)
        dots = "".join(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{_TINTS["bad"] if failures else _TINTS["good"]}"/>'
            for x, y, failures in spots
        )
        limit = ""
        if self.limit is not None:
            y = self._y(self.limit, top)
            limit = (
                f'<line x1="20" x2="{self.WIDTH - 10}" y1="{y:.1f}" y2="{y:.1f}" '
                f'stroke="{_TINTS["bad"]}" stroke-dasharray="4 3"/>'
            )
        label = _html(self._label(last))
        return (
            f'<svg role="img" aria-label="{label}" viewBox="0 0 {self.WIDTH} {self.HEIGHT}" '
            f'width="{self.WIDTH}" style="max-width:100%"><title>{label}</title>{limit}'
            f'<polyline points="{line}" fill="none" stroke="#0969da" stroke-width="1.5"/>{dots}'
            f'<text x="20" y="12" font-size="11" fill="currentColor">{label}</text></svg>'
        )

    def _label(self, seconds: float) -> str:
        """What the chart shows, in words: for those who do not see it, and not its colours."""
        highest = max(point[1] for point in self.points)
        limit = f" (limit {self.limit:.0f})" if self.limit is not None else ""
        bad = sum(1 for point in self.points if point[2])
        errors = f"errors in {bad} of {len(self.points)} samples" if bad else "no errors"
        return f"{self.title} over {seconds:.0f} s: at most {highest:.0f} {self.unit}{limit}, {errors}"

    def _y(self, value: float, top: float) -> float:
        return self.HEIGHT - 8 - value / top * (self.HEIGHT - 28)


def _html(text: str) -> str:
    return escape(printable(mask(text), CELL_LIMIT), quote=True)


def _region(title: str, content: str) -> str:
    """A table that scrolls by itself where it is wider than the page, with the keyboard too."""
    return (
        f'<div role="region" aria-label="{_html(title)}" tabindex="0" style="overflow-x:auto">'
        f"<table>{content}</table></div>"
    )


def _html_cell(text: str) -> str:
    """A cell; what is short stays on one line, words that say how it is are badges."""
    width = "white-space:nowrap" if len(text) <= ON_ONE_LINE else _LONG
    words = text.split(", ")
    content = ", ".join(map(badge, words)) if _TINTS.keys() >= set(words) else _html(text)
    return f"<td style='text-align:left;{width}'>{content}</td>"


def badge(text: str, word: str = "") -> str:
    """Text as HTML on a ground of its own, coloured as its word says ("bad"), which reads on every page, dark or light.
    word: the text itself where it is empty."""
    style = f"background:{_TINTS[word or text]};color:#fff;font-weight:600;padding:0 .4em;border-radius:.25em"
    return f"<span style='{style}'>{_html(text)}</span>"


def markdown(text: str, limit: int = CELL_LIMIT) -> str:
    """Text from outside as Markdown that shows it as it is, on one line, cut to `limit` characters."""
    return printable(mask(text), limit).translate(_MARKDOWN)


def _plain(text: str) -> str:
    return printable(mask(text), CELL_LIMIT)
