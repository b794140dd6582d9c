"""One drill from steady state to steady state: break, look, blame, follow what is recommended, take back, verify."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.drills.base import HOPS, Drill, World
from runbook_lib.drills.commands import Place, papermill
from runbook_lib.errors import DrillError, RunbookError
from runbook_lib.incident import record
from runbook_lib.run.in_force import in_force
from runbook_lib.run.journal import Event, Journal

Say = Callable[[str], None]

# Seconds within which a fault must show, and within which all must be well after what was done about it.
SHOWS_WITHIN = 30.0
STEADY_WITHIN = 45.0
TICK = 0.2
TITLE = "Drill: "


@dataclass
class Performance:
    """What a drill did so far. seconds: as Evidence has them; reason: why it failed, or empty."""

    drill: Drill
    began: float = field(default_factory=time.time)
    seconds: dict[str, float] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    incident: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    blamed: str = ""
    said: str = ""
    reason: str = ""
    broken: float | None = None

    def mark(self, name: str) -> None:
        """Note the time since the fault."""
        self.seconds[name] = round(time.time() - (self.broken or self.began), 2)


def perform(drill: Drill, world: World, place: Place, say: Say) -> Performance:
    """Carry a drill out. Whatever it fails of is its reason; the world is left as it is then."""
    done = Performance(drill)
    work = _Work(drill, world, place, Journal(world.target.state), done, say)
    try:
        work()
    except RunbookError as error:
        done.reason = error.message
    done.mark("total")
    return done


@dataclass
class _Work:
    drill: Drill
    world: World
    place: Place
    journal: Journal
    done: Performance
    say: Say

    def __call__(self) -> None:
        self._close_incidents("it was left by a drill that was ended")
        self.say("to the steady state")
        self.world.mend()
        with self._incident():
            self._carry_out(self.drill.before)
            self._break()
            event = self._run_the_runbook()
            self._follow(event)
            self._carry_out(self.drill.then)
            self.done.mark("mitigated")
            self._take_back()
            self._verify()
            self._carry_out(self.drill.after)

    # -- before -------------------------------------------------------------------------------------------------------

    @contextmanager
    def _incident(self) -> Iterator[None]:
        """An incident for a drill whose commands name one; closed whatever comes of it."""
        words = [*map(str, self.drill.parameters.values()), *(word for c in self._all_commands for word in c)]
        if not any("{incident}" in word for word in words):
            yield
            return
        title = f"{TITLE}{self.drill.name}"
        self.done.incident = record.declare(
            self.journal, self.world.target.label, title, "SEV3", drill=self.drill.name
        ).id
        try:
            yield
        finally:
            self._close_incidents("the drill is over")

    @property
    def _all_commands(self) -> tuple[tuple[str, ...], ...]:
        return (*self.drill.before, *self.drill.then, *self.drill.after)

    def _close_incidents(self, reason: str) -> None:
        for one in record.incidents(self.journal, self.world.target.label):
            if one.open and one.title.startswith(TITLE):
                record.close(self.journal, one.id, reason)

    def _break(self) -> None:
        self.done.broken = time.time()
        fault = self.drill.fault
        if not fault:
            return
        self.done.said = self.world.break_(fault)
        self.done.broken = time.time()
        self.say(self.done.said)
        deadline = time.monotonic() + SHOWS_WITHIN
        while not self.world.shows(fault):
            if time.monotonic() > deadline:
                raise DrillError(f"{fault} does not show within {SHOWS_WITHIN:.0f} s")
            time.sleep(TICK)
        self.done.mark("detected")

    # -- the runbook, and what it recommends --------------------------------------------------------------------------

    def _run_the_runbook(self) -> Event | None:
        parameters = {name: self._filled(value) for name, value in self.drill.parameters.items()}
        self.done.parameters = {"environment": self.world.target.name, **parameters}
        event = self._command(papermill(self.drill.runbook, list(self.done.parameters.items())))
        self.done.mark("decided")
        self._judge(event)
        return event

    def _judge(self, event: Event | None) -> None:
        """Whether the right cause was blamed: none when nothing is broken."""
        causes = event.data["causes"] if event else []
        self.done.blamed = str(causes[0]["name"]) if causes else ""
        wanted = self.drill.blames
        if event and not self.drill.fault and causes:
            raise DrillError(f"nothing was broken and {self.done.blamed} was blamed: {causes[0]['title']}")
        if wanted and self.done.blamed not in wanted:
            raise DrillError(f"{self.done.blamed or 'no cause'} was blamed, and not {' or '.join(wanted)}")

    def _follow(self, event: Event | None) -> None:
        """Run the first recommendation exactly as it was printed, and the one of that, until all is well."""
        for _ in range(HOPS):
            if event is None or self._acted:
                return
            causes = event.data["causes"]
            command = str(causes[0]["command"]) if causes else ""
            if not command:
                return
            event = self._command(shlex.split(command))

    @property
    def _acted(self) -> bool:
        """Whether the runbook itself carried the recommendation out."""
        return bool(self.drill.parameters.get("action")) and bool(self.drill.blames)

    def _command(self, argv: list[str]) -> Event | None:
        """Run a command; what it diagnosed last, or None."""
        before = self.journal.newest()
        self.say(shlex.join(argv))
        try:
            self.place.run(argv, self.drill.name)
        finally:
            events = list(self.journal.events(after=before))
            self.done.runs += [run for run in dict.fromkeys(event.run for event in events) if run]
        found = [event for event in events if event.kind == "diagnosed"]
        return found[-1] if found else None

    # -- after --------------------------------------------------------------------------------------------------------

    def _take_back(self) -> None:
        """The outside recovers, and what was put in force is lifted by the command that the record names."""
        if self.drill.fault:
            self.world.ends(self.drill.fault)
        for item in in_force(self.journal, self.world.target.label):
            self._command(shlex.split(item.undo))
        if left := in_force(self.journal, self.world.target.label):
            raise DrillError(f"still in force: {left[0].what}")

    def _verify(self) -> None:
        deadline = time.monotonic() + STEADY_WITHIN
        while wrong := self.world.unsteady():
            if time.monotonic() > deadline:
                raise DrillError(f"not back in the steady state within {STEADY_WITHIN:.0f} s: {wrong}")
            time.sleep(TICK)
        self.done.mark("verified")

    def _carry_out(self, commands: Sequence[Sequence[str]]) -> None:
        for command in commands:
            self._command([self._filled(word) for word in command])

    def _filled(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return value.replace("{incident}", self.done.incident).replace("{good}", self.world.good)
