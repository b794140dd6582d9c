"""Updates that are driven by runs: mitigated when what they changed holds, verified when an observation passed.

It listens to a run's events and sends from a thread of its own: a slow channel holds up no rollback. Whatever goes
wrong here is in the journal and stops nothing.
"""

from __future__ import annotations

import threading

from runbook_lib.config import Loaded, Phase, Target
from runbook_lib.errors import RunbookError
from runbook_lib.incident.messages import Words
from runbook_lib.incident.record import Incident, incident_of
from runbook_lib.incident.story import TALK
from runbook_lib.incident.telling import Telling
from runbook_lib.run import live
from runbook_lib.run.journal import Event, Journal

# Keeps users out: nobody would call that mitigated.
SILENT = (*TALK, "maintenance_mode")
ENDINGS = ("closed", "interrupted")


def listen(loaded: Loaded, target: Target, journal: Journal, run: str, runbook: str, incident: str) -> None:
    """Tell what this run does for its incident, as communication.automatic says; the component on status pages
    elsewhere follows in any case."""
    heard = any(isinstance(one, _Listener) and one.run == run for one in live.listeners)
    if incident and not heard and runbook not in SILENT and _anybody(loaded, target):
        live.listeners.append(_Listener(loaded, target, journal, run, incident))


def started(loaded: Loaded, target: Target, journal: Journal, incident: str) -> list[str]:
    """Tell that an incident was declared, where that is automatic; what came of it, a line each."""
    telling = Telling(loaded, target, journal, incident_of(journal, incident))
    automatic = target.communication is not None and target.communication.automatic
    if automatic:
        return [str(outcome) for outcome in telling.deliver_all("started", Words())]
    return telling.show_state()


def show(loaded: Loaded, target: Target, journal: Journal, incident: Incident) -> list[str]:
    """Let the component on pages elsewhere follow the record; what did not work, a line each."""
    return Telling(loaded, target, journal, incident).show_state()


def _anybody(loaded: Loaded, target: Target) -> bool:
    page = loaded.configuration.status_page
    automatic = target.communication is not None and target.communication.automatic
    return automatic or page.statuspage is not None or page.cachet is not None


class _Listener:
    """Hears the events of one run."""

    def __init__(self, loaded: Loaded, target: Target, journal: Journal, run: str, incident: str) -> None:
        self._loaded, self._target, self._journal = loaded, target, journal
        self.run, self._incident = run, incident
        self._begun: set[str] = set()
        self._thread: threading.Thread | None = None

    def __call__(self, event: Event) -> None:
        if event.run != self.run:
            return
        if event.kind == "step started":
            self._begun.add(event.data["section"])
        elif event.kind in ("verified", "observed") and event.data["environment"] == self._target.label:
            self._hear(event)
        elif event.kind in ENDINGS:
            live.listeners.remove(self)

    def _hear(self, event: Event) -> None:
        passed = event.data["verdict"] == "PASS"
        if event.kind == "observed":
            self._later("verified" if passed else "update")
        elif passed and event.data["section"] in self._begun:
            self._later("mitigated")

    def _later(self, phase: Phase) -> None:
        """Tell it from another thread, after what was told before. Not a daemon: the process ends when people were
        told."""
        self._thread = threading.Thread(target=self._tell_after, args=(self._thread, phase), name="messages")
        self._thread.start()

    def _tell_after(self, before: threading.Thread | None, phase: Phase) -> None:
        if before is not None:
            before.join()
        try:
            for line in self._tell(phase):
                print(line, flush=True)
        except (RunbookError, OSError) as error:
            print(f"nobody was told of {phase}: {getattr(error, 'message', error)}", flush=True)

    def _tell(self, phase: Phase) -> list[str]:
        """Tell it; what did not come through, a line each."""
        telling = Telling(self._loaded, self._target, self._journal, incident_of(self._journal, self._incident))
        automatic = self._target.communication is not None and self._target.communication.automatic
        if automatic and phase != "update":
            words = Words(doing=self._deed)
            return [str(one) for one in telling.deliver_all(phase, words, self.run) if not one.good]
        # An observation that failed is for people to put into words; the state shows by itself.
        return telling.show_state()

    @property
    def _deed(self) -> str:
        """What the run does, as its plan says."""
        planned = [event.data["facts"]["title"] for event in self._journal.events(self.run, "planned")]
        return str(planned[-1]) if planned else ""
