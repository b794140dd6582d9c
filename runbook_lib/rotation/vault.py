"""Where the values of one rotation are while it is under way: a file that only its owner reads, in the state folder. A
killed run finds the value again that it had made; at the end the file is gone. The journal never has a value."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from runbook_lib.errors import StepFailedError
from runbook_lib.rotation.values import Values, known

FOLDER = "secrets"


class Vault:
    """The values of one rotation in one environment. state: the journal's folder; run: the run's id; name: of the
    section that it belongs to."""

    def __init__(self, state: Path, run: str, name: str) -> None:
        self._folder = state / FOLDER
        self._file = self._folder / f"{run}.{name}"

    def __contains__(self, part: str) -> bool:
        return part in self._read()

    def values(self, part: str) -> Values:
        """The values kept under a name, "new" or "old". StepFailedError when there are none."""
        kept = self._read()
        if part not in kept:
            raise StepFailedError(
                f"{self._file} does not have the {part} value any more",
                next_step="`runbook abandon` this run, then run the same command again for another new value",
            )
        return known(kept[part])

    def other(self, name: str) -> Any:
        """Anything else that was kept, or None."""
        return self._read().get(name)

    def keep(self, **parts: Any) -> None:
        """Keep values, on disk before this returns. StepFailedError when they cannot be."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = self._file.with_name(f".{self._file.name}.new")
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), 0o600)
                json.dump({**self._read(), **parts}, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, self._file)
            self._sync_folder()
        except OSError as error:
            raise StepFailedError(
                f"the new value cannot be kept in {self._folder}: {error.strerror}",
                next_step="check that folder's permissions and the room on its disk",
            ) from error

    def forget(self) -> str:
        """Remove what was kept."""
        self._file.unlink(missing_ok=True)
        self._file.with_name(f".{self._file.name}.new").unlink(missing_ok=True)
        return "the values kept for this run are removed"

    def _sync_folder(self) -> None:
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _read(self) -> dict[str, Any]:
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise StepFailedError(f"{self._file} cannot be read: {type(error).__name__}") from error
        return dict(kept)


def sweep(state: Path, unfinished: set[str]) -> None:
    """Remove what runs left that are over. unfinished: ids of those that may be continued."""
    for file in (state / FOLDER).glob("*"):
        if file.name.lstrip(".").partition(".")[0] not in unfinished:
            file.unlink(missing_ok=True)
