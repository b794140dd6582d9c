"""The literal command in the practice environment, wherever it is started from; what is served is what counts."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.notebooks.conftest import Project

pytestmark = pytest.mark.slow

COMMAND = ("papermill", "rollback.ipynb", "-p", "tag", "v1.4.2", "-p", "window", "1")


def served(project: Project, environment: str = "production") -> str:
    url = project.json("runbook", "practice", "status")["environments"][environment]["url"]
    with urllib.request.urlopen(f"{url}/version", timeout=5) as answer:
        return str(json.load(answer)["version"])


@pytest.fixture
def bad(practice: Project) -> Project:
    """Practice with the bad release live."""
    environments = practice.json("runbook", "practice", "status")["environments"]
    if {about["release"] for about in environments.values()} == {"v1.5.0"}:
        return practice
    done = practice.run("runbook", "practice", "break", "bad-release")
    assert done.returncode == 0, done.stderr
    return practice


def in_a_terminal(project: Project) -> tuple[int, str]:
    """Run the command on a pseudo-terminal; its exit status and all that the terminal showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        COMMAND, cwd=project.notebooks, env=project.env(), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 65_536)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    os.close(ours)
    return process.wait(timeout=60), shown.decode()


def test_in_a_terminal(bad: Project) -> None:
    status, shown = in_a_terminal(bad)
    assert status == 0, shown
    assert "succeeded" in shown
    assert '"cells"' not in shown
    assert served(bad) == "v1.4.2"
    assert served(bad, "staging") == "v1.4.2"


def test_with_nothing_on_stdin(bad: Project) -> None:
    done = bad.run(*COMMAND)
    assert done.returncode == 0, done.stderr
    assert served(bad) == "v1.4.2"


def test_with_a_pipe_on_stdin_the_source_stays_as_it_is(bad: Project) -> None:
    source = (bad.notebooks / "rollback.ipynb").read_bytes()
    done = bad.run(*COMMAND, stdin=None, input="")
    assert done.returncode == 0, done.stderr
    assert served(bad) == "v1.4.2"
    assert (bad.notebooks / "rollback.ipynb").read_bytes() == source


def test_under_cron_without_any_terminal(bad: Project) -> None:
    done = subprocess.run(
        COMMAND,
        cwd=bad.notebooks,
        env={"PATH": bad.env()["PATH"], "HOME": "/nonexistent"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert served(bad) == "v1.4.2"


def test_with_an_output_path(bad: Project, tmp_path: Path) -> None:
    out = tmp_path / "out.ipynb"
    done = bad.run(*COMMAND[:2], str(out), *COMMAND[2:])
    assert done.returncode == 0, done.stderr
    assert json.loads(out.read_text())["cells"]
    assert served(bad) == "v1.4.2"


def test_leaves_notebook_page_and_record(bad: Project) -> None:
    assert bad.run(*COMMAND).returncode == 0
    folder = bad.root / ".runbooks" / "runs" / bad.last_run()["run"]
    assert {"rollback.ipynb", "page.html", "run.json"} <= {file.name for file in folder.iterdir()}
    page = (folder / "page.html").read_text()
    assert "<script" not in page
    assert "http://" not in page.replace("http://127.0.0.1", "").replace("http://www.w3.org", "")


def test_an_empty_tag_takes_the_last_known_good_release(bad: Project) -> None:
    done = bad.rollback("window", "0")
    assert done.returncode == 0, done.stderr
    assert served(bad) == "v1.4.2"


def test_a_target_that_turns_out_bad_is_left_again(bad: Project) -> None:
    assert bad.run(*COMMAND).returncode == 0
    marked = bad.run("runbook", "mark", "v1.5.0", "good", "--reason", "to see it fail")
    assert marked.returncode == 0, marked.stderr
    done = bad.rollback("tag", "v1.5.0", "window", "1")
    assert done.returncode == 1
    assert "what served before serves again" in done.stdout + done.stderr
    assert served(bad) == "v1.4.2"
    assert served(bad, "staging") == "v1.4.2"


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("v1.4.3", "v1.4.2"),
        ("$(touch /tmp/x); rm -rf .", "no release is called"),
        ("<script>alert(1)</script>", "no release is called"),
        ("../../x", "no release is called"),
        ("-delete", "no release is called"),
        ("x" * 10_000, "no release is called"),
        ("v1.5.0", "v1.5.0"),
    ],
)
def test_a_tag_that_cannot_be_rolled_back_to_is_refused_and_nothing_changes(
    bad: Project, tag: str, expected: str
) -> None:
    done = bad.rollback("tag", tag)
    assert done.returncode == 1
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr) < 2_000
    assert served(bad) == "v1.5.0"
    assert bad.last_run()["status"] == "refused"


def test_a_migration_that_older_code_cannot_live_with_is_taken_back_by_decision(practice: Project) -> None:
    done = practice.run("runbook", "practice", "break", "bad-migration")
    assert done.returncode == 0, done.stderr
    refused = practice.rollback("tag", "v1.4.2", "window", "0")
    assert refused.returncode == 1
    assert "-p migrations ahead|shim|down" in refused.stderr
    assert served(practice) == "v1.5.1"
    decided = ("migrations", "down", "migrations_reason", "nothing that came since is needed")
    done = practice.rollback("tag", "v1.4.2", "window", "0", *decided)
    assert done.returncode == 0, done.stdout + done.stderr
    assert served(practice) == "v1.4.2"
    assert served(practice, "staging") == "v1.4.2"


def test_the_journal_is_intact_after_all_that(practice: Project) -> None:
    assert practice.run("runbook", "verify-journal").returncode == 0
