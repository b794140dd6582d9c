"""rotate_secrets.ipynb and suspected_breach.ipynb in practice: as a user runs them, and no secret is seen."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import urllib.parse
from pathlib import Path

import pytest

from tests.notebooks.conftest import Project
from tests.rotation.processes import Processes

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def leaked(practice: Project) -> Project:
    """Practice whose .env was published."""
    done = practice.run("runbook", "practice", "break", "leaked-key")
    assert done.returncode == 0, done.stderr
    return practice


def shared(project: Project, environment: str = "production") -> Path:
    return project.root / ".runbooks/practice" / environment / "shared"


def key(project: Project, environment: str = "production") -> str:
    text = (shared(project, environment) / ".env").read_text()
    return str(re.search("^APP_KEY=(.*)$", text, re.MULTILINE)[1])  # type: ignore[index]


def nowhere(project: Project, values: list[str], done: subprocess.CompletedProcess[str], processes: Processes) -> None:
    """No value, in any form, was said, kept outside of the evidence, or seen in the process list."""
    texts = {"output": done.stdout + done.stderr, **processes.seen}
    for file in [*(project.root / ".runbooks").rglob("*"), *(project.root / "site").rglob("*")]:
        if file.is_file() and not {"practice", "evidence"} & set(file.parts):
            texts[str(file)] = file.read_bytes().decode("latin-1")
    assert any(name.endswith(".ipynb") for name in texts)
    forms = [form for value in values for form in (value, urllib.parse.quote(value, safe=""), value.encode().hex())]
    forms += [base64.b64encode(value.encode()).decode().rstrip("=") for value in values]
    assert {name for name, text in texts.items() if any(form in text for form in forms)} == set()


def test_a_breach_is_looked_into_and_its_recommendation_ends_it(leaked: Project) -> None:
    old = key(leaked)
    with Processes() as processes:
        done = leaked.run("papermill", "suspected_breach.ipynb")
    assert done.returncode == 0, done.stdout + done.stderr
    record = leaked.record()
    cause = next(event["data"] for event in record["events"] if event["kind"] == "diagnosed")["causes"][0]
    assert (cause["name"], cause["score"]) == ("leaked-key", 1.0)
    assert any("backup.env" in line for line in cause["for"])
    nowhere(leaked, [old], done, processes)

    evidence = leaked.root / ".runbooks/runs" / record["run"] / "evidence"
    summed = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=evidence, capture_output=True, check=False)
    assert summed.returncode == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in evidence.rglob("*"))

    with Processes() as processes:
        done = leaked.run(*cause["command"].split())
    assert done.returncode == 0, done.stdout + done.stderr
    new = key(leaked)
    assert new != old
    assert key(leaked, "staging") not in (old, new)
    nowhere(leaked, [old, new], done, processes)
    assert list((leaked.root / ".runbooks/secrets").iterdir()) == []


def test_a_dry_run_changes_nothing(practice: Project) -> None:
    before = key(practice)
    done = practice.run("papermill", "rotate_secrets.ipynb", "-p", "secret", "APP_KEY", "-p", "dry_run", "true")
    assert done.returncode == 0, done.stdout + done.stderr
    assert practice.last_run()["status"] == "planned"
    assert key(practice) == before


def test_an_unknown_secret_names_those_there_are(practice: Project) -> None:
    done = practice.run("papermill", "rotate_secrets.ipynb", "-p", "secret", "APP_KEI")
    assert done.returncode != 0
    assert "use one of: APP_KEY" in done.stdout + done.stderr


def test_an_action_that_is_none_is_refused(practice: Project) -> None:
    done = practice.run("papermill", "suspected_breach.ipynb", "-p", "action", "panic")
    assert done.returncode != 0
    assert "one of: recommended, revoke, rotate, maintenance" in done.stdout + done.stderr


@pytest.mark.parametrize("kinds", ["", "passport"])
def test_where_nothing_can_be_revoked_it_is_refused(practice: Project, kinds: str) -> None:
    done = practice.run("papermill", "suspected_breach.ipynb", "-p", "action", "revoke", "-p", "kinds", kinds)
    assert done.returncode == 1
    assert "the application has nothing that is known as" in done.stdout + done.stderr
    assert "set the table revocation" in done.stdout + done.stderr
    assert practice.last_run()["status"] == "refused"


def test_recommended_carries_it_out_in_a_run_of_its_own(leaked: Project) -> None:
    published = shared(leaked) / "storage/app/public/backup.env"
    published.write_text((shared(leaked) / ".env").read_text())
    old = key(leaked)
    done = leaked.run("papermill", "suspected_breach.ipynb", "-p", "action", "recommended")
    assert done.returncode == 0, done.stdout + done.stderr
    assert key(leaked) != old
    history = leaked.json("runbook", "history", "-n", "2")
    assert {record["status"] for record in history} == {"succeeded"}
    assert json.dumps(history).count("rotate_secrets") >= 1


def test_drills_and_the_site_made_of_them_show_no_key(practice: Project) -> None:
    shutil.copytree(ROOT / "docs", practice.root / "docs")
    shutil.copy(ROOT / "mkdocs.yml", practice.root)
    at_root = Project(practice.root, practice.root)
    assert at_root.run("runbook", "practice", "start").returncode == 0
    old = key(practice)
    with Processes() as processes:
        drills = [at_root.run("runbook", "drill", name) for name in ("suspected-breach", "leaked-key")]
        site = at_root.run("runbook", "site")
    for done in (*drills, site):
        assert done.returncode == 0, done.stdout + done.stderr
        nowhere(practice, [old], done, processes)
    assert "leaked-key" in (practice.root / "site/runbooks/suspected_breach/index.html").read_text()
