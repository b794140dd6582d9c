"""The procedure of mitigate.ipynb: maintenance mode is an action like any other, every procedure names what is in
force, and so does the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from runbook_lib.actions import maintenance
from runbook_lib.actions.maintenance import Maintenance
from runbook_lib.actions.mitigation import Mitigation
from runbook_lib.cli import main
from runbook_lib.errors import ParameterError
from runbook_lib.incident.record import declare
from runbook_lib.run.in_force import in_force
from runbook_lib.run.journal import Journal
from tests.actions.application import Application, closing
from tests.actions.routes import serving

TEXT = """
[services.shop.environments.production]
platform = "git"
url = "{url}"
git = {{ path = "shop" }}
laravel = {{ database = "sqlite" }}
approval.policy = "none"
[services.shop.environments.production.levers.commands.block]
run = ["touch", "blocked"]
undo = ["rm", "-f", "blocked"]
done = ["test", "-e", "blocked"]
"""


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    application = Application()
    monkeypatch.setattr(maintenance, "platform_of", lambda target: application)
    monkeypatch.chdir(tmp_path)
    with serving() as routes:
        closing(routes, application)
        (tmp_path / "runbooks.toml").write_text(TEXT.format(url=routes.url))
        yield application


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / ".runbooks")


def mitigate(action: str, **parameters: Any) -> str:
    made = Mitigation.open(action, **parameters)
    made.plan()
    made.gate()
    made.apply()
    return made.close()


def listed(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["in-force", *words])
    return done.exit_code, done.output


def test_maintenance_mode_is_an_action_too(application: Application, journal: Journal) -> None:
    mitigate("maintenance")
    assert application.down == {"web-1", "web-2"}
    assert [item.what for item in in_force(journal)] == ["maintenance mode"]
    mitigate("maintenance", undo=True)
    assert (application.down, in_force(journal)) == (set(), [])


def test_without_an_action_they_are_named(application: Application, journal: Journal) -> None:
    with pytest.raises(ParameterError, match="no mitigation is called ''") as caught:
        mitigate("")
    for name in ("maintenance", "scale", "rate_limit", "block"):
        assert name in caught.value.next_step
    assert journal.runs() == []


def test_it_belongs_to_its_incident(application: Application, journal: Journal) -> None:
    incident = declare(journal, "shop/production", "checkout fails", "SEV1").id
    mitigate("block")
    [opened] = [event.data for event in journal.events(kind="opened") if event.data.get("runbook") == "mitigate"]
    assert opened["parameters"]["incident"] == incident


def test_every_procedure_names_what_is_in_force_before_its_own_warnings(application: Application) -> None:
    mitigate("block")
    notes = Maintenance.open("off", dry_run=True).plan().notes
    assert notes[0].startswith("block is in force in shop/production since")
    assert "the record knows of no maintenance mode" in notes[1]


def test_history_and_in_force_list_it_until_it_is_taken_back(application: Application) -> None:
    assert listed() == (0, "Nothing is in force.\n")
    mitigate("block")
    code, text = listed()
    assert (code, "its probe: in effect" in text) == (0, True)
    assert "! block is in force" in CliRunner().invoke(main, ["history"]).output
    mitigate("block", undo=True)
    assert listed("--check") == (0, "Nothing is in force.\n")


def test_a_watch_learns_of_it_by_the_status(application: Application, tmp_path: Path) -> None:
    mitigate("block")
    (tmp_path / "blocked").unlink()
    code, text = listed("--check", "--json")
    [one] = json.loads(text)
    assert (code, one["what"], one["in_effect"]) == (1, "block", False)
    assert one["undo"] == "papermill mitigate.ipynb -p action block -p undo true -p environment production"
    assert "before" not in one


def test_maintenance_mode_has_a_probe_as_well(application: Application) -> None:
    mitigate("maintenance")
    assert "its probe: in effect" in listed()[1]
    application.down.clear()
    assert "its probe: not in effect" in listed()[1]


def test_what_cannot_be_looked_at_is_said(application: Application, tmp_path: Path) -> None:
    mitigate("block")
    file = tmp_path / "runbooks.toml"
    file.write_text(file.read_text().replace("environments.production", "environments.canary"))
    assert "its probe: cannot be told: service shop has no environment 'production'" in listed()[1]


def test_a_plan_that_was_approved_beforehand_is_the_one_that_is_carried_out(
    application: Application, tmp_path: Path, journal: Journal
) -> None:
    file = tmp_path / "runbooks.toml"
    file.write_text(file.read_text().replace('policy = "none"', 'policy = "confirm"'))
    dry = Mitigation.open("block", dry_run=True)
    dry.plan()
    assert dry.run.plan is not None
    digest = dry.run.plan.digest
    dry.close()
    mitigate("block", approve=digest)
    assert len(in_force(journal)) == 1
