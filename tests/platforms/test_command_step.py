"""A step of commands: in order until one fails, taken up after a crash, done once more where that does no harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.command import Command, Secret
from runbook_lib.connectors.local import LocalConnector
from runbook_lib.errors import StepFailedError, UnsettledStepError
from runbook_lib.platforms.command_step import Bench

RUN = "run"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(LocalConnector(tmp_path), "production.local", RUN)


@pytest.fixture
def says(tmp_path: Path) -> Callable[..., Command]:
    """A command that notes its word each time it runs."""
    return lambda word, then="": Command.of("sh", "-c", f"echo {word} >> {tmp_path}/ran; {then or 'true'}")


@pytest.fixture
def ran(tmp_path: Path) -> Callable[[], list[str]]:
    return lambda: (tmp_path / "ran").read_text().split() if (tmp_path / "ran").exists() else []


def lose(tmp_path: Path, number: int) -> None:
    """What a reboot leaves of a command that ran."""
    path = tmp_path / "commands" / RUN / f"production.local.make.{number}"
    path.with_name(f"{path.name}.exit").unlink()
    path.with_name(f"{path.name}.pid").write_text("999999999\n")


def test_a_step_says_what_it_is(bench: Bench) -> None:
    step = bench.step("make", "make it", Command.of("echo", Secret("s3cret"), "a b"), no_undo="no harm")
    assert (step.id, step.title, step.host) == ("production.local.make", "make it", "local")
    assert (step.shows, step.no_undo, step.repeatable) == (("echo [secret] 'a b'",), "no harm", False)


def test_commands_run_in_order(bench: Bench, says: Callable[..., Command], ran: Callable[[], list[str]]) -> None:
    step = bench.step("make", "make it", says("a"), says("b"), says("c", "echo last; echo"))
    assert step.done() is False
    assert step.do() == "last"
    assert (ran(), step.done()) == (["a", "b", "c"], True)


def test_the_first_failure_ends_it(bench: Bench, says: Callable[..., Command], ran: Callable[[], list[str]]) -> None:
    step = bench.step("make", "make it", says("a"), says("b", "echo 'no room' >&2; exit 9"), says("c"))
    with pytest.raises(StepFailedError, match="status 9: no room"):
        step.do()
    assert (ran(), step.done()) == (["a", "b"], False)


def test_doing_it_again_starts_nothing(
    bench: Bench, says: Callable[..., Command], ran: Callable[[], list[str]]
) -> None:
    step = bench.step("make", "make it", says("a"), repeatable=True)
    step.do()
    step.do()
    assert ran() == ["a"]


@pytest.mark.parametrize("repeatable", [True, False])
def test_what_was_left_in_the_middle_is_taken_up(
    bench: Bench, says: Callable[..., Command], ran: Callable[[], list[str]], repeatable: bool
) -> None:
    bench.connector.change(says("a"), f"{RUN}/production.local.make.1")
    bench.step("make", "make it", says("a"), says("b"), repeatable=repeatable).do()
    assert ran() == ["a", "b"]


def test_a_failure_stays_one_where_doing_it_twice_may_harm(
    bench: Bench, says: Callable[..., Command], ran: Callable[[], list[str]]
) -> None:
    step = bench.step("make", "make it", says("a", "exit 1"))
    for _ in range(2):
        with pytest.raises(StepFailedError):
            step.do()
    assert ran() == ["a"]


@pytest.mark.parametrize("how", ["repeatable", "with a probe"])
def test_a_failure_is_tried_once_more_each_time(
    bench: Bench, says: Callable[..., Command], ran: Callable[[], list[str]], tmp_path: Path, how: str
) -> None:
    holds = (lambda: (tmp_path / "mended").exists()) if how == "with a probe" else None
    step = bench.step(
        "make", "make it", says("a"), says("b", f"test -e {tmp_path}/mended"), holds=holds, repeatable=holds is None
    )
    for _ in range(2):
        with pytest.raises(StepFailedError):
            step.do()
        assert step.done() is False
    (tmp_path / "mended").touch()
    step.do()
    assert (ran(), step.done()) == (["a", "b"] * 3, True)


def test_what_was_lost_is_repeated(
    bench: Bench, says: Callable[..., Command], ran: Callable[[], list[str]], tmp_path: Path
) -> None:
    step = bench.step("make", "make it", says("a"), says("b"), repeatable=True)
    step.do()
    lose(tmp_path, 2)
    assert step.done() is False
    step.do()
    assert (ran(), step.done()) == (["a", "b", "b"], True)


def test_what_cannot_be_taken_up_in_the_middle_is_begun_anew(bench: Bench, tmp_path: Path) -> None:
    """As when the command that was lost had made half of a folder, and fails where there is one."""
    step = bench.step(
        "make",
        "make it",
        Command.of("rm", "-rf", str(tmp_path / "folder")),
        Command.of("mkdir", str(tmp_path / "folder")),
        repeatable=True,
    )
    step.do()
    lose(tmp_path, 2)
    step.do()
    assert step.done() is True


def test_what_was_lost_and_may_harm_is_not_settled(
    bench: Bench, says: Callable[..., Command], ran: Callable[[], list[str]], tmp_path: Path
) -> None:
    step = bench.step("make", "make it", says("a"))
    step.do()
    lose(tmp_path, 1)
    assert step.done() is False
    with pytest.raises(UnsettledStepError):
        step.do()
    assert ran() == ["a"]


def test_the_environments_own_commands(tmp_path: Path) -> None:
    bench = Bench(LocalConnector(tmp_path), "production.local", RUN, {"TOKEN": Secret("s3cret")})
    steps = list(bench.own("install", [["sh", "-c", "pwd; echo $TOKEN"], ["true"]], tmp_path))
    assert [step.id for step in steps] == ["production.local.install.1", "production.local.install.2"]
    assert all(step.repeatable for step in steps)
    assert steps[0].do() == "[secret]"
    assert [step.id for step in bench.own("clear", [["true"]], tmp_path)] == ["production.local.clear"]
