"""Where one stands before anything is done: which environment, what is live and how it is, who is at work there, what
is in force, what was left unfinished."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from html import escape

from runbook_lib.actions.procedure import target_of
from runbook_lib.config import Target
from runbook_lib.display import Table
from runbook_lib.incident.record import incidents
from runbook_lib.platforms import platform_of
from runbook_lib.probes.http import Client, places, routes
from runbook_lib.probes.together import Unseen, together
from runbook_lib.run.in_force import in_force
from runbook_lib.run.journal import Journal
from runbook_lib.run.lock import Locks, alive

# A look must not keep anybody waiting.
LOOK_SECONDS = 5.0
SHOWN = 5

_COLOURS = {"practice": "#1a7f37", "production": "#cf222e"}
_OTHER = "#9a6700"


@dataclass(frozen=True)
class Situation:
    """What was found. label: "shop/production"; practice: whether nothing real is touched; rows: what was looked at,
    what was seen, and "good", "bad", "ask" or nothing."""

    label: str
    practice: bool
    rows: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def banner(self) -> str:
        """What nobody must overlook."""
        name = self.label.rpartition("/")[2].upper()
        return f"PRACTICE: {self.label}, nothing real is touched" if self.practice else f"{name}: {self.label}"

    @property
    def colour(self) -> str:
        """Red for production, green for practice, amber for everything else."""
        return _COLOURS["practice"] if self.practice else _COLOURS.get(self.label.rpartition("/")[2], _OTHER)

    @property
    def _table(self) -> Table:
        return Table("Where you stand", ("", "seen", ""), self.rows)

    def _repr_html_(self) -> str:
        style = f"background:{self.colour};color:#fff;font-weight:700;font-size:1.2em;padding:.5em .8em"
        return f'<div role="status" style="{style}">{escape(self.banner)}</div>{self._table._repr_html_()}'

    def _repr_markdown_(self) -> str:
        return f"**{self.banner}**\n\n{self._table._repr_markdown_()}"

    def __str__(self) -> str:
        return f"*** {self.banner} ***\n{self._table}"

    __repr__ = __str__


def situation(service: str = "", environment: str = "production", *, alive: bool = True) -> Situation:
    """Look at an environment, in a few seconds at most; what cannot be read is said. ConfigurationError.

    alive: look at what is live and how it is, too, and not only at the record.
    """
    target = target_of(service, environment)
    recorded = {"at work": _at_work, "in force": _in_force, "incident": _incidents, "unfinished": _unfinished}
    looks = {"release": _live, "health": _health, **recorded} if alive else recorded
    found = together({name: partial(look, target) for name, look in looks.items()}, LOOK_SECONDS)
    return Situation(target.label, is_practice(target), [row for name in looks for row in _rows(name, found[name])])


def is_practice(target: Target) -> bool:
    """Whether an environment is the built-in one."""
    from runbook_lib.practice import configuration_file

    return target.root.resolve() == configuration_file(target.root).parent.resolve()


Rows = list[tuple[str, str, str]]


def _rows(name: str, found: Rows | Unseen) -> Rows:
    return [(name, f"cannot be read: {found.why}", "ask")] if isinstance(found, Unseen) else found


def _live(target: Target) -> Rows:
    live: dict[str, list[str]] = {}
    for host, release in platform_of(target).current().items():
        live.setdefault(str(release), []).append(host)
    return [
        ("release", f"{release} on {', '.join(hosts)}", "" if len(live) == 1 else "bad")
        for release, hosts in live.items()
    ]


def _health(target: Target) -> Rows:
    environment = target.environment
    client = Client(min(environment.checks.timeout, LOOK_SECONDS - 1))
    readings = client.all(places(environment), routes(environment))
    wrong = [reading for reading in readings if not reading.ok]
    if not wrong:
        return [("health", f"{len(readings)} checks pass", "good")]
    return [("health", str(reading), "bad") for reading in wrong[:SHOWN]]


def _at_work(target: Target) -> Rows:
    holders = [holder for holder in Locks(Journal(target.state), "").holders([target.label]) if alive(holder)]
    return [("at work", str(holder), "ask") for holder in holders] or [("at work", "nobody", "")]


def _in_force(target: Target) -> Rows:
    return [("in force", str(item), "bad") for item in in_force(Journal(target.state), target.label)]


def _incidents(target: Target) -> Rows:
    return [("incident", str(one), "ask") for one in incidents(Journal(target.state), target.label) if one.open]


def _unfinished(target: Target) -> Rows:
    records = Journal(target.state).runs(20, unfinished=True)
    here = [record for record in records if record.environment == target.label]
    return [("unfinished", f"{record.run} is {record.status}", "ask") for record in here[:SHOWN]]
