"""The command `runbook`, on a journal that real runs have made."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runbook_lib.cli import main
from runbook_lib.errors import ApprovalPendingError, UnsettledStepError
from runbook_lib.run import live
from runbook_lib.run.gate import Policy, Terms
from runbook_lib.run.journal import Journal
from runbook_lib.run.plan import Plan, Section, Step, Verdict
from runbook_lib.run.run import Run
from tests.actions.routes import serving
from tests.platforms.git_shop import Shop, alone

CONFIGURATION = """
[services.shop.environments.production]
platform = "git"
url = "{url}"
[services.shop.environments.production.git]
path = "shop"
{more}
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving() as routes:
        yield routes.url


@pytest.fixture
def project(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration and a shop; nothing was run yet."""
    alone(monkeypatch)
    Shop(tmp_path, "in-place").build()
    (tmp_path / "runbooks.toml").write_text(CONFIGURATION.format(url=url, more=""))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNBOOK_ACTOR", "nadia")
    monkeypatch.setattr(live, "echo", False)
    return tmp_path


@pytest.fixture
def journal(project: Path) -> Journal:
    return Journal(project / ".runbooks")


@pytest.fixture
def runbook(project: Path) -> Callable[..., Result]:
    """Runs the command and returns its status and output."""

    def run(*words: str) -> Result:
        result = CliRunner().invoke(main, words)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


def plan(lost: bool = False) -> Plan:
    def do() -> str:
        if lost:
            raise UnsettledStepError("nothing tells", next_step="settle it")
        return "did it"

    step = Step("production.switch", "switch <b>over</b>\x1b[31m", do, lambda: False, shows=("true",))
    section = Section(
        "production", "shop/production", "make v1 live", (step,), verify=lambda: Verdict("PASS", ("good",))
    )
    return Plan("Roll back to v1", (section,), {"release": "v1"})


def a_run(journal: Journal, policy: Policy = "none", lost: bool = False, close: bool = True) -> str:
    """A run of its own through the real procedure. Returns its id."""
    run = Run.open(journal, "rollback", "shop/production", {"tag": f"v{time.monotonic_ns()}"}, same=("tag",))
    run.propose(lambda: {"release": "v1"}, lambda _: plan(lost))
    try:
        run.approve(Terms(policy, expires=3600, wait=0, word="v1"))
        run.apply("production")
    except (ApprovalPendingError, UnsettledStepError):
        return run.id
    if close:
        run.close()
    else:
        run.end(KeyboardInterrupt())
    return run.id


# -- what there is --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--version"], ["show", "--help"], ["check", "-h"]])
def test_help_is_there(runbook: Callable[..., Result], words: list[str]) -> None:
    assert runbook(*words).exit_code == 0


def test_every_command_explains_itself() -> None:
    assert all(command.help or command.callback.__doc__ for command in main.commands.values())


def test_list_names_the_runbooks(runbook: Callable[..., Result], project: Path) -> None:
    (project / "notebooks").mkdir()
    about = {"name": "rollback", "owner": "on-call", "scenario": "a release is bad", "changes": ["the release"]}
    (project / "notebooks/rollback.ipynb").write_text(json.dumps({"metadata": {"runbook": about}}))
    (project / "notebooks/scratch.ipynb").write_text("no notebook")
    assert "a release is bad" in runbook("list").output
    (entry,) = json.loads(runbook("list", "--json").output)
    assert (entry["name"], entry["changes"]) == ("rollback", ["the release"])


def test_list_without_runbooks_is_a_failure(runbook: Callable[..., Result]) -> None:
    result = runbook("list")
    assert result.exit_code == 1
    assert "no runbook in" in result.output


# -- history and show -----------------------------------------------------------------------------------------------


def test_history_of_nothing(runbook: Callable[..., Result]) -> None:
    assert runbook("history").output == "No runs yet.\n"
    assert json.loads(runbook("history", "--json").output) == []


def test_history_is_newest_first(runbook: Callable[..., Result], journal: Journal) -> None:
    first, second = a_run(journal), a_run(journal, lost=True)
    lines = runbook("history").output.splitlines()
    assert [second in lines[0], "interrupted" in lines[0]] == [True, True]
    assert [first in lines[1], "succeeded" in lines[1]] == [True, True]
    records = json.loads(runbook("history", "--json").output)
    assert [(r["run"], r["unfinished"]) for r in records] == [(second, True), (first, False)]
    assert len(runbook("history", "-n", "1").output.splitlines()) == 1


def test_show_tells_plan_events_status_and_record(runbook: Callable[..., Result], journal: Journal) -> None:
    run = a_run(journal)
    text = runbook("show", run).output
    assert "Roll back to v1" in text
    assert f"status: succeeded\nrecord: {journal.folder_of(run)}\n" in text


def test_show_lets_nothing_through_to_the_terminal(runbook: Callable[..., Result], journal: Journal) -> None:
    assert "\x1b" not in runbook("show", a_run(journal)).output


def test_show_as_json_is_the_record(runbook: Callable[..., Result], journal: Journal) -> None:
    run = a_run(journal)
    record = json.loads(runbook("show", run, "--json").output)
    assert record == json.loads((journal.folder_of(run) / "run.json").read_text())


def test_show_follow_ends_with_the_run(runbook: Callable[..., Result], journal: Journal) -> None:
    assert "status: succeeded" in runbook("show", "--follow", a_run(journal)).output


def test_show_follow_waits_for_the_end(runbook: Callable[..., Result], journal: Journal) -> None:
    run = a_run(journal, lost=True)
    end = {"status": "abandoned", "reason": "", "next": "", "seconds": 0.0}
    closer = threading.Timer(0.5, lambda: Journal(journal.folder).append(run, "closed", end))
    closer.start()
    assert "status: abandoned" in runbook("show", "--follow", run).output
    closer.join()


@pytest.mark.parametrize("command", ["show", "approve", "settle", "abandon"])
@pytest.mark.parametrize("run", ["no-such-run", "", "%", "' OR 1=1 --"])
def test_a_run_that_is_not_there(runbook: Callable[..., Result], journal: Journal, command: str, run: str) -> None:
    a_run(journal)
    more = {"settle": ["step"], "abandon": ["--reason", "x"]}.get(command, [])
    result = runbook(command, run, *more)
    assert result.exit_code == 1
    assert "`runbook history` lists them" in result.output


def test_the_beginning_of_an_id_is_enough_when_it_is_one(runbook: Callable[..., Result], journal: Journal) -> None:
    first = a_run(journal)
    assert runbook("show", first[:-1]).exit_code == 0
    a_run(journal)
    result = runbook("show", first[:6])
    assert (result.exit_code, "several runs start with" in result.output) == (1, True)


# -- approve --------------------------------------------------------------------------------------------------------


def test_approve_lets_a_waiting_run_on(runbook: Callable[..., Result], journal: Journal) -> None:
    run = a_run(journal, "confirm")
    result = runbook("approve", run)
    assert (result.exit_code, journal.run(run).status) == (0, "running")
    (event,) = journal.events(run, "approved")
    assert (event.data["by"], event.data["digest"], event.data["how"]) == ("nadia", plan().digest, "command")


def test_approve_by_the_opener_is_refused_where_a_second_person_is_needed(
    runbook: Callable[..., Result], journal: Journal
) -> None:
    run = a_run(journal, "second-person")
    result = runbook("approve", run)
    assert (result.exit_code, "needs a second person" in result.output) == (1, True)
    assert list(journal.events(run, "approved")) == []
    assert runbook("approve", run, "--as", "jonas").exit_code == 0


def test_approve_of_what_is_over_is_refused(runbook: Callable[..., Result], journal: Journal) -> None:
    result = runbook("approve", a_run(journal))
    assert (result.exit_code, "there is nothing to approve" in result.output) == (1, True)


def test_approve_before_there_is_a_plan_is_refused(runbook: Callable[..., Result], journal: Journal) -> None:
    run = Run.open(journal, "rollback", "shop/production", {})
    result = runbook("approve", run.id)
    run.close()
    assert (result.exit_code, "has no plan yet" in result.output) == (1, True)


# -- settle and abandon ---------------------------------------------------------------------------------------------


def test_settle_says_that_a_step_holds(runbook: Callable[..., Result], journal: Journal) -> None:
    run = a_run(journal, lost=True)
    assert runbook("settle", run, "production.switch", "--reason", "looked").exit_code == 0
    finished = list(journal.events(run, "step finished"))[-1]
    assert (finished.data["outcome"], finished.data["remark"]) == ("settled", "nadia: looked")


@pytest.mark.parametrize("lost", [True, False])
def test_settle_of_a_step_that_is_not_open_is_refused(
    runbook: Callable[..., Result], journal: Journal, lost: bool
) -> None:
    step = "no.such.step" if lost else "production.switch"
    result = runbook("settle", a_run(journal, lost=lost), step)
    assert (result.exit_code, "has no interrupted step" in result.output) == (1, True)


def test_abandon_closes_an_unfinished_run(runbook: Callable[..., Result], journal: Journal) -> None:
    run = a_run(journal, lost=True)
    assert runbook("abandon", run, "--reason", "put right by hand").exit_code == 0
    assert journal.run(run).status == "abandoned"
    assert json.loads((journal.folder_of(run) / "run.json").read_text())["reason"] == "nadia: put right by hand"


def test_abandon_needs_a_reason_and_an_unfinished_run(runbook: Callable[..., Result], journal: Journal) -> None:
    assert runbook("abandon", a_run(journal, lost=True)).exit_code == 2
    result = runbook("abandon", a_run(journal), "--reason", "x")
    assert (result.exit_code, "is succeeded already" in result.output) == (1, True)


def test_abandon_of_a_run_at_work_is_refused(runbook: Callable[..., Result], journal: Journal) -> None:
    script = (
        "import sys, time; from pathlib import Path; from runbook_lib.run.journal import Journal;"
        "from runbook_lib.run.run import Run;"
        "print(Run.open(Journal(Path(sys.argv[1])), 'rollback', 'shop/production', {}).id, flush=True); time.sleep(30)"
    )
    worker = subprocess.Popen([sys.executable, "-c", script, str(journal.folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert worker.stdout is not None
        run = worker.stdout.readline().split()[-1]
        result = runbook("abandon", run, "--reason", "x")
    finally:
        worker.kill()
        worker.communicate()
    assert result.exit_code == 1
    assert str(worker.pid) in result.output


# -- mark -----------------------------------------------------------------------------------------------------------


def test_mark_is_recorded_and_taken_away(runbook: Callable[..., Result], journal: Journal) -> None:
    assert runbook("mark", "v2", "bad", "--reason", "checkout fails").exit_code == 0
    assert runbook("mark", "v2", "good", "--reason", "it was the database").exit_code == 0
    events = [event.data for event in journal.events(kind="marked")]
    assert [(data["release"]["tag"], data["mark"], data["reason"]) for data in events] == [
        ("v2", "bad", "nadia: checkout fails"),
        ("v2", "good", "nadia: it was the database"),
    ]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["v2", "bad"], 2, "--reason"),
        (["v2", "ugly", "--reason", "x"], 2, "ugly"),
        (["v22", "bad", "--reason", "x"], 1, "did you mean v2"),
        (["v2", "bad", "--reason", "x", "--environment", "test"], 1, "no environment 'test'"),
        (["v2", "bad", "--reason", "x", "--service", "shpo"], 1, "no service 'shpo'"),
    ],
)
def test_mark_of_what_is_not_there(
    runbook: Callable[..., Result], journal: Journal, words: list[str], status: int, said: str
) -> None:
    result = runbook("mark", *words)
    assert result.exit_code == status
    assert said in result.output
    assert list(journal.events(kind="marked")) == []


# -- verify-journal -------------------------------------------------------------------------------------------------


def test_verify_journal_counts_the_events(runbook: Callable[..., Result], journal: Journal) -> None:
    a_run(journal)
    count = len(list(journal.events()))
    assert f"intact: {count} events" in runbook("verify-journal").output
    assert json.loads(runbook("verify-journal", "--json").output) == {"intact": True, "events": count}


def test_verify_journal_finds_a_change(runbook: Callable[..., Result], journal: Journal) -> None:
    import sqlite3

    a_run(journal)
    with sqlite3.connect(journal.file) as connection:
        connection.execute("DROP TRIGGER events_stay")
        connection.execute("UPDATE events SET data = replace(data, 'nadia', 'jonas') WHERE seq = 1")
    connection.close()
    for words in (["verify-journal"], ["verify-journal", "--json"]):
        result = runbook(*words)
        assert (result.exit_code, "was changed: event 1" in result.output) == (1, True)


def test_a_journal_that_is_none_is_named(runbook: Callable[..., Result], project: Path) -> None:
    (project / ".runbooks").mkdir()
    (project / ".runbooks/journal.db").write_text("no database, but some text of enough length" * 50)
    for words in (["history"], ["verify-journal"], ["show", "x"]):
        result = runbook(*words)
        assert (result.exit_code, "is damaged" in result.output) == (1, True)


# -- check ----------------------------------------------------------------------------------------------------------


def test_check_of_what_is_good(runbook: Callable[..., Result]) -> None:
    result = runbook("check")
    assert (result.exit_code, "3 releases" in result.output) == (0, True)
    (environment,) = json.loads(runbook("check", "--json").output)
    assert environment["environment"] == "shop/production"
    assert {reading["result"] for reading in environment["readings"]} == {"good"}


def test_check_changes_nothing(runbook: Callable[..., Result], project: Path) -> None:
    before = sorted(str(path) for path in project.rglob("*"))
    runbook("check")
    assert sorted(str(path) for path in project.rglob("*")) == before


BAD: dict[str, tuple[dict[str, str], str]] = {
    "no answer": ({"url": "http://127.0.0.1:1"}, "bad"),
    "a route that is not there": (
        {"more": '[services.shop.environments.production.checks]\nready = "/other"'},
        "404 instead of 200",
    ),
    "a folder that is not there": ({"more": 'repository = "nowhere"'}, "there is no folder"),
    "a host that is not there": (
        {"more": 'hosts = ["web.invalid"]\nrepository = "/nowhere"'},
        "must be absolute",
    ),
    "an unknown key": ({"more": "shred = []"}, "did you mean shared?"),
}


@pytest.mark.parametrize(("change", "said"), BAD.values(), ids=BAD)
def test_check_of_what_is_bad(
    runbook: Callable[..., Result], project: Path, url: str, change: dict[str, str], said: str
) -> None:
    (project / "runbooks.toml").write_text(CONFIGURATION.format(**{"url": url, "more": "", **change}))
    for words in (["check"], ["check", "--json"]):
        result = runbook(*words)
        assert result.exit_code == 1
        assert said in result.output


def test_check_without_configuration_or_practice(
    runbook: Callable[..., Result], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))
    result = runbook("check")
    assert (result.exit_code, "there is no runbooks.toml" in result.output) == (1, True)


# -- as a process ---------------------------------------------------------------------------------------------------


def test_the_installed_command_ends_as_it_says(project: Path) -> None:
    program = Path(sys.executable).with_name("runbook")
    for words, status in ((["history"], 0), (["check"], 0), (["show", "x"], 1), (["nonsense"], 2)):
        done = subprocess.run([str(program), *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr


def test_help_lists_every_command_once(runbook: Callable[..., Result]) -> None:
    listed = [line.split()[0] for line in runbook("--help").stdout.splitlines() if re.match(r"  [a-z][a-z-]+  ", line)]
    assert sorted(listed) == sorted(main.commands)
