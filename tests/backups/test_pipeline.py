"""Programs connected by pipes: what one says is heard, what is cut off is not taken for the whole."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.backups.pipeline import consume, stream
from runbook_lib.command import Command, Secret
from runbook_lib.errors import BackupError, CommandError

CAT = Command.of("cat")


def sh(script: str) -> Command:
    return Command.of("sh", "-c", script)


def test_data_flows_through_all_of_them() -> None:
    assert b"".join(stream([CAT, sh("tr a-z A-Z"), CAT], [b"some ", b"data"])) == b"SOME DATA"


def test_without_programs_it_is_the_source() -> None:
    assert list(stream([], [b"a", b"b"])) == [b"a", b"b"]


def test_much_flows_through_little_memory() -> None:
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    size = sum(len(piece) for piece in stream([CAT, CAT], (b"x" * 1_000_000 for _ in range(300))))
    assert size == 300_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000


def test_one_that_fails_is_named_with_what_it_says() -> None:
    with pytest.raises(CommandError, match="sh ended with 3: out of luck"):
        consume([CAT, sh("cat >/dev/null; echo out of luck >&2; exit 3"), CAT], [b"x"])


def test_one_that_ends_early_is_the_cause_and_not_those_who_wrote_to_it() -> None:
    with pytest.raises(CommandError, match=r"^sh ended with 4: enough") as caught:
        consume([CAT, sh("echo enough >&2; exit 4")], (b"x" * 100_000 for _ in range(100)))
    assert "cat" not in caught.value.message


def test_a_source_that_breaks_is_the_cause_and_nobody_sees_an_end(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half of it"
        time.sleep(0.2)
        raise BackupError("the source broke")

    with pytest.raises(BackupError, match="the source broke"):
        consume([sh(f"cat > {tmp_path}/seen && touch {tmp_path}/complete")], broken())
    assert not (tmp_path / "complete").exists()


def test_programs_that_feed_programs_are_connected_to_each_other() -> None:
    """Nobody stands between them: the second one reads from a pipe into which the first one writes."""
    where = "readlink /proc/$$/fd/"
    first = stream([sh(f"{where}1; exec cat")], [b"data"])
    said = b"".join(stream([sh(f"cat; {where}0")], first)).split()
    assert said[0] == said[-1].removeprefix(b"data")
    assert said[0].startswith(b"pipe:")


def test_one_before_that_fails_is_named_and_the_rest_is_no_whole() -> None:
    first = stream([sh("echo half of it; echo out of luck >&2; exit 3")])
    with pytest.raises(CommandError, match=r"^sh ended with 3: out of luck") as caught:
        consume([CAT], first)
    assert "cat" not in caught.value.message


def test_who_stops_reading_ends_the_programs(tmp_path: Path) -> None:
    pieces = stream([sh(f"echo $$ > {tmp_path}/pid; exec cat /dev/zero")])
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CommandError) as caught:
        consume([Command.of("pg_dump")])
    assert "pg_dump is not installed" in caught.value.message
    assert caught.value.next_step == "apt install postgresql-client"


def test_a_secret_that_a_program_says_is_masked() -> None:
    command = Command.of("sh", "-c", 'echo "wrong: $PASSWORD" >&2; exit 1', env={"PASSWORD": Secret("hunter2-9f")})
    with pytest.raises(CommandError) as caught:
        consume([command])
    assert "hunter2" not in str(caught.value)
