"""Reminding people of updates that are due."""

from __future__ import annotations

from dataclasses import replace

from runbook_lib.config import Loaded, Target
from runbook_lib.errors import RunbookError
from runbook_lib.incident import desk
from runbook_lib.incident.delivery import one_at_a_time
from runbook_lib.incident.due import Due, open_incidents, remind
from runbook_lib.incident.messages import Words, message
from runbook_lib.incident.telling import Telling
from runbook_lib.run.journal import Journal


def remind_all(here: Loaded, journal: Journal) -> list[str]:
    """Remind, once each, of every update that is due; a line on each, and on what did not come through."""
    found: list[str] = []
    for incident in open_incidents(journal):
        owed = desk.due_of(here, journal, incident)
        target = desk.target_of(here, incident.environment)
        if owed is not None and owed.over and not owed.reminded and target is not None:
            found += [str(owed), *_remind(here, target, journal, owed)]
    return found


def _remind(here: Loaded, target: Target, journal: Journal, owed: Due) -> list[str]:
    """Written down first: whoever is killed here has reminded somebody at most once."""
    remind(journal, owed)
    table = target.communication
    if table is None or table.remind not in table.audiences:
        return []
    telling = Telling(here, target, journal, owed.incident)
    plain = message(owed.incident, table, table.remind, "update", Words(), here.root)
    said = replace(
        plain,
        title=f"An update of {owed.incident.id} is due",
        text=str(owed),
        key=f"{plain.key} due {owed.promised}",
        phase="reminder",
    )
    try:
        with one_at_a_time(journal, target.label):
            outcomes = [errand.run(telling.post()) for errand in telling.errands({table.remind: said})]
    except RunbookError as error:
        return [f"nobody was reminded: {error.message}"]
    return [str(outcome) for outcome in outcomes if not outcome.good]
