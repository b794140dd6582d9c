"""A run as it happens, in a notebook: one display that is brought up to date, with a button that stops after the step
in hand. Where nothing can be displayed, the lines of runbook_lib.run.live are printed as always."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html import escape
from typing import Any

from runbook_lib.command import mask, printable
from runbook_lib.display import Chart, Table
from runbook_lib.notebook.offer import Offer
from runbook_lib.run import live
from runbook_lib.run.journal import Event
from runbook_lib.run.run import last_run

HEAD = ("section", "host", "step", "state", "took")

# What the cell that does it returns as a table.
_SHOWN = frozenset({"planned", "jobs counted", "looked", "diagnosed", "recommended"})

# The interrupt of the notebook server, which every front end with a server has; the request is the page's own.
_STOP = """
<button type="button" style="margin:.3em 0;padding:.3em 1em" onclick="(function(b){
var c=document.getElementById('jupyter-config-data');
var base=c?JSON.parse(c.textContent).baseUrl:'/';
var x=(document.cookie.match(/(?:^|; )_xsrf=([^;]*)/)||[])[1]||'';
fetch(base+'api/kernels/%s/interrupt',{method:'POST',credentials:'same-origin',headers:{'X-XSRFToken':x}})
.then(function(r){return r.ok},function(){return false}).then(function(ok){b.disabled=ok;
b.textContent=ok?'stopping after the step in hand':'use the interrupt of this program'});
})(this)">Stop after the step in hand</button>
"""


@dataclass
class Progress:
    """How far a run is. kernel: the kernel's id, for the button, or empty.

    planned: id, host and title of each step by section. earlier: rows of steps that were finished before the run was
    continued. steps: the rows of the section in hand, by step. expected:
    seconds that it took before. points: of the observation's chart. begun: whether anything was done that could be
    taken back.
    """

    kernel: str = ""
    planned: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    earlier: dict[str, list[str]] = field(default_factory=dict)
    steps: dict[str, list[str]] = field(default_factory=dict)
    title: str = ""
    expected: float = 0.0
    points: list[list[float]] = field(default_factory=list)
    began: float = 0.0
    over: bool = True
    begun: bool = False
    lines: list[str] = field(default_factory=list)

    def take(self, event: Event) -> bool:
        """Bring it up to date by one event; whether anything changed."""
        data = event.data
        match event.kind:
            case "opened" | "continued":
                self.planned, self.earlier, self.begun = {}, {}, False
                return False
            case "planned":
                self._plan(data["facts"])
                return False
            case "section started" | "going back" | "observing":
                self._begin(data)
            case "step started":
                self._step(data, "started", "")
            case "step finished":
                self._step(data, *_came(data))
            case "measured":
                self.points.append(data["point"])
            case "sampled":
                self.lines = [data["text"]]
            case "section finished" | "went back" | "observed" | "interrupted" | "closed":
                self.over = True
            case _:
                return False
        return True

    def _plan(self, facts: dict[str, Any]) -> None:
        self.planned = {
            section["name"]: [(step["id"], step["host"], step["title"]) for step in section["steps"]]
            for section in facts["sections"]
        }

    def _begin(self, data: dict[str, Any]) -> None:
        section = data["section"]
        self.title = data.get("title") or data.get("reason") or f"observing {section}"
        self.steps = {
            step: self.earlier.get(step, [section, host, title, "", ""])
            for step, host, title in self.planned.get(section, ())
            if "title" in data
        }
        self.expected, self.began, self.over = float(data.get("seconds", 0)), time.monotonic(), False
        self.points, self.lines = [], []

    def _step(self, data: dict[str, Any], state: str, took: str) -> None:
        self.begun = True
        self.steps[data["step"]] = _row(data, state, took)

    def recall(self, events: Iterable[Event]) -> None:
        """What a continued run did before: its plan, and the steps that are finished. events: of the run."""
        for event in events:
            if event.kind == "planned":
                self._plan(event.data["facts"])
            elif event.kind == "step finished":
                self.begun = True
                self.earlier[event.data["step"]] = _row(event.data, *_came(event.data))

    @property
    def words(self) -> str:
        """How far it is: steps, elapsed and expected time."""
        ended = sum(1 for row in self.steps.values() if row[3] not in ("", "started"))
        counted = f"{ended} of {len(self.steps)} steps, " if self.steps else ""
        expected = f" of about {self.expected:.0f} s" if self.expected >= 1 else ""
        return f"{counted}{time.monotonic() - self.began:.1f} s{expected}"

    @property
    def _table(self) -> Table:
        chart = Chart("slowest answer", self.points) if self.points else None
        head = HEAD if self.steps else ()
        return Table(f"{self.title}: {self.words}", head, list(self.steps.values()), tuple(self.lines), chart)

    def _repr_html_(self) -> str:
        button = _STOP % escape(self.kernel) if self.kernel and not self.over else ""
        return f'<div role="status" aria-live="polite">{self._table._repr_html_()}{button}</div>'

    def _repr_markdown_(self) -> str:
        return self._table._repr_markdown_()

    def __str__(self) -> str:
        rows = [f"  {row[2]}  {row[3]}  {row[4]}".rstrip() for row in self.steps.values()]
        return printable(mask(f"{self.title}: {self.words}"), 400) + "".join(f"\n{printable(row, 200)}" for row in rows)

    __repr__ = __str__


def _came(data: dict[str, Any]) -> tuple[str, str]:
    """How a step ended, and how long it took."""
    return data["outcome"], f"{data['seconds']:.1f} s"


def _row(data: dict[str, Any], state: str, took: str) -> list[str]:
    return [data["section"], data["host"], data["title"], state, took]


class Follower:
    """Listens to runs and keeps one display a section. display: makes a new display of a thing and returns what brings
    it up to date."""

    def __init__(self, display: Callable[[Any], Callable[[Any], None]], kernel: str) -> None:
        self._display = display
        self._progress = Progress(kernel)
        self._update: Callable[[Any], None] | None = None

    def __call__(self, event: Event) -> None:
        begins = event.kind in ("section started", "going back", "observing")
        if begins or event.kind in ("opened", "continued"):
            self._update = None
        if begins:
            self._recall(event.run)
        if not self._progress.take(event) or (self._update is None and not begins):
            text = live.line(event)
            if text is not None and event.kind not in _SHOWN:
                live.say(text)
            return
        if self._update is None:
            self._update = self._display(self._progress)
        else:
            self._update(self._progress)
        if event.kind == "interrupted" and self._progress.begun:
            self._display(Offer(event.data["reason"], last_run()))

    def _recall(self, name: str) -> None:
        """A run that another process began was planned there."""
        run = last_run()
        if not self._progress.planned and run is not None and run.id == name:
            self._progress.recall(run.journal.events(name))


def follow(display: Callable[[Any], Callable[[Any], None]], kernel: str) -> None:
    """Show runs of this process on the page from now on, instead of as lines."""
    live.listeners[:] = [one for one in live.listeners if not isinstance(one, Follower)]
    live.listeners.append(Follower(display, kernel))
    live.echo = False
