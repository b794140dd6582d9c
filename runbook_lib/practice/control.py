"""Calling the server command, and telling what the system says as an error with a next step."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from runbook_lib.errors import PracticeError
from runbook_lib.practice import server
from runbook_lib.practice.ground import Ground, Marker


def control(marker: Marker, calls: Mapping[str, Sequence[str]]) -> None:
    """Run the server command once for each call, side by side. PracticeError with the last words of one that
    failed.

    A process of its own, because it forks: this one may have threads.
    """
    processes = {
        name: subprocess.Popen(
            [marker.python, "-I", "-S", marker.server, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        for name, words in calls.items()
    }
    failed = {}
    for name, process in processes.items():
        _, said = process.communicate()
        if process.returncode:
            failed[name] = said.strip() or f"status {process.returncode}"
    if failed:
        raise PracticeError(
            "; ".join(f"{name} does not start: {said}" for name, said in failed.items()),
            next_step="run `runbook practice reset`",
        )


@contextmanager
def explained(ground: Ground) -> Iterator[None]:
    """What the system says, as a PracticeError with the next step."""
    try:
        yield
    except server.ServerError as error:
        raise PracticeError(str(error), next_step="run `runbook practice status`, then start again") from error
    except OSError as error:
        raise PracticeError(
            f"the practice environment in {ground.folder} cannot be used: {error}",
            next_step=_NEXT_STEPS.get(error.errno or 0, "check that folder, then run the same command again"),
        ) from error


_ELSEWHERE = "run in a folder that you may write to, or describe your own service in runbooks.toml"
_NEXT_STEPS = {
    errno.EACCES: _ELSEWHERE,
    errno.EPERM: _ELSEWHERE,
    errno.EROFS: _ELSEWHERE,
    errno.ENOSPC: "free disk space (about 5 MB are needed), then run the same command again",
    errno.EDQUOT: "free disk space (about 5 MB are needed), then run the same command again",
}
