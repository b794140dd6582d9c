"""What somebody has to take back one day."""

from __future__ import annotations

import pytest

from runbook_lib.run.in_force import in_force
from runbook_lib.run.journal import Journal

ON = {"what": "maintenance mode", "environment": "shop/production", "undo": "papermill off"}


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path)


def test_nothing_is_in_force_at_first(journal):
    assert in_force(journal) == []


def test_what_was_put_in_force_stays_until_it_is_lifted(journal):
    journal.append("r1", "put in force", ON)
    assert [str(item).split(" since ")[0] for item in in_force(journal)] == [
        "maintenance mode is in force in shop/production"
    ]
    journal.append("r2", "lifted", {"what": ON["what"], "environment": ON["environment"]})
    assert in_force(journal) == []


def test_it_says_who_put_it_in_force_first_and_how_it_is_taken_back(journal):
    journal.append("r1", "put in force", ON)
    journal.append("r2", "put in force", ON)
    [item] = in_force(journal)
    assert "(run r1); undo: papermill off" in str(item)


def test_one_environment_is_told_from_another(journal):
    journal.append("r1", "put in force", ON)
    journal.append("r1", "put in force", {**ON, "environment": "shop/staging"})
    journal.append("r2", "lifted", {"what": ON["what"], "environment": "shop/staging"})
    assert len(in_force(journal, "shop/production")) == 1
    assert in_force(journal, "shop/staging") == []
