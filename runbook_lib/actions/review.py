"""Review an incident: its post-mortem from the journal, the meeting, and what its notes change in the runbooks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from runbook_lib import config
from runbook_lib.actions.looking.looking_back import LookingBack
from runbook_lib.actions.messaging import approval_of_words, message_step
from runbook_lib.actions.opening import configuration
from runbook_lib.actions.procedure import begin, target_of
from runbook_lib.config import Approval, Loaded
from runbook_lib.errors import IncidentError
from runbook_lib.incident import meeting as meetings
from runbook_lib.incident import postmortem, proposal
from runbook_lib.incident.delivery import Post, lock_name
from runbook_lib.incident.follow_ups import agree
from runbook_lib.incident.messages import Words
from runbook_lib.incident.record import incident_of, incidents
from runbook_lib.incident.telling import Errand, Telling
from runbook_lib.run.journal import Journal
from runbook_lib.run.plan import Plan, Section, Snapshot, Step

RUNBOOK = "review"


@dataclass
class Review(LookingBack):
    """The procedure of review.ipynb, a method for each of its sections."""

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

    def follow_up(self, text: str, owner: str, due: str) -> str:
        """Agree on something to be done. due: YYYY-MM-DD. IncidentError."""
        one = agree(self.run.journal, self.incident, text, owner, due)
        return f"{one.id}: {one.text} ({one.owner}, {one.due})"

    # -- the plan -----------------------------------------------------------------------------------------------

    @property
    def approval(self) -> Approval:
        """Who approves, where people are told or a branch is pushed; what stays in this folder needs nobody."""
        approval = approval_of_words(self.target)
        plan = self.run.plan
        leaves = plan is not None and bool(plan.snapshot["told"] or plan.snapshot["pushed"])
        return approval if leaves else approval.model_copy(update={"policy": "none"})

    def write(self) -> str:
        """Write the post-mortem and the calendar file, tell who is invited, make the branches. DeliveryError in the end
        when an invitation did not come through."""
        said = self.apply()
        with self.run.guarded():
            if self.meeting is not None and not self.run.dry_run:
                self._telling.refuse_missing(self._errands, self._telling.post(self.run.id))
        return said

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
        whom, channel = errand.message.audience, errand.channel
        return message_step(f"meeting.invite.{whom}.{channel}", f"invite {whom} over {channel}", errand, post)

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
        raise IncidentError(
            f"{label} had no incident",
            next_step="`runbook incident list` shows those of every environment; one that nobody declared is declared "
            "afterwards: `runbook incident open TITLE --began 2026-03-01T13:50`",
        )
    return there[-1].id
