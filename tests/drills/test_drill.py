"""Drills in a practice environment, by the command that a user types."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_lib import practice
from runbook_lib.drills.evidence import read_all, source_digest
from runbook_lib.run.in_force import in_force
from runbook_lib.run.journal import Journal
from runbook_lib.run.lock import Locks

pytestmark = pytest.mark.slow

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
RUNBOOK = Path(sys.executable).parent / "runbook"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("drills")
    shutil.copytree(NOTEBOOKS, folder / "notebooks")
    yield folder
    practice.stop(folder)


def drill(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "RUNBOOK_INCIDENT": "INC-none"}
    return subprocess.run(
        [RUNBOOK, "drill", *words], cwd=project, env=env, capture_output=True, text=True, timeout=300, check=False
    )


def told(project: Path, name: str) -> dict[str, Any]:
    done = drill(project, name, "--json")
    (evidence,) = json.loads(done.stdout)
    assert (done.returncode == 0) == (evidence["status"] == "passed")
    return dict(evidence)


@pytest.mark.parametrize(
    ("name", "blamed"),
    [("cache-down", "cache-down"), ("bad-release", "bad-release"), ("error-spike", "third-party"), ("quiet", "")],
)
def test_the_cause_is_blamed_and_all_is_well_afterwards(project: Path, name: str, blamed: str) -> None:
    evidence = told(project, name)
    assert (evidence["reason"], evidence["status"]) == ("", "passed")
    assert evidence["blamed"] == blamed
    assert {at.health for at in practice.status(project).environments.values()} == {"healthy"}
    assert in_force(Journal(project / ".runbooks")) == []


def test_the_evidence_is_of_this_source_with_its_times_and_its_notebook(project: Path) -> None:
    told(project, "down")
    state = project / ".runbooks"
    (evidence,) = [one for one in read_all(state) if one.drill == "down"]
    assert evidence.digest == source_digest(json.loads((NOTEBOOKS / "triage.ipynb").read_text()))
    times = [evidence.seconds[name] for name in ("detected", "decided", "mitigated", "verified")]
    assert times == sorted(times)
    assert evidence.versions["papermill"]
    executed = json.loads((state / "drills" / evidence.notebook).read_text())
    assert any(cell.get("outputs") for cell in executed["cells"])
    environment = (state / "practice" / "production" / "shared" / ".env").read_text()
    secrets = [line.partition("=")[2] for line in environment.splitlines() if "_KEY=" in line]
    assert not any(secret in json.dumps(executed) for secret in secrets)


def test_its_runs_are_kept_apart_from_those_of_incidents(project: Path) -> None:
    evidence = told(project, "quiet")

    def history(*words: str) -> list[str]:
        done = subprocess.run([RUNBOOK, "history", "--json", *words], cwd=project, capture_output=True, check=True)
        return [record["run"] for record in json.loads(done.stdout)]

    assert not set(evidence["runs"]) & set(history())
    assert set(evidence["runs"]) <= set(history("--drills"))


def test_a_runbook_that_blames_the_wrong_cause_fails_its_drill(project: Path) -> None:
    triage = project / "notebooks" / "triage.ipynb"
    before = triage.read_text()
    notebook = json.loads(before)
    for cell in notebook["cells"]:
        if cell["id"] == "scope":
            cell["source"] = [*cell["source"], "\nobject.__setattr__(triage.seen, 'causes', ())"]
    triage.write_text(json.dumps(notebook))
    try:
        evidence = told(project, "workers-down")
    finally:
        triage.write_text(before)
    assert evidence["status"] == "failed"
    assert evidence["reason"] == "no cause was blamed, and not workers-down"


def test_the_projects_own_configuration_is_left_alone(project: Path) -> None:
    (project / "runbooks.toml").write_text("this is not even TOML")
    try:
        assert told(project, "maintenance-mode")["status"] == "passed"
    finally:
        (project / "runbooks.toml").unlink()


def test_two_drills_at_once_are_refused(project: Path) -> None:
    practice.mend(project)
    locks = Locks(Journal(project / ".runbooks"), "drill-other")
    locks.take(["drill"])
    try:
        done = drill(project, "down")
    finally:
        locks.release()
    assert done.returncode == 1
    assert "drill-other" in done.stderr
    assert {at.health for at in practice.status(project).environments.values()} == {"healthy"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("dwn",), "did you mean down"),
        ((), "name one drill, or --all"),
        (("down", "--all"), "name one drill, or --all"),
        (("down", "--on", "docker"), "needs --config"),
        (("port-taken", "--on", "docker"), "is not drilled on docker"),
    ],
)
def test_a_wrong_call_says_what_is_right(project: Path, words: tuple[str, ...], said: str) -> None:
    done = drill(project, *words)
    assert done.returncode == 1
    assert said in done.stderr
