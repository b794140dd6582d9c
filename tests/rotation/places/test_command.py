"""A place that commands of your own reach: here a store in a file, which is read and written by real processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.config import SecretPlace
from runbook_lib.connectors.local import LocalConnector
from runbook_lib.errors import PlatformError, StepFailedError
from runbook_lib.rotation.places.command import CommandPlace
from tests.rotation.processes import Processes

ODD = "o l d 'quoted' \"$x\" # \\ % żółć"
NEW = {"value": "n3w $(touch broken) `x` ; # s3cr3t"}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "store").write_text(f"{ODD}\n")
    return tmp_path / "store"


def place(folder: Path, *, reads: bool = True, write: str = "cat > store") -> CommandPlace:
    read = {"read": ["cat", "store"]} if reads else {}
    table = SecretPlace.model_validate({"kind": "command", "write": ["sh", "-c", write], **read})
    return CommandPlace(table, 1, LocalConnector(folder / "state"), str(folder), "run-1")


def test_a_value_is_read_as_it_is_and_another_is_written(store: Path) -> None:
    command = place(store.parent)
    assert command.read() == {"value": ODD}
    assert command.holds(NEW) is False
    command.write(NEW)
    command.write(NEW)
    assert store.read_text() == NEW["value"]
    assert command.holds(NEW) is True
    assert not (store.parent / "broken").exists()


def test_what_was_there_is_put_back(store: Path) -> None:
    command = place(store.parent)
    kept = command.keep()
    command.write(NEW)
    command.put_back(kept)
    assert command.read() == {"value": ODD}


def test_the_value_is_in_no_process_list_and_no_file_but_the_store(store: Path) -> None:
    with Processes() as processes:
        place(store.parent, write="sleep 0.3; cat > store").write(NEW)
    assert processes.looks > 2
    assert any("sleep 0.3" in text for text in processes.seen.values())
    files = {
        str(file): file.read_text("latin-1") for file in store.parent.rglob("*") if file.is_file() and file != store
    }
    seen = {**processes.seen, **files}
    assert [name for name, text in seen.items() if "n3w $(touch" in text] == []


def test_without_a_reading_command_there_is_no_way_back(store: Path) -> None:
    command = place(store.parent, reads=False)
    assert (command.read(), command.holds(NEW)) == ({}, None)
    assert command.warnings == ["sh -c cat > store has no `read`: there is no way back from it"]
    with pytest.raises(StepFailedError, match="what was there is not known"):
        command.put_back(command.keep())


def test_a_command_that_fails_is_named_with_what_it_says_but_not_the_value(store: Path) -> None:
    with pytest.raises(StepFailedError, match="ended with status 3") as caught:
        place(store.parent, write='echo "cannot keep $(cat)" >&2; exit 3').write({"value": "n3w-s3cr3t-value"})
    assert "n3w-s3cr3t-value" not in str(caught.value)
    store.unlink()
    with pytest.raises(PlatformError, match="`cat store` ended with status 1"):
        place(store.parent).facts()
