"""The incident from a notebook."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runbook_lib.actions.incident import Incident
from runbook_lib.config import Loaded
from runbook_lib.errors import IncidentError
from runbook_lib.incident.record import incident_of
from runbook_lib.run.journal import Journal
from tests.incident.conftest import SHOP, audience
from tests.incident.receivers import Receiver


def test_it_is_declared_noted_changed_and_closed(configured: Callable[..., Loaded], journal: Journal) -> None:
    configured()
    one = Incident.open("checkouts fail", "SEV1", began="2026-01-01T10:00+00:00")
    one.note("the cache was cold", about="rollback", step="4")
    assert "SEV3" in one.change(severity="SEV3")
    assert "the cache was cold" in str(one.status())
    assert "closed" in one.close("verified")
    found = incident_of(journal, one.id)
    assert (found.environment, found.severity, found.began, found.open) == (SHOP, "SEV3", 1767261600.0, False)


def test_the_only_open_one_is_joined(configured: Callable[..., Loaded]) -> None:
    configured()
    one = Incident.open("checkouts fail")
    assert Incident.join().id == one.id
    one.close("verified")
    with pytest.raises(IncidentError, match="not exactly one"):
        Incident.join()


def test_people_are_told_where_that_is_automatic(
    configured: Callable[..., Loaded], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT", f"json://{receiver.address}")
    configured(audience("team", "CHAT") + "[services.shop.communication]\nautomatic = true\n")
    Incident.open("checkouts fail")
    assert len(receiver.got) == 1


def test_a_template_that_cannot_be_used_takes_no_declaration_back(
    configured: Callable[..., Loaded], journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    own = "[services.shop.communication.templates.started]\nfile = 'missing.txt'\n"
    configured(audience("team", "CHAT") + "[services.shop.communication]\nautomatic = true\n" + own)
    one = Incident.open("checkouts fail")
    assert incident_of(journal, one.id).open
    assert "nobody was told" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"severity": "high"}, "no severity"),
        ({"began": "yesterday"}, "is no time"),
        ({"began": "2999-01-01"}, "in the future"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_declared(
    configured: Callable[..., Loaded], journal: Journal, wrong: dict[str, str], said: str
) -> None:
    configured()
    with pytest.raises(IncidentError, match=said):
        Incident.open("checkouts fail", **wrong)  # type: ignore[arg-type]
    assert list(journal.events()) == []


def test_it_is_not_closed_without_a_reason(configured: Callable[..., Loaded]) -> None:
    configured()
    one = Incident.open("checkouts fail")
    with pytest.raises(IncidentError, match="with a reason"):
        one.close(" ")


def test_what_is_still_in_force_is_named_when_it_is_closed(configured: Callable[..., Loaded], journal: Journal) -> None:
    configured()
    one = Incident.open("checkouts fail")
    journal.append("r", "put in force", {"what": "rate limit", "environment": SHOP, "undo": "papermill x"})
    assert "rate limit is in force" in one.close("verified")
