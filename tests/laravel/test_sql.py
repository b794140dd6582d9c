"""SQL through the application: one argument in, rows out, and nothing else passes for rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.command import Result
from runbook_lib.config import Laravel
from runbook_lib.connectors.local import LocalConnector
from runbook_lib.errors import CommandError
from runbook_lib.laravel.sql import rows_of, sql_command

STATEMENT = "SELECT migration FROM migrations WHERE migration <> 'a;b $(c)' -- \"d\""


def test_the_statement_is_one_argument_and_reaches_no_shell(tmp_path: Path) -> None:
    laravel = Laravel(database="sqlite", sql=["printf", "<%s>", "sql"])
    result = LocalConnector(tmp_path).read(sql_command(laravel, STATEMENT))
    assert result.output == f"<sql><{STATEMENT}>"


def test_without_a_command_of_its_own_php_is_called_as_configured() -> None:
    command = sql_command(Laravel(database="sqlite", php=["sudo", "php8.3"], folder="backend"), STATEMENT)
    assert command.raw[:3] == ["sudo", "php8.3", "-r"]
    assert command.raw[-2:] == ["--", STATEMENT]
    assert command.cwd == "backend"


def test_rows_come_back_in_their_order() -> None:
    assert rows_of(Result(0, '[{"migration": "b"}, {"migration": "a"}]')) == [{"migration": "b"}, {"migration": "a"}]


def test_no_rows_are_rows() -> None:
    assert rows_of(Result(0, "[]")) == []


@pytest.mark.parametrize(
    "output",
    [
        "",
        "PHP Warning: something",
        '{"migration": "a"}',
        "null",
        '"a"',
        "[1, 2]",
        '[{"a": 1}, ["a"]]',
        '[{"a": 1}',
        "3",
    ],
)
def test_what_is_no_list_of_rows_is_an_error(output: str) -> None:
    with pytest.raises(CommandError, match="the application's database cannot be asked") as told:
        rows_of(Result(0, output))
    assert "laravel.sql" in str(told.value)


def test_rows_of_a_command_that_failed_are_none() -> None:
    with pytest.raises(CommandError, match="cannot be asked"):
        rows_of(Result(1, '[{"migration": "a"}]'))


def test_the_error_names_what_was_said_last() -> None:
    with pytest.raises(CommandError, match="Access denied for user"):
        rows_of(Result(1, "Stack trace\nSQLSTATE[HY000] Access denied for user\n\n"))


def test_the_error_says_that_nothing_was_said() -> None:
    with pytest.raises(CommandError, match="no output"):
        rows_of(Result(1, ""))


def test_what_was_said_is_printable_in_the_error() -> None:
    with pytest.raises(CommandError) as told:
        rows_of(Result(1, "\x1b]0;owned\x07"))
    assert "\x1b" not in str(told.value)
