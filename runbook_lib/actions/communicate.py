"""Tell people: team, management, customers, and whoever reads the status page."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, get_args

from runbook_lib.actions.messaging import approval_of_words, message_step
from runbook_lib.actions.opening import configuration
from runbook_lib.actions.procedure import Procedure, begin, target_of
from runbook_lib.command import printable
from runbook_lib.config import Approval, Phase
from runbook_lib.display import Table
from runbook_lib.errors import IncidentError, ParameterError
from runbook_lib.incident.delivery import Post, lock_name
from runbook_lib.incident.due import due
from runbook_lib.incident.messages import Message, Words
from runbook_lib.incident.record import Incident, incident_for, incident_of
from runbook_lib.incident.story import story
from runbook_lib.incident.telling import Errand, Telling
from runbook_lib.run.journal import Journal
from runbook_lib.run.plan import Plan, Section, Snapshot, Step

RUNBOOK = "communicate"


@dataclass
class Communication(Procedure):
    """The procedure of communicate.ipynb, a method for each of its sections."""

    telling: Telling
    phase: Phase
    words: Words
    again: bool

    @classmethod
    def open(
        cls,
        phase: str = "update",
        service: str = "",
        environment: str = "production",
        impact: str = "",
        doing: str = "",
        expected: str = "",
        meeting: str = "",
        again: bool = False,
        approve: str = "",
        incident: str = "",
        dry_run: bool = False,
    ) -> Communication:
        """Begin telling people, or continue the unfinished run of the same command.

        phase: started, update, mitigated, verified or review. service: empty when there is only one. environment: of
        the incident. impact, doing, expected: in a sentence each, what users notice, what is being done, when it will
        be over. meeting: when the review is, for review. again: also send what was perhaps sent. approve: digest of a
        plan approved beforehand. incident: its id; empty: the only open one. dry_run: preview only.
        Raises ParameterError, ConfigurationError, LockHeldError, JournalError; IncidentError when there is no incident.
        """
        if phase not in get_args(Phase):
            raise ParameterError(
                f"{printable(phase, 40)!r} is no phase", next_step=f"it is one of {', '.join(get_args(Phase))}"
            )
        target = target_of(service, environment)
        journal = Journal(target.state)
        named = incident_for(journal, target.label, incident)
        if not named:
            raise IncidentError(
                f"there is no open incident in {target.label} to tell of, or more than one",
                next_step="declare one with `runbook incident open`, or name it: -p incident INC-...",
            )
        words = Words(impact, doing, expected, meeting)
        parameters = {"phase": phase, **words.facts, "again": again}
        same = (*parameters, "incident")
        run = begin(RUNBOOK, target, parameters, same=same, incident=named, dry_run=dry_run)
        telling = Telling(configuration(), target, journal, incident_of(journal, named))
        return cls(run, target, approve, telling, phase, words, again)  # type: ignore[arg-type]

    def situation(self) -> Table:
        """The incident, since when, what was told so far and when the next update is due."""
        with self.run.guarded():
            one, journal = self._incident, self.run.journal
            sent = [e.data for e in journal.events(kind="message sent") if e.data["incident"] == one.id]
            rows = [(data["phase"], data["audience"], data["channel"]) for data in sent]
            next_one = due(journal, self.target, one, self.telling.post().every)
        notes = [str(next_one)] if next_one else []
        return Table(str(one), ("told", "whom", "over"), rows, notes or ["no update is due"])

    def preview(self) -> Table:
        """The very words for each audience, and the channels that they go over."""
        plan = self.run.plan
        said = plan.snapshot["messages"] if plan else {}
        rows = [(name, about["title"], about["text"], ", ".join(about["channels"])) for name, about in said.items()]
        return Table("What is said", ("whom", "title", "text", "over"), rows)

    def send(self) -> str:
        """Send what was not sent: one step a channel, each written down before and after. A channel that fails stops
        none of the others; DeliveryError in the end, and the same command sends what is missing."""
        said = self.apply()
        with self.run.guarded():
            if not self.run.dry_run:
                self.telling.refuse_missing(self._errands(), self._post)
        return said

    def close(self) -> str:
        """End the run; the summary names when the next update is due, or the review after the last one."""
        self.run.suggest(self._next())
        return super().close()

    # -- the plan -----------------------------------------------------------------------------------------------

    @property
    def approval(self) -> Approval:
        """Who approves exactly these words."""
        return approval_of_words(self.target)

    @property
    def _incident(self) -> Incident:
        return self.telling.incident

    def _read(self) -> Snapshot:
        # As the record has it now: another severity means other words.
        self.telling = replace(self.telling, incident=incident_of(self.run.journal, self._incident.id))
        self._refuse_what_is_not_so()
        # The times in the words are those of the plan: what is approved is what is sent.
        at = self.run.plan.snapshot["at"] if self.run.plan else time.time()
        messages = self.telling.messages(self.phase, self.words, at)
        if not messages:
            raise IncidentError(
                f"nobody is told of {self.phase} in {self.target.label}",
                next_step="configure audiences: [services.NAME.communication] in runbooks.example.toml",
            )
        errands = self.telling.errands(messages)
        return {
            "incident": self._incident.id,
            "at": at,
            "messages": {
                name: {**vars(said), "channels": [one.channel for one in errands if one.message.audience == name]}
                for name, said in messages.items()
            },
        }

    def _refuse_what_is_not_so(self) -> None:
        """Nobody is told that it is over before something shows it."""
        if self.phase == "verified" and story(self.run.journal, self._incident).moments.verified is None:
            raise IncidentError(
                f"no observation of {self.target.label} has passed since {self._incident.id} began",
                next_step="show that it is over with verify.ipynb, or tell the phase mitigated",
            )

    def _build(self, snapshot: Snapshot) -> Plan:
        messages = {name: _message(about) for name, about in snapshot["messages"].items()}
        steps = tuple(self._step(errand) for errand in self.telling.errands(messages))
        section = Section("messages", lock_name(self.target.label), f"tell: {self.phase}", steps)
        return Plan(f"Tell of {snapshot['incident']} in {self.target.label}: {self.phase}", (section,), snapshot)

    def _step(self, errand: Errand) -> Step:
        said = errand.message
        name = f"messages.{said.audience}.{errand.channel}"
        title = f"{said.audience} over {errand.channel}: {said.title}"
        return message_step(name, title, errand, self._post, again=self.again)

    @property
    def _post(self) -> Post:
        return self.telling.post(self.run.id)

    def _errands(self) -> list[Errand]:
        """Those of the plan."""
        plan = self.run.plan
        messages = plan.snapshot["messages"] if plan else {}
        return self.telling.errands({name: _message(about) for name, about in messages.items()})

    def _next(self) -> str:
        if self.phase in ("verified", "review"):
            return self.target.command("review", incident=self._incident.id)
        next_one = due(self.run.journal, self.target, self._incident, self.telling.post().every)
        return str(next_one) if next_one else f"{self.target.command(RUNBOOK, phase='update')} when there is news"


def _message(about: dict[str, Any]) -> Message:
    return Message(**{name: value for name, value in about.items() if name != "channels"})
