"""Answers that were read ahead."""

from __future__ import annotations

from pathlib import Path

from runbook_lib.command import Command, Result
from runbook_lib.connectors.ahead import ReadAhead
from runbook_lib.connectors.local import LocalConnector


class Counting(LocalConnector):
    """Counts what is asked."""

    def __init__(self, state: Path) -> None:
        super().__init__(state)
        self.asked: list[str] = []

    def read(self, command: Command) -> Result:
        self.asked.append(str(command))
        return super().read(command)


def test_what_was_read_ahead_is_not_asked_again_and_the_rest_is(tmp_path: Path) -> None:
    here = Counting(tmp_path)
    ahead = ReadAhead(here, [Command.of("echo", "a"), Command.of("no-such-program")])
    assert here.asked == ["echo a", "no-such-program"]
    assert ahead.read(Command.of("echo", "a")).output == "a\n"
    assert ahead.read(Command.of("no-such-program")).code == 127
    assert ahead.read(Command.of("echo", "b")).output == "b\n"
    assert here.asked == ["echo a", "no-such-program", "echo b"]
    assert ahead.host == "local"


def test_the_same_words_in_another_folder_are_another_question(tmp_path: Path) -> None:
    ahead = ReadAhead(LocalConnector(tmp_path), [Command.of("pwd", cwd="/")])
    assert ahead.read(Command.of("pwd", cwd=str(tmp_path))).output.strip() == str(tmp_path)
