"""One tree of errors, drawn on top of its file; each message can name the next step."""

from __future__ import annotations

import inspect
import re

import pytest

from runbook_lib import errors
from runbook_lib.errors import RunbookError, RunInterrupted

CLASSES = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind)}


def drawn():
    """The tree of the docstring: parent by name."""
    parents, above = {}, {}
    for text in (errors.__doc__ or "").splitlines():
        found = re.match(r"([│├└─ ]*)([A-Z]\w+)", text)
        if found and (found[1] or text in ("RunbookError", "KeyboardInterrupt")):
            depth = len(found[1]) // 4
            above[depth] = found[2]
            if depth:
                parents[found[2]] = above[depth - 1]
    return parents


def test_the_tree_is_drawn_as_it_is():
    assert drawn() == {name: kind.__base__.__name__ for name, kind in CLASSES.items() if kind is not RunbookError}


@pytest.mark.parametrize("name", CLASSES)
def test_every_error_says_what_it_means(name):
    assert inspect.getdoc(CLASSES[name])


def test_a_message_names_the_next_step():
    assert str(RunbookError("no such tag", next_step="name another")) == "no such tag\nNext: name another"


def test_a_message_without_a_next_step_is_the_message():
    assert str(RunbookError("no such tag")) == "no such tag"


def test_an_interruption_is_not_swallowed_with_other_errors():
    assert not issubclass(RunInterrupted, Exception)
    assert issubclass(RunInterrupted, KeyboardInterrupt)


def test_an_interruption_says_that_the_same_command_continues():
    error = RunInterrupted(15, "SIGTERM")
    assert error.signum == 15
    assert str(error) == "interrupted by SIGTERM\nNext: run the same command again: it continues this run"


def test_a_notebook_shows_the_message_and_no_traceback():
    error = errors.StepError("it is closed", next_step="open another")
    assert error._render_traceback_() == ["it is closed", "Next: open another"]
    assert errors.RunStopped("stopped")._render_traceback_()[0] == "stopped"
