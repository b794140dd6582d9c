"""Commands on this machine: read, and changed so that the outcome outlives whoever asked for it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook_lib.command import Command, Result, Secret
from runbook_lib.connectors import connector_to
from runbook_lib.connectors.local import OUTPUT_LIMIT, LocalConnector, give_up, lost_claim
from runbook_lib.errors import CommandError, UnsettledStepError

MARK = "run/production.web.1"


@pytest.fixture
def connector(tmp_path: Path) -> LocalConnector:
    return LocalConnector(tmp_path / "state")


def marks(tmp_path: Path) -> dict[str, bytes]:
    folder = tmp_path / "state/commands"
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def sh(script: str, *words: str, timeout: float = 20) -> Command:
    return Command.of("sh", "-c", script, "sh", *words, timeout=timeout)


def wait_for(file: Path, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not file.exists():
        assert time.monotonic() < deadline, f"{file} did not come"
        time.sleep(0.01)


def test_local_is_reached_by_the_local_connector(tmp_path: Path) -> None:
    assert connector_to("local", tmp_path).host == "local"


# -- read -----------------------------------------------------------------------------------------------------------


def test_read_gives_status_and_both_outputs(connector: LocalConnector) -> None:
    result = connector.read(sh("echo out; echo err >&2; exit 3"))
    assert (result.code, result.output, result.ok) == (3, "out\nerr\n", False)


def test_words_are_words(connector: LocalConnector) -> None:
    words = ("$(touch owned)", "; rm -rf /", "a\nb", "*", "", "'\"", "-n", "ä\u2028")
    assert connector.read(sh('printf "%s|" "$@"', *words)).output == "".join(f"{word}|" for word in words)


def test_read_has_folder_and_variables(connector: LocalConnector, tmp_path: Path) -> None:
    command = Command.of("sh", "-c", 'pwd; echo "$COLOUR"', cwd=tmp_path, env={"COLOUR": "blue"})
    assert connector.read(command).output == f"{tmp_path}\nblue\n"


def test_read_masks_secrets(connector: LocalConnector) -> None:
    command = Command.of(
        "sh", "-c", 'echo "$TOKEN $1"', "sh", Secret("word-secret"), env={"TOKEN": Secret("env-secret")}
    )
    assert connector.read(command).output == "[secret] [secret]\n"


def test_read_does_not_wait_for_a_daemon(connector: LocalConnector) -> None:
    started = time.monotonic()
    assert connector.read(sh("sleep 5 & echo up")).output == "up\n"
    assert time.monotonic() - started < 3


def test_read_of_much_is_not_cut(connector: LocalConnector) -> None:
    assert len(connector.read(Command.of("head", "-c", "3000000", "/dev/zero")).output) == 3_000_000


def test_read_of_everything_is_stopped(connector: LocalConnector) -> None:
    with pytest.raises(CommandError, match="says more than"):
        connector.read(Command.of("yes"))


def test_read_that_takes_too_long_is_stopped(connector: LocalConnector, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"took longer than 0\.2 s"):
        connector.read(sh(f"trap 'touch {tmp_path}/told; exit' TERM; sleep 5 & wait", timeout=0.2))
    assert (tmp_path / "told").exists()


def test_read_that_closed_its_output_is_waited_for(connector: LocalConnector) -> None:
    assert connector.read(sh("exec >&- 2>&-; sleep 0.3; exit 4")).code == 4


@pytest.mark.parametrize("how", ["read", "change"])
def test_a_folder_that_is_missing(connector: LocalConnector, tmp_path: Path, how: str) -> None:
    command = Command.of("true", cwd=tmp_path / "missing")
    with pytest.raises(CommandError, match="cannot be run"):
        connector.read(command) if how == "read" else connector.change(command, MARK)
    assert connector.outcome(MARK) is None


def test_a_program_that_is_missing(connector: LocalConnector) -> None:
    with pytest.raises(CommandError, match="cannot be run"):
        connector.read(Command.of("no-such-program"))
    result = connector.change(Command.of("no-such-program"), MARK)
    assert result.code == 127
    assert "not found" in result.last_line


def test_a_word_with_a_nul(connector: LocalConnector) -> None:
    with pytest.raises(CommandError, match="cannot be run"):
        connector.read(Command.of("echo", "a\0b"))


@pytest.mark.parametrize("how", ["read", "change"])
def test_the_repository_of_an_outer_git_is_not_passed_on(
    connector: LocalConnector, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("GIT_SSH_COMMAND", "ssh -v")
    command = sh('echo "$GIT_DIR|$GIT_SSH_COMMAND"')
    result = connector.read(command) if how == "read" else connector.change(command, MARK)
    assert result.output == "|ssh -v\n"


# -- change ---------------------------------------------------------------------------------------------------------


def test_change_gives_status_and_output(connector: LocalConnector) -> None:
    result = connector.change(sh("echo out; echo err >&2; exit 3"), MARK)
    assert (result.code, result.output) == (3, "out\nerr\n")


@pytest.mark.parametrize("builtin", ["cd", "exit", "eval", "."])
def test_a_word_of_the_shell_is_no_program(connector: LocalConnector, builtin: str) -> None:
    assert connector.change(Command.of(builtin, "/"), MARK).code in (126, 127)


def test_a_second_call_gets_the_first_ones_end(connector: LocalConnector, tmp_path: Path) -> None:
    command = sh(f"echo x >> {tmp_path}/ran; echo said; exit 5")
    first = connector.change(command, MARK)
    second = connector.change(command, MARK)
    assert (first.code, first.output) == (second.code, second.output) == (5, "said\n")
    assert (tmp_path / "ran").read_text() == "x\n"


def test_marks_that_differ_by_a_dot_are_two(connector: LocalConnector, tmp_path: Path) -> None:
    for mark in ("run/web.1", "run/web_1", "run/web.1.1"):
        connector.change(sh(f"echo x >> {tmp_path}/ran"), mark)
    assert (tmp_path / "ran").read_text() == "x\n" * 3


def test_outcome_of_what_never_started_is_none(connector: LocalConnector) -> None:
    assert connector.outcome(MARK) is None


def test_outcome_waits_a_moment(connector: LocalConnector, tmp_path: Path) -> None:
    thread = threading.Thread(target=connector.change, args=(sh(f"touch {tmp_path}/up; sleep 0.5; echo late"), MARK))
    thread.start()
    wait_for(tmp_path / "up")
    outcome = connector.outcome(MARK)
    thread.join()
    assert outcome is not None
    assert outcome.output == "late\n"


def test_a_killed_command_has_ended(connector: LocalConnector) -> None:
    assert connector.change(sh("kill -9 $$"), MARK).code == 137


def test_a_daemon_does_not_hold_the_change_up(connector: LocalConnector) -> None:
    started = time.monotonic()
    assert connector.change(sh("sleep 5 & echo up"), MARK).output == "up\n"
    assert time.monotonic() - started < 3


def test_a_change_that_takes_too_long_is_stopped_and_has_ended(connector: LocalConnector, tmp_path: Path) -> None:
    command = sh(f"trap 'touch {tmp_path}/told; exit 1' TERM; sleep 5 & wait", timeout=0.3)
    with pytest.raises(CommandError, match="took longer"):
        connector.change(command, MARK)
    assert (tmp_path / "told").exists()
    outcome = connector.outcome(MARK)
    assert outcome is not None
    assert not outcome.ok


@pytest.mark.slow
def test_a_change_that_does_not_listen_is_killed(
    connector: LocalConnector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runbook_lib.connectors.local.GRACE", 0.3)
    command = sh(f"trap '' TERM; sleep 1.5; touch {tmp_path}/survived", timeout=0.2)
    with pytest.raises(CommandError, match="took longer"):
        connector.change(command, MARK)
    time.sleep(1.6)
    assert not (tmp_path / "survived").exists()
    outcome = connector.outcome(MARK)
    assert outcome is not None
    assert not outcome.ok


# -- output ---------------------------------------------------------------------------------------------------------


def test_secrets_are_masked_in_the_output_and_on_disk(connector: LocalConnector, tmp_path: Path) -> None:
    script = 'echo "$TOKEN"; head -c 200000 /dev/zero | tr "\\0" x; echo; echo "$TOKEN"'
    result = connector.change(Command.of("sh", "-c", script, env={"TOKEN": Secret("s3cret-value")}), MARK)
    assert result.last_line == "[secret]"
    assert not any(b"s3cret" in content for content in marks(tmp_path).values())


def test_a_secret_at_the_cut_is_masked(connector: LocalConnector) -> None:
    secret = Secret("s3cret-" + "y" * 100)
    script = f'printf %s "$TOKEN"; head -c {OUTPUT_LIMIT - 50} /dev/zero | tr "\\0" x'
    output = connector.change(Command.of("sh", "-c", script, env={"TOKEN": secret}), MARK).output
    assert "yyy" not in output


def test_the_end_of_long_output_is_kept(connector: LocalConnector, tmp_path: Path) -> None:
    result = connector.change(sh("head -c 300000 /dev/zero | tr '\\0' x; echo; echo end"), MARK)
    assert (result.last_line, len(result.output)) == ("end", OUTPUT_LIMIT)
    assert len(marks(tmp_path)[f"{MARK}.out"]) == OUTPUT_LIMIT


@pytest.mark.slow
def test_a_gigabyte_of_output_does_not_stay_on_disk(connector: LocalConnector, tmp_path: Path) -> None:
    over = threading.Event()
    largest = 0

    def measure() -> None:
        nonlocal largest
        while not over.wait(0.05):
            largest = max(largest, sum(map(len, marks(tmp_path).values())))

    watcher = threading.Thread(target=measure)
    watcher.start()
    script = "for i in 1 2 3 4 5 6 7 8 9 10; do head -c 100000000 /dev/zero; sleep 0.25; done; echo end"
    result = connector.change(sh(script, timeout=60), MARK)
    over.set()
    watcher.join()
    assert result.last_line.endswith("end")
    assert largest < 500_000_000
    assert len(marks(tmp_path)[f"{MARK}.out"]) <= OUTPUT_LIMIT


def test_binary_output_is_readable(connector: LocalConnector, tmp_path: Path) -> None:
    result = connector.change(Command.of("head", "-c", "5000", "/dev/urandom"), MARK)
    result.output.encode()
    assert marks(tmp_path)[f"{MARK}.out"].decode() == result.output


def test_the_marks_of_a_run_are_for_its_owner_only(connector: LocalConnector, tmp_path: Path) -> None:
    connector.change(Command.of("true"), MARK)
    assert (tmp_path / "state/commands/run").stat().st_mode & 0o077 == 0


def test_what_cannot_be_written_down_is_not_done(
    connector: LocalConnector, tmp_path: Path, read_only: Callable[[Path], None]
) -> None:
    (tmp_path / "state").mkdir()
    read_only(tmp_path / "state")
    with pytest.raises(CommandError, match="cannot be written down"):
        connector.change(sh(f"touch {tmp_path}/done"), MARK)
    assert not (tmp_path / "done").exists()


def test_a_disk_that_takes_no_claim_starts_nothing(connector: LocalConnector, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/commands").write_text("in the way")
    with pytest.raises(CommandError, match="cannot be written down"):
        connector.change(sh(f"touch {tmp_path}/done"), MARK)
    assert not (tmp_path / "done").exists()


# -- a caller that dies ---------------------------------------------------------------------------------------------

CALLER = """
import sys
from pathlib import Path
from runbook_lib.command import Command
from runbook_lib.connectors.local import LocalConnector
state, mark, script, timeout = sys.argv[1:]
print(LocalConnector(Path(state)).change(Command.of("sh", "-c", script, timeout=float(timeout)), mark).output)
"""


@pytest.fixture
def callers() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def call(callers: list[subprocess.Popen[bytes]], tmp_path: Path, script: str, timeout: float = 20) -> None:
    argv = [sys.executable, "-c", CALLER, str(tmp_path / "state"), MARK, script, str(timeout)]
    callers.append(subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True))


def test_the_outcome_survives_the_death_of_the_caller(
    connector: LocalConnector, tmp_path: Path, callers: list[subprocess.Popen[bytes]]
) -> None:
    script = f"echo x >> {tmp_path}/ran; sleep 0.8; echo through; exit 6"
    call(callers, tmp_path, script)
    wait_for(tmp_path / "ran")
    os.killpg(callers[0].pid, signal.SIGKILL)
    callers[0].wait()
    result = connector.change(sh(script), MARK)
    assert (result.code, result.output) == (6, "through\n")
    assert (tmp_path / "ran").read_text() == "x\n"


@pytest.mark.parametrize("pause", [0.0, 0.05, 0.1, 0.15, 0.2, 0.3])
def test_killed_at_any_moment_it_ran_exactly_once(
    connector: LocalConnector, tmp_path: Path, callers: list[subprocess.Popen[bytes]], pause: float
) -> None:
    script = f"echo x >> {tmp_path}/ran; sleep 0.2; echo through"
    call(callers, tmp_path, script)
    time.sleep(pause)
    os.killpg(callers[0].pid, signal.SIGKILL)
    callers[0].wait()
    assert connector.change(sh(script), MARK).output == "through\n"
    assert (tmp_path / "ran").read_text() == "x\n"


def test_of_many_claimers_one_starts(tmp_path: Path, callers: list[subprocess.Popen[bytes]]) -> None:
    for _ in range(6):
        call(callers, tmp_path, f"echo x >> {tmp_path}/ran; sleep 0.5; echo through")
    assert [caller.communicate(timeout=30)[0].strip() for caller in callers] == [b"through"] * 6
    assert (tmp_path / "ran").read_text() == "x\n"


def test_of_many_claimers_in_one_process_one_starts(connector: LocalConnector, tmp_path: Path) -> None:
    results: list[Result] = []
    command = sh(f"echo x >> {tmp_path}/ran; sleep 0.3; echo through")
    threads = [threading.Thread(target=lambda: results.append(connector.change(command, MARK))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.output for result in results] == ["through\n"] * 8
    assert (tmp_path / "ran").read_text() == "x\n"


def test_who_loses_the_race_waits_longer_than_the_patience(
    connector: LocalConnector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runbook_lib.connectors.local.PATIENCE", 0.1)
    test_of_many_claimers_in_one_process_one_starts(connector, tmp_path)


@pytest.mark.slow
def test_a_command_that_outlives_its_time_and_its_caller_is_ended(
    connector: LocalConnector, tmp_path: Path, callers: list[subprocess.Popen[bytes]]
) -> None:
    script = f"touch {tmp_path}/up; sleep 2; touch {tmp_path}/survived"
    call(callers, tmp_path, script)
    wait_for(tmp_path / "up")
    callers[0].kill()
    callers[0].wait()
    with pytest.raises(CommandError, match="took longer"):
        connector.change(sh(script, timeout=0.5), MARK)
    time.sleep(2)
    assert not (tmp_path / "survived").exists()


# -- a machine that dies --------------------------------------------------------------------------------------------


def lose(connector: LocalConnector, tmp_path: Path) -> None:
    """Leave what a reboot leaves: a claim by a process that is no more, and no end."""
    connector.change(Command.of("true"), MARK)
    folder = tmp_path / "state/commands/run"
    (folder / "production.web.1.exit").unlink()
    (folder / "production.web.1.pid").write_text("999999999\n")


def test_what_was_lost_is_not_settled(connector: LocalConnector, tmp_path: Path) -> None:
    lose(connector, tmp_path)
    assert connector.outcome(MARK) is None
    with pytest.raises(UnsettledStepError, match="nothing tells how it ended"):
        connector.change(Command.of("true"), MARK)


def test_what_was_lost_and_is_repeatable_is_repeated_once(connector: LocalConnector, tmp_path: Path) -> None:
    lose(connector, tmp_path)
    for _ in range(2):
        assert connector.change(sh(f"echo x >> {tmp_path}/ran; echo said"), MARK, repeatable=True).output == "said\n"
    assert (tmp_path / "ran").read_text() == "x\n"


def test_a_claim_that_was_made_meanwhile_is_not_given_up(connector: LocalConnector, tmp_path: Path) -> None:
    lose(connector, tmp_path)
    path = tmp_path / "state/commands" / MARK
    looked_at = lost_claim(path)
    connector.change(sh(f"echo x >> {tmp_path}/ran"), MARK, repeatable=True)
    path.with_name(f"{path.name}.exit").unlink()
    give_up(path, looked_at)
    assert path.with_name(f"{path.name}.pid").exists()


def test_of_many_that_repeat_what_was_lost_one_starts(connector: LocalConnector, tmp_path: Path) -> None:
    lose(connector, tmp_path)
    command = sh(f"echo x >> {tmp_path}/ran; sleep 0.3")

    def repeat() -> None:
        # Who looked between the old claim and the new one is told that nothing is known.
        with contextlib.suppress(UnsettledStepError):
            connector.change(command, MARK, repeatable=True)

    threads = [threading.Thread(target=repeat) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "ran").read_text() == "x\n"


def test_a_reused_pid_is_not_taken_for_the_command(connector: LocalConnector, tmp_path: Path) -> None:
    lose(connector, tmp_path)
    (tmp_path / "state/commands/run/production.web.1.pid").write_text(f"{os.getpid()}\n")
    with pytest.raises(UnsettledStepError):
        connector.change(Command.of("true"), MARK)


# -- what a command reads -----------------------------------------------------------------------------------------


def test_a_command_reads_its_input_to_the_last_byte(connector: LocalConnector) -> None:
    given = Secret("s3cr3t 'quoted' \\ ü\r\nno newline at the end")
    command = Command.of("od", "-An", "-v", "-tx1", input=given)
    for result in (connector.read(command), connector.change(command, MARK)):
        assert bytes.fromhex(result.output.replace("\n", "")).decode() == given.reveal()


def test_what_is_read_is_larger_than_a_pipe(connector: LocalConnector) -> None:
    command = Command.of("wc", "-c", input=Secret("x" * 300_000))
    assert connector.read(command).output.strip() == "300000"
    assert connector.change(command, MARK).output.strip() == "300000"


def test_a_command_without_input_reads_nothing(connector: LocalConnector) -> None:
    assert connector.change(Command.of("wc", "-c"), MARK).output.strip() == "0"
