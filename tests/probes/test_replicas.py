"""Which release is live on each host or replica."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from runbook_lib.errors import CommandError, PlatformError
from runbook_lib.platforms.base import Release
from runbook_lib.probes.replicas import on_release

GOOD, BAD = Release("v1.4.2", "a" * 40), Release("v1.5.0", "b" * 40)


def platform(current):
    return SimpleNamespace(current=current)


def test_a_replica_on_another_release_is_bad():
    readings = on_release(platform(lambda: {"web-1": GOOD, "web-2": BAD}), GOOD)
    assert [(reading.place, reading.ok) for reading in readings] == [("web-1", True), ("web-2", False)]
    assert readings[1].saw == "runs v1.5.0 (bbbbbbbbbbbb)"


def test_a_moved_tag_is_another_release():
    (reading,) = on_release(platform(lambda: {"web-1": Release("v1.4.2", "c" * 40)}), GOOD)
    assert not reading.ok


@pytest.mark.parametrize("error", [PlatformError("no engine"), CommandError("no ssh")])
def test_a_platform_that_cannot_be_read_is_a_bad_reading(error):
    def unreadable():
        raise error

    (reading,) = on_release(platform(unreadable), GOOD)
    assert (reading.ok, reading.saw) == (False, error.message)


def test_no_replica_at_all_is_a_bad_reading():
    readings = on_release(platform(dict), GOOD)
    assert [reading.ok for reading in readings] == [False]
