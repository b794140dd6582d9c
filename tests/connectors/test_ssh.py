"""Commands on another machine, over a real ssh server."""

from __future__ import annotations

import itertools
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.command import Command, Result, Secret
from runbook_lib.connectors import connector_to
from runbook_lib.connectors.ssh import SshConnector
from runbook_lib.errors import CommandError, UnsettledStepError
from tests.connectors.sshd import Server

pytestmark = pytest.mark.real

_numbers = itertools.count()


@pytest.fixture
def connector(server: Server) -> SshConnector:
    return SshConnector("web-1")


@pytest.fixture
def mark() -> str:
    return f"run-{next(_numbers)}/production.web-1.1"


def sh(script: str, *words: str, timeout: float = 20, **env: str | Secret) -> Command:
    return Command.of("sh", "-c", script, "sh", *words, timeout=timeout, env=env)


def wait_for(file: Path, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not file.exists():
        assert time.monotonic() < deadline, f"{file} did not come"
        time.sleep(0.01)


def on_disk(server: Server, mark: str) -> bytes:
    return b"".join(file.read_bytes() for file in (server.state / mark).parent.iterdir())


def test_another_host_is_reached_by_ssh(tmp_path: Path) -> None:
    assert connector_to("deploy@web-1", tmp_path).host == "deploy@web-1"


# -- read -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 3, 127, 255])
def test_read_gives_status_and_both_outputs(connector: SshConnector, code: int) -> None:
    result = connector.read(sh(f"echo out; echo err >&2; exit {code}"))
    assert (result.code, result.output) == (code, "out\nerr\n")


def test_output_without_a_line_end_is_as_it_was(connector: SshConnector) -> None:
    assert connector.read(Command.of("printf", "a\n\nb")).output == "a\n\nb"


HOSTILE = ("$(touch owned)", "; rm -rf /nowhere", "a\nb", "*", "", "'\"\\", "-n", "ä\u2028", "`id`", "{x}", "%s", "!!")


def test_words_are_words(connector: SshConnector, mark: str) -> None:
    command = sh('printf "%s|" "$@"', *HOSTILE)
    expected = "".join(f"{word}|" for word in HOSTILE)
    assert connector.read(command).output == expected
    assert connector.change(command, mark).output == expected


def test_variables_are_values(connector: SshConnector) -> None:
    for word in HOSTILE:
        assert connector.read(sh('printf %s "$VALUE"', VALUE=word)).output == word


def test_read_has_its_folder(connector: SshConnector, tmp_path: Path) -> None:
    folder = tmp_path / "a folder; with 'words'"
    folder.mkdir()
    assert connector.read(Command.of("pwd", cwd=folder)).output == f"{folder}\n"


def test_much_is_not_cut(connector: SshConnector) -> None:
    assert len(connector.read(Command.of("head", "-c", "1000000", "/dev/zero")).output) == 1_000_000


def test_many_words(connector: SshConnector) -> None:
    words = [f"{number:0100}" for number in range(1000)]
    assert connector.read(Command.of("echo", *words)).output.split() == words


def test_standard_input_is_empty(connector: SshConnector) -> None:
    assert connector.read(Command.of("cat")).output == ""


@pytest.mark.parametrize("how", ["read", "change"])
def test_what_cannot_be_run_is_not_started(connector: SshConnector, mark: str, how: str, tmp_path: Path) -> None:
    for command in (Command.of("no-such-program"), Command.of("true", cwd=tmp_path / "missing")):
        with pytest.raises(CommandError, match="cannot be run"):
            connector.read(command) if how == "read" else connector.change(command, mark)
    assert connector.outcome(mark) is None


def test_calls_share_a_connection(server: Server, connector: SshConnector) -> None:
    server.drop()
    for _ in range(10):
        connector.read(Command.of("true"))
        assert server.connections == 1


# -- trouble --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "said"),
    [("nobody-there", "Connection refused"), ("stranger", "host key"), ("no-such-host.invalid", "resolve")],
)
@pytest.mark.parametrize("how", ["read", "change", "outcome"])
def test_a_host_that_cannot_be_reached(server: Server, host: str, said: str, how: str) -> None:
    connector = SshConnector(host)
    call = {
        "read": lambda: connector.read(Command.of("true")),
        "change": lambda: connector.change(Command.of("true"), "run/1"),
        "outcome": lambda: connector.outcome("run/1"),
    }[how]
    with pytest.raises(CommandError, match=f"(?i){said}") as caught:
        call()
    assert caught.value.next_step == f"check `ssh {host} true`"


