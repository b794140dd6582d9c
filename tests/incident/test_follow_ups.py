"""What is to be done after an incident."""

from __future__ import annotations

import pytest

from runbook_lib.errors import IncidentError
from runbook_lib.incident.follow_ups import agree, done, follow_ups
from runbook_lib.incident.record import Incident
from runbook_lib.run.journal import Journal


def test_it_has_an_owner_and_a_day(journal: Journal, incident: Incident) -> None:
    one = agree(journal, incident.id, " alert earlier ", "ben", "2026-04-01")
    assert (one.text, one.owner, one.due, one.done) == ("alert earlier", "ben", "2026-04-01", False)
    assert follow_ups(journal, incident.id) == [one]
    assert follow_ups(journal, "INC-other") == []


def test_it_is_done_once_somebody_says_so(journal: Journal, incident: Incident) -> None:
    one = agree(journal, incident.id, "alert earlier", "ben", "2026-04-01")
    assert done(journal, one.id).done
    assert [found.done for found in follow_ups(journal)] == [True]


@pytest.mark.parametrize(
    ("text", "owner", "due", "said"),
    [
        ("", "ben", "2026-04-01", "who owns it"),
        ("x", " ", "2026-04-01", "who owns it"),
        ("x", "ben", "tomorrow", "is no day"),
        ("x", "ben", "2026-02-30", "is no day"),
        ("x", "ben", "", "is no day"),
    ],
)
def test_without_deed_owner_or_day_it_is_refused(
    journal: Journal, incident: Incident, text: str, owner: str, due: str, said: str
) -> None:
    with pytest.raises(IncidentError, match=said):
        agree(journal, incident.id, text, owner, due)
    assert follow_ups(journal) == []


def test_one_that_does_not_exist_names_those_there_are(journal: Journal, incident: Incident) -> None:
    one = agree(journal, incident.id, "alert earlier", "ben", "2026-04-01")
    with pytest.raises(IncidentError, match=one.id):
        done(journal, "FU-x")
