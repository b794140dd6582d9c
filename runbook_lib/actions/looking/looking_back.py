"""What the record says of an incident, once it is over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from runbook_lib.actions.procedure import Procedure
from runbook_lib.display import Table
from runbook_lib.incident import postmortem
from runbook_lib.incident.follow_ups import FollowUp, follow_ups
from runbook_lib.incident.followed import followed
from runbook_lib.incident.impact import impact
from runbook_lib.incident.messages import span, utc
from runbook_lib.incident.record import incident_of
from runbook_lib.incident.story import Story, story
from runbook_lib.incident.timeline import timeline
from runbook_lib.run.in_force import InForce, in_force


@dataclass
class LookingBack(Procedure):
    """A procedure about one incident, with a table for each thing that the record tells of it. incident: its id."""

    incident: str

    @cached_property
    def _story(self) -> Story:
        return story(self.run.journal, incident_of(self.run.journal, self.incident))

    def times(self) -> Table:
        """When it began, was detected, declared, decided, mitigated, verified and closed, and how long each took."""
        moments = self._story.moments
        rows = [
            (name, utc(at) if (at := getattr(moments, name)) else "not in the record") for name in postmortem.MOMENTS
        ]
        notes = [f"{postmortem.DURATIONS[name]}: {span(seconds)}" for name, seconds in moments.seconds.items()]
        return Table(str(self._story.incident), ("moment", "time"), rows, notes)

    def timeline(self) -> Table:
        """What happened, in order."""
        rows = [(postmortem.utc_seconds(line.at), line.who, line.what) for line in timeline(self._story)]
        return Table("Timeline (UTC)", ("time", "who", "what"), rows)

    def impact(self) -> Table:
        """The impact in numbers, with a chart of what was observed."""
        found = impact(self._story)
        lasted = f"it lasted {span(found.seconds)}" if found.seconds is not None else "it is not over yet"
        rows = [
            (utc(look.at), look.verdict, str(look.requests), str(look.errors), _ms(look.p95_ms))
            for look in found.looks[-20:]
        ]
        head = ("observed", "verdict", "requests", "failed", "p95")
        return Table("Impact", head, rows, (lasted, *found.lines()), next(iter(found.charts()), None))

    def steps(self) -> Table:
        """How each runbook was followed: steps done, failed, skipped, deviations."""
        told = [followed(one) for one in self._story.runs.values() if one.run != self.run.id]
        rows = [
            (one.runbook, one.ended, str(len(one.done)), *map("; ".join, (one.failed, one.skipped, one.deviations)))
            for one in told
        ]
        head = ("runbook", "ended", "done", "failed", "skipped", "deviated")
        return Table("How the runbooks were followed", head, rows, () if rows else ("no runbook was run",))

    def standing(self) -> Table:
        """Mitigations that are still in force, and follow-ups agreed on."""
        rows = [("in force", str(item)) for item in self._in_force]
        rows += [(f"follow-up {one.id}", f"{one.text} ({one.owner}, {one.due})") for one in self._follow_ups]
        return Table("What is left", ("", ""), rows, () if rows else ("nothing is in force, nothing agreed on",))

    @property
    def _in_force(self) -> list[InForce]:
        return in_force(self.run.journal, self._story.incident.environment)

    @property
    def _follow_ups(self) -> list[FollowUp]:
        return follow_ups(self.run.journal, self.incident)


def _ms(value: float | None) -> str:
    return f"{value:.0f} ms" if value is not None else ""
