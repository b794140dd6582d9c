"""The incident from a notebook: declare it, note what is seen and decided, see where it stands, close it."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.actions.opening import configuration
from runbook_lib.config import Loaded
from runbook_lib.display import Table
from runbook_lib.errors import IncidentError
from runbook_lib.incident import desk, record
from runbook_lib.incident.status import lines
from runbook_lib.run.journal import Journal


@dataclass(frozen=True)
class Incident:
    """One incident, as `runbook incident` has it. id: its name in the record."""

    loaded: Loaded
    journal: Journal
    id: str

    @classmethod
    def open(
        cls,
        title: str,
        severity: str = "SEV2",
        service: str = "",
        environment: str = "production",
        commander: str = "",
        began: str = "",
    ) -> Incident:
        """Declare it. title: what users notice. severity: SEV1 to SEV4. service: empty when there is only one.
        commander: who leads; empty: you. began: when the trouble began, 2026-03-01T13:50; empty: now.
        IncidentError, ConfigurationError, JournalError."""
        here = configuration()
        one, told = desk.open_incident(here, service, environment, title, severity, commander=commander, began=began)
        for line in told:
            print(line)
        return cls(here, Journal(here.state), one.id)

    @classmethod
    def join(cls, incident: str = "", service: str = "", environment: str = "production") -> Incident:
        """The one that is named; else that of RUNBOOK_INCIDENT, else the only open one of the environment.
        IncidentError when there is none."""
        here = configuration()
        journal, label = Journal(here.state), here.target(service, environment).label
        found = record.incident_for(journal, label, incident)
        if not found:
            raise IncidentError(f"not exactly one incident is open in {label}", next_step="name it, or declare one")
        return cls(here, journal, found)

    def note(self, text: str, about: str = "", step: str = "") -> str:
        """Write down what was seen or decided. about, step: the runbook that it says something of, and where in it.
        IncidentError."""
        record.note(self.journal, self.id, text, about=about, step=step)
        return f"noted in {self.id}"

    def change(self, severity: str = "", commander: str = "") -> str:
        """Give it another severity or commander. IncidentError."""
        return str(record.change(self.journal, self.id, severity=severity, commander=commander))

    def status(self) -> Table:
        """Where it stands: its times, what happened last, what is owed."""
        one = record.incident_of(self.journal, self.id)
        owed = desk.due_of(self.loaded, self.journal, one)
        first, *rest = lines(self.journal, one, owed)
        return Table(first, ("",), [(line,) for line in rest])

    def close(self, reason: str) -> str:
        """Write down that it is over. reason: how that is known. What is still in force is named. IncidentError."""
        one, left = desk.close(self.loaded, self.journal, self.id, reason)
        return "\n".join([f"closed {one}", *left])
