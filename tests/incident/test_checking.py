"""Whether people could be told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runbook_lib.config import Loaded
from runbook_lib.incident.checking import check
from tests.incident.conftest import audience
from tests.incident.receivers import Receiver


def checked(loaded: Loaded) -> list[tuple[str, str, str]]:
    table = loaded.target().communication
    assert table is not None
    return list(check(table, loaded.root))


def test_channels_that_can_be_used_are_good_and_get_nothing(
    configured: Callable[..., Loaded], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT", f"json://{receiver.address}")
    assert checked(configured(audience("team", "CHAT"))) == [("team", "CHAT", "")]
    assert receiver.got == []


def test_what_is_missing_or_wrong_is_named_without_its_secret(
    configured: Callable[..., Loaded], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRONG", "nosuch://T0kenThatNobodyMaySee")
    own = "[services.shop.communication.templates.update]\nfile = 'missing.txt'\n"
    found = checked(configured(audience("team", "NOT_SET", "WRONG") + own))
    assert [(name, what, bool(wrong)) for name, what, wrong in found] == [
        ("team", "NOT_SET", True),
        ("team", "WRONG", True),
        ("team", "template update", True),
    ]
    assert "T0ken" not in str(found)
