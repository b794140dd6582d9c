"""A command is a value: what the system gets, what a reader may see."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from runbook_lib.command import MASK, Command, Result, Secret, mask, nearest, printable, quantity, runbook_command


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    """Secrets of other tests are not known here."""
    monkeypatch.setattr("runbook_lib.command._known", set())


# -- secrets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{!r}".format, lambda s: f"{s}", lambda s: f"{[s]}"])
def test_a_secret_is_never_shown(show):
    assert "hunter2" not in show(Secret("hunter2"))


def test_a_secret_is_revealed_on_request():
    assert Secret("hunter2").reveal() == "hunter2"


def test_a_secret_has_no_attributes_to_stumble_over():
    assert not hasattr(Secret("hunter2"), "__dict__")


def test_secrets_are_equal_by_their_value():
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def test_a_known_secret_is_masked_in_any_text():
    Secret("hunter2")
    assert mask("password=hunter2; again hunter2") == f"password={MASK}; again {MASK}"


def test_the_longer_of_two_secrets_is_masked_first():
    Secret("hunter")
    Secret("hunter2")
    assert mask("hunter2") == MASK


def test_an_empty_secret_masks_nothing():
    Secret("")
    assert mask("text") == "text"


# -- commands -------------------------------------------------------------------------------------------------------


def test_the_system_gets_the_words_as_they_are():
    command = Command.of("echo", "a b", "$(rm -rf /)", Secret("hunter2"), Path("/srv"))
    assert command.raw == ["echo", "a b", "$(rm -rf /)", "hunter2", "/srv"]


def test_a_reader_sees_the_words_quoted_and_the_secret_masked():
    command = Command.of("mysql", "-e", "SELECT 1; --", Secret("hunter2"))
    assert str(command) == f"mysql -e 'SELECT 1; --' {MASK}"


@pytest.mark.parametrize("word", ["", "a b", "$HOME", "`id`", "it's", "*", "-rf", "a\nb", "ünï"])
def test_what_is_shown_can_be_pasted(word):
    assert shlex.split(str(Command.of("echo", word))) == ["echo", word]


def test_a_secret_within_another_word_is_masked_too():
    Secret("hunter2")
    assert "hunter2" not in str(Command.of("curl", "https://ada:hunter2@shop"))


def test_the_representation_shows_no_secret():
    assert "hunter2" not in repr(Command.of("x", Secret("hunter2"), env={"PASSWORD": Secret("hunter2")}))


def test_variables_are_revealed_for_the_system_alone():
    command = Command.of("x", env={"PASSWORD": Secret("hunter2"), "MODE": "fast"})
    assert command.raw_env == {"PASSWORD": "hunter2", "MODE": "fast"}
    assert "hunter2" not in str(command)


def test_folder_and_time_limit_are_part_of_it():
    command = Command.of("x", cwd=Path("/srv"), timeout=5)
    assert (command.cwd, command.timeout) == ("/srv", 5)


def test_a_command_does_not_change():
    with pytest.raises(AttributeError):
        Command.of("x").cwd = "/"


# -- results --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "ok"), [(0, True), (1, False), (-9, False), (255, False)])
def test_only_status_zero_is_good(code, ok):
    assert Result(code, "").ok is ok


@pytest.mark.parametrize(("output", "last"), [("a\nb\n", "b"), ("a\n \n\n", "a"), ("", ""), ("  a  ", "a")])
def test_the_last_line_is_the_last_that_says_something(output, last):
    assert Result(0, output).last_line == last


# -- text from outside ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode 漢字", "plain ünïcode 漢字"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\x00b", "a\\x00b"),
        ("a\nb\tc", "a b c"),
        ("a\rb", "a\\x0db"),
        ("\x9bcsi", "\\x9bcsi"),
        ("exe\u202egnp", "exe\\x202egnp"),
        ("\u2066x\u2069", "\\x2066x\\x2069"),
        ("a\u2028b", "a\\x2028b"),
        ("\ud83d", "\\xd83d"),
    ],
)
def test_control_and_direction_characters_are_shown_as_escapes(text, shown):
    assert printable(text) == shown
    assert printable(text).encode()


def test_a_long_text_is_cut():
    assert printable("x" * 300) == "x" * 199 + "…"
    assert printable("x" * 200) == "x" * 200


# -- did you mean ---------------------------------------------------------------------------------------------------


def test_the_nearest_names_come_first():
    assert nearest("v1.4.3", ["v2.0.0", "v1.4.2", "v1.4.30"])[0] in ("v1.4.2", "v1.4.30")


def test_nothing_near_is_nothing():
    assert nearest("zzz", ["v1.4.2"]) == []


def test_a_monstrous_name_is_compared_quickly():
    assert nearest("x" * 10_000_000, ["v1.4.2"] * 100) == []


def test_a_quantity_of_one_is_singular() -> None:
    assert [quantity(number, "step") for number in (0, 1, 1200)] == ["0 steps", "1 step", "1,200 steps"]


def test_a_runbooks_command_can_be_pasted() -> None:
    command = runbook_command("mitigate", {"action": "scale", "undo": True, "value": "it's 3"})
    assert command == """papermill mitigate.ipynb -p action scale -p undo true -p value 'it'"'"'s 3'"""