def test_a_host_that_does_not_answer(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=1"]
    monkeypatch.setattr("runbook_lib.connectors.ssh._OPTIONS", options)
    with pytest.raises(CommandError, match=r"(?i)timed out"):
        SshConnector("silent").read(Command.of("true"))


def test_ssh_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CommandError, match="ssh cannot be run"):
        SshConnector("web-1").read(Command.of("true"))


def test_read_that_takes_too_long(connector: SshConnector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runbook_lib.connectors.ssh.MARGIN_SECONDS", 0.0)
    with pytest.raises(CommandError, match=r"took longer than 0\.5 s"):
        connector.read(Command.of("sleep", "3", timeout=0.5))


def test_a_login_that_greets_is_not_taken_for_output(server: Server, tmp_path: Path, monkeypatch: Any) -> None:
    """As a shell does whose start-up files print."""
    greeting = tmp_path / "ssh"
    greeting.write_text(f'#!/bin/sh\necho "Welcome to web-1"\nexec {server.folder}/bin/ssh "$@"\n')
    greeting.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert SshConnector("web-1").read(Command.of("echo", "x")).output == "x\n"


# -- secrets --------------------------------------------------------------------------------------------------------


def test_no_command_line_shows_a_secret(connector: SshConnector, mark: str) -> None:
    secret = Secret("s3cret-for-ssh")
    seen: list[str] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            seen.append(subprocess.run(["ps", "-eo", "args"], capture_output=True, check=True).stdout.decode())

    watcher = threading.Thread(target=look)
    watcher.start()
    connector.read(sh("sleep 0.3", TOKEN=secret))
    result = connector.change(sh('sleep 0.3; echo "$TOKEN"', TOKEN=secret), mark)
    over.set()
    watcher.join()
    assert result.output == "[secret]\n"
    assert any("sleep 0.3" in text for text in seen)
    assert not any("s3cret-for-ssh" in text for text in seen)


def test_secrets_are_masked_on_the_other_disk(connector: SshConnector, server: Server, mark: str) -> None:
    script = 'echo "$TOKEN"; head -c 200000 /dev/zero | tr "\\0" x; echo; echo "$TOKEN"'
    result = connector.change(sh(script, TOKEN=Secret("s3cret-there")), mark)
    assert result.last_line == "[secret]"
    assert b"s3cret" not in on_disk(server, mark)
    assert connector.outcome(mark) is not None


def test_the_marks_are_for_their_owner_only(connector: SshConnector, server: Server, mark: str) -> None:
    connector.change(Command.of("true"), mark)
    assert (server.state / mark).parent.stat().st_mode & 0o077 == 0


# -- change ---------------------------------------------------------------------------------------------------------


def test_a_second_call_gets_the_first_ones_end(connector: SshConnector, tmp_path: Path, mark: str) -> None:
    command = sh(f"echo x >> {tmp_path}/ran; echo said; exit 5")
    for _ in range(2):
        result = connector.change(command, mark)
        assert (result.code, result.output) == (5, "said\n")
    assert (tmp_path / "ran").read_text() == "x\n"


def test_marks_that_differ_by_a_dot_are_two(connector: SshConnector, tmp_path: Path, mark: str) -> None:
    for name in (f"{mark}.a", f"{mark}_a"):
        connector.change(sh(f"echo x >> {tmp_path}/ran"), name)
    assert (tmp_path / "ran").read_text() == "x\n" * 2


def test_outcome_of_what_never_started_is_none(connector: SshConnector, mark: str) -> None:
    assert connector.outcome(mark) is None


def test_a_daemon_does_not_hold_the_change_up(connector: SshConnector, mark: str) -> None:
    started = time.monotonic()
    assert connector.change(sh("sleep 5 & echo up"), mark).output == "up\n"
    assert time.monotonic() - started < 3


def test_a_change_that_takes_too_long_is_stopped_and_has_ended(
    connector: SshConnector, tmp_path: Path, mark: str
) -> None:
    command = sh(f"trap 'touch {tmp_path}/told; exit 1' TERM; sleep 5 & wait", timeout=1)
    with pytest.raises(CommandError, match="took longer than 1 s"):
        connector.change(command, mark)
    assert (tmp_path / "told").exists()
    outcome = connector.outcome(mark)
    assert outcome is not None
    assert not outcome.ok


def test_a_change_outlives_a_dropped_connection(
    connector: SshConnector, server: Server, tmp_path: Path, mark: str
) -> None:
    results: list[Result] = []
    command = sh(f"echo x >> {tmp_path}/ran; sleep 1.5; echo through; exit 6")
    thread = threading.Thread(target=lambda: results.append(connector.change(command, mark)))
    thread.start()
    wait_for(tmp_path / "ran")
    server.drop()
    thread.join()
    assert [(result.code, result.output) for result in results] == [(6, "through\n")]
    assert (tmp_path / "ran").read_text() == "x\n"


def test_a_connection_that_stays_away_leaves_the_step_unsettled(
    connector: SshConnector, server: Server, tmp_path: Path, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runbook_lib.connectors.ssh.AGAIN", (0.1,))
    errors: list[Exception] = []
    command = sh(f"touch {tmp_path}/up; sleep 1; echo through")

    def change() -> None:
        try:
            connector.change(command, mark)
        except UnsettledStepError as error:
            errors.append(error)

    thread = threading.Thread(target=change)
    thread.start()
    wait_for(tmp_path / "up")
    (server.folder / "known_hosts").rename(server.folder / "away")
    server.drop()
    thread.join()
    (server.folder / "away").rename(server.folder / "known_hosts")
    assert "it goes on there" in str(errors[0])
    assert connector.change(command, mark).output == "through\n"


def test_of_many_claimers_one_starts(server: Server, tmp_path: Path, mark: str) -> None:
    results: list[Result] = []
    command = sh(f"echo x >> {tmp_path}/ran; sleep 0.3; echo through")
    threads = [
        threading.Thread(target=lambda: results.append(SshConnector("web-1").change(command, mark))) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.output for result in results] == ["through\n"] * 5
    assert (tmp_path / "ran").read_text() == "x\n"


def lose(connector: SshConnector, server: Server, mark: str) -> None:
    """Leave what a reboot leaves: a claim by a process that is no more, and no end."""
    connector.change(Command.of("true"), mark)
    path = server.state / mark
    path.with_name(f"{path.name}.exit").unlink()
    path.with_name(f"{path.name}.pid").write_text("999999999\n")


def test_what_was_lost_is_not_settled(connector: SshConnector, server: Server, mark: str) -> None:
    lose(connector, server, mark)
    assert connector.outcome(mark) is None
    with pytest.raises(UnsettledStepError, match="nothing tells how it ended"):
        connector.change(Command.of("true"), mark)


def test_what_was_lost_and_is_repeatable_is_repeated_once(
    connector: SshConnector, server: Server, tmp_path: Path, mark: str
) -> None:
    lose(connector, server, mark)
    for _ in range(2):
        assert connector.change(sh(f"echo x >> {tmp_path}/ran; echo said"), mark, repeatable=True).output == "said\n"
    assert (tmp_path / "ran").read_text() == "x\n"


# -- read_all -------------------------------------------------------------------------------------------------------


def test_several_commands_are_read_in_one_trip(connector: SshConnector, monkeypatch: pytest.MonkeyPatch) -> None:
    trips: list[str] = []
    ask = SshConnector._ask

    def counted(self: SshConnector, body: str, *words: Any) -> Any:
        trips.append(body)
        return ask(self, body, *words)

    monkeypatch.setattr(SshConnector, "_ask", counted)
    results = connector.read_all(
        [
            sh('echo "$X"; echo err >&2', X="a'b"),
            sh("exit 3"),
            Command.of("printf", "no end of line", cwd="/"),
            Command.of("no-such-program"),
            Command.of("pwd", cwd="/no/such/folder"),
            Command.of("pwd", cwd="/tmp"),
        ]
    )
    assert len(trips) == 1
    assert [result.code for result in results[:3]] == [0, 3, 0]
    assert [result.output for result in results[:3]] == ["a'b\nerr\n", "", "no end of line"]
    assert results[3].code == 127
    assert results[4].code != 0
    assert results[5].output == "/tmp\n"


def test_a_host_that_is_not_reached_is_an_error_of_all_of_them() -> None:
    with pytest.raises(CommandError, match="cannot be reached"):
        SshConnector("nobody-there").read_all([Command.of("true")])


# -- what a command reads -----------------------------------------------------------------------------------------


def test_a_command_reads_its_input_to_the_last_byte(connector: SshConnector, mark: str) -> None:
    given = Secret("s3cr3t 'quoted' \\ ü\r\nno newline at the end")
    command = Command.of("od", "-An", "-v", "-tx1", input=given)
    for result in (connector.read(command), connector.change(command, mark)):
        assert bytes.fromhex(result.output.replace("\n", "")).decode() == given.reveal()


def test_what_is_read_is_larger_than_a_pipe(connector: SshConnector, mark: str) -> None:
    command = Command.of("wc", "-c", input=Secret("x" * 70_000))
    assert connector.read(command).output.strip() == "70000"
    assert connector.change(command, mark).output.strip() == "70000"


def test_a_command_without_input_reads_nothing(connector: SshConnector, mark: str) -> None:
    assert connector.change(Command.of("wc", "-c"), mark).output.strip() == "0"
