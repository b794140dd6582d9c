"""Review an incident: its post-mortem from the journal, the meeting, and what its notes change in the runbooks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from runbook_lib import config
from runbook_lib.actions.opening import configuration
from runbook_lib.actions.procedure import Procedure, begin, target_of
from runbook_lib.config import Loaded
from runbook_lib.display import Table
from runbook_lib.errors import IncidentError
from runbook_lib.incident import meeting as meetings
from runbook_lib.incident import postmortem, proposal
from runbook_lib.incident.delivery import Post, lock_name
from runbook_lib.incident.follow_ups import FollowUp, agree, follow_ups
from runbook_lib.incident.followed import followed
from runbook_lib.incident.impact import impact
from runbook_lib.incident.messages import Words, span, utc
from runbook_lib.incident.record import incident_of, incidents
from runbook_lib.incident.story import Story, story
from runbook_lib.incident.telling import Errand, Telling
from runbook_lib.incident.timeline import timeline
from runbook_lib.run import gate
from runbook_lib.run.in_force import InForce, in_force
from runbook_lib.run.journal import Journal
from runbook_lib.run.plan import Plan, Section, Snapshot, Step

RUNBOOK = "review"


@dataclass
class Review(Procedure):
    """The procedure of review.ipynb, a method for each of its sections."""

    incident: str
    beside: bool
    meeting: meetings.Meeting | None
    propose: bool

    @classmethod
    def open(
        cls,
        incident: str = "",
        service: str = "",
        environment: str = "production",
        meeting: str = "",
        minutes: int = 60,
        place: str = "",
        attendees: str = "",
        propose: bool = True,
        beside: bool = False,
        approve: str = "",
        dry_run: bool = False,
    ) -> Review:
        """Begin a review, or continue the unfinished one of the same command.

        incident: its id; empty: the last one of this environment. service: empty when there is only one. environment:
        where. meeting: when it is talked over, 2026-03-02T10:00; empty: no meeting. minutes, place, attendees (mail
        addresses, separated by commas): of the meeting. propose: turn notes about runbooks into branches. beside: write
        a further post-mortem where there is one. approve: digest of a plan approved beforehand. dry_run: plan only.
        Raises ParameterError, ConfigurationError, IncidentError, LockHeldError, JournalError.
        """
        target = target_of(service, environment)
        one = _incident(Journal(target.state), target.label, incident)
        people = [who.strip() for who in attendees.split(",") if who.strip()]
        when = meetings.meeting(one, f"Review of {one}", meeting, minutes, place, people) if meeting else None
        parameters = {
            "meeting": meeting,
            "minutes": minutes,
            "place": place,
            "attendees": attendees,
            "propose": propose,
            "beside": beside,
        }
        run = begin(RUNBOOK, target, parameters, same=(*parameters, "incident"), incident=one, dry_run=dry_run)
        return cls(run, target, approve, one, beside, when, propose)

    # -- what the record says -----------------------------------------------------------------------------------

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

    def follow_up(self, text: str, owner: str, due: str) -> str:
        """Agree on something to be done. due: YYYY-MM-DD. IncidentError."""
        one = agree(self.run.journal, self.incident, text, owner, due)
        return f"{one.id}: {one.text} ({one.owner}, {one.due})"

    @property
    def _in_force(self) -> list[InForce]:
        return in_force(self.run.journal, self._story.incident.environment)

    @property
    def _follow_ups(self) -> list[FollowUp]:
        return follow_ups(self.run.journal, self.incident)

    # -- the plan -----------------------------------------------------------------------------------------------

    def gate(self) -> str:
        """Ask for approval as communication.approval, else the environment's policy, says, where people are told or
        a branch is pushed; what stays in this folder needs none."""
        table = self.target.communication
        approval = (table.approval if table else None) or self.target.environment.approval
        plan = self.run.plan
        leaves = plan is not None and bool(plan.snapshot["told"] or plan.snapshot["pushed"])
        terms = gate.Terms(approval.policy if leaves else "none", approval.expires, approval.wait, self.word)
        return f"approved by {self.run.approve(terms, self.given)}"

    def write(self) -> str:
        """Write the post-mortem and the calendar file, tell who is invited, make the branches."""
        return self.apply()

    def close(self) -> str:
        """End the run; the summary names what a person does next."""
        self.run.suggest(f"complete {self._file}, then talk it over")
        return self.run.close()

    @cached_property
    def _loaded(self) -> Loaded:
        return configuration()

    @property
    def _home(self) -> Path:
        """The project that people work in: not the practice environment's own folder."""
        return config.home()

    @property
    def _folder(self) -> Path:
        return self._home / self._loaded.configuration.review.folder.expanduser()

    @property
    def _file(self) -> Path:
        return self._folder / postmortem.file_name(self._story)

    def _read(self) -> Snapshot:
        plan = self.run.plan
        # Asked again right before the first step, when the answer is part of what was approved.
        fresh = plan.snapshot["fresh"] if plan else self.beside or not self._file.exists()
        remote = self._loaded.configuration.review.remote
        notes, unproposed = self._notes()
        if not (fresh or notes or self.meeting):
            raise IncidentError(
                f"there is a post-mortem {self._file} already; it stays as it is",
                next_step="complete that one, or write another beside it: -p beside true",
            )
        invited = [[e.message.audience, e.channel] for e in self._errands] if self.meeting else []
        return {
            "incident": self.incident,
            "file": str(self._file),
            "fresh": fresh,
            "notes": {name: [vars(note) for note in about] for name, about in notes.items()},
            "meeting": str(self.meeting) if self.meeting else "",
            "told": invited,
            "pushed": remote if notes else "",
            "unproposed": unproposed,
        }

    def _notes(self) -> tuple[dict[str, list[proposal.Remark]], list[str]]:
        """The notes that become branches, and why others do not."""
        found = proposal.remarks(self._story) if self.propose else {}
        reasons = {name: proposal.obstacle(self._home, name) for name in found}
        kept = {name: notes for name, notes in found.items() if not reasons[name]}
        return kept, [f"notes about {name} stay in the post-mortem: {why}" for name, why in reasons.items() if why]

    def _build(self, snapshot: Snapshot) -> Plan:
        there = f"there is a post-mortem {snapshot['file']} already; it stays as it is"
        sections = (
            self._section("post-mortem", [self._postmortem_step()], "" if snapshot["fresh"] else there),
            self._section("meeting", list(self._meeting_steps()), "no meeting is set"),
            self._section("proposals", list(self._proposals(snapshot)), "no note is about a runbook"),
        )
        warnings = (*([] if snapshot["fresh"] else [there]), *snapshot["unproposed"])
        return Plan(f"Review {self.incident} of {self.target.label}", sections, snapshot, warnings)

    def _section(self, name: str, steps: list[Step], without: str) -> Section:
        """A part of the review; without: why there is nothing to do where there is no step, or none is wanted."""
        there = name == "post-mortem" and bool(without)
        skipped = without if there or not steps else ""
        return Section(name, lock_name(self.target.label), f"{name} of {self.incident}", tuple(steps), skipped=skipped)

    def _postmortem_step(self) -> Step:
        return Step(
            "post-mortem.write",
            "write the post-mortem",
            self._write,
            lambda: self._is_written or None,
            shows=(str(self._file),),
            repeatable=True,
            no_undo="it is a new file",
        )

    def _write(self) -> str:
        text = postmortem.text(self._story, self._follow_ups, self._in_force)
        file = postmortem.write(self._folder, self._story, text, beside=self.beside)
        self.run.record("post-mortem written", incident=self.incident, file=str(file))
        return str(file)

    @property
    def _is_written(self) -> bool:
        """Whether this run has written it; killed right after, it finds a file and leaves it."""
        return any(True for _ in self.run.journal.events(self.run.id, "post-mortem written"))

    def _meeting_steps(self) -> Iterator[Step]:
        if self.meeting is None:
            return
        file = self._file.with_suffix(".ics")
        yield Step(
            "meeting.calendar",
            "write the calendar file",
            lambda: self._invite(file),
            lambda: None,
            shows=(str(file), str(self.meeting)),
            repeatable=True,
            no_undo="it is a file",
        )
        post = self._telling.post(self.run.id)
        yield from (self._invitation(errand, post) for errand in self._errands)

    def _invite(self, file: Path) -> str:
        assert self.meeting is not None  # noqa: S101 - only where there is one
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(self.meeting.ics(datetime.now(UTC)).encode())
        return str(file)

    def _invitation(self, errand: Errand, post: Post) -> Step:
        said = errand.message
        return Step(
            f"meeting.invite.{said.audience}.{errand.channel}",
            f"invite {said.audience} over {errand.channel}",
            lambda: str(errand.run(post)),
            lambda: post.standing(said, errand.channel) == "sent" or None,
            host=errand.channel,
            shows=(said.text,),
            repeatable=True,
            no_undo="what was said was said",
        )

    @cached_property
    def _telling(self) -> Telling:
        return Telling(self._loaded, self.target, self.run.journal, self._story.incident)

    @cached_property
    def _errands(self) -> list[Errand]:
        words = Words(meeting=str(self.meeting))
        one = self._story.incident
        return self._telling.errands(self._telling.messages("review", words, one.closed or one.declared))

    def _proposals(self, snapshot: Snapshot) -> Iterator[Step]:
        for runbook, notes in snapshot["notes"].items():
            yield Step(
                f"proposals.{runbook}",
                f"propose a change of {runbook} on a branch",
                lambda name=runbook, about=notes: self._proposed(name, about),  # type: ignore[misc]
                lambda name=runbook: self._is_proposed(name),  # type: ignore[misc]
                shows=tuple(note["text"] for note in notes),
                no_undo="a branch that is not merged changes nothing",
            )

    def _proposed(self, runbook: str, notes: list[dict[str, Any]]) -> str:
        remote = self._loaded.configuration.review.remote
        about = [proposal.Remark(**note) for note in notes]
        made = proposal.propose(self._home, self.incident, runbook, about, remote)
        told = [note["text"] for note in notes]
        self.run.record("change proposed", incident=self.incident, notes=told, **vars(made))
        print(made)
        return f"branch {made.branch}, {made.pushed}"

    def _is_proposed(self, runbook: str) -> bool:
        """Whether this run has proposed it: a branch made right before a kill is made again under the next number."""
        made = self.run.journal.events(self.run.id, "change proposed")
        return any(event.data["runbook"] == runbook for event in made)


def _incident(journal: Journal, label: str, named: str) -> str:
    """The incident that is meant. IncidentError."""
    if named:
        return incident_of(journal, named).id
    there = incidents(journal, label)
    if not there:
        raise IncidentError(f"{label} had no incident", next_step="name the environment: -p environment NAME")
    return there[-1].id


def _ms(value: float | None) -> str:
    return f"{value:.0f} ms" if value is not None else ""
