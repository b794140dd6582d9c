"""Drilling: one at a time, each with its evidence."""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from runbook_lib.command import Command
from runbook_lib.connectors import connector_to
from runbook_lib.drills.base import Drill, World
from runbook_lib.drills.commands import Place
from runbook_lib.drills.drill import Performance, perform
from runbook_lib.drills.evidence import FOLDER, Evidence, source_digest
from runbook_lib.errors import DrillError, RunbookError
from runbook_lib.run.journal import Journal
from runbook_lib.run.lock import Locks

Say = Callable[[str], None]

PACKAGES = ("runbook-lib", "papermill", "nbclient", "ipython", "docker", "GitPython", "pydantic", "redis")


@contextmanager
def alone(journal: Journal) -> Iterator[None]:
    """One drill at a time on what shares this record. LockHeldError names who drills."""
    locks = Locks(journal, f"drill-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(2)}")
    locks.take(["drill"])
    try:
        yield
    finally:
        locks.release()


def drilled(drills: Sequence[Drill], world: World, notebooks: Path, say: Say) -> Iterator[Evidence]:
    """Carry drills out one after the other; the evidence of each, written as soon as there is some.

    At the end the world is mended. LockHeldError while another one drills; DrillError for a runbook that there is not.
    """
    for drill in drills:
        if not (notebooks / f"{drill.runbook}.ipynb").is_file():
            raise DrillError(f"there is no runbook {drill.runbook} in {notebooks}", next_step="`runbook list`")
    journal = Journal(world.target.state)
    with alone(journal):
        place = Place.prepared(world.folder, notebooks)
        try:
            for drill in drills:
                say(f"drill {drill.name}: {drill.about}")
                yield _evidence(perform(drill, world, place, say), world, notebooks)
        finally:
            shutil.rmtree(place.folder, ignore_errors=True)
            world.mend()


def _evidence(done: Performance, world: World, notebooks: Path) -> Evidence:
    state = world.target.state
    source = notebooks / f"{done.drill.runbook}.ipynb"
    found = Evidence(
        drill=done.drill.name,
        runbook=done.drill.runbook,
        fault=done.drill.fault,
        on=world.on,
        status="failed" if done.reason else "passed",
        digest=source_digest(json.loads(source.read_text(encoding="utf-8"))),
        began=done.began,
        reason=done.reason,
        commit=_commit(notebooks, state),
        versions=_versions(),
        seconds=done.seconds,
        runs=done.runs,
        incident=done.incident,
        parameters=done.parameters,
        blamed=done.blamed,
        notebook=_kept_notebook(done, state),
    )
    found.write(state)
    return found


def _kept_notebook(done: Performance, state: Path) -> str:
    """Keep the executed notebook beside the record; its file name, or empty when none was left. What a run writes is
    masked already."""
    journal = Journal(state)
    folders = (journal.folder_of(run) for run in done.runs)
    executed = next((file for folder in folders for file in folder.glob(f"{done.drill.runbook}*.ipynb")), None)
    if executed is None:
        return ""
    name = f"{done.drill.name}.ipynb"
    (state / FOLDER).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(executed, state / FOLDER / name)
    return name


def _commit(folder: Path, state: Path) -> str:
    """The commit of the project that the runbooks are in, or an empty string outside a repository."""
    command = Command.of("git", "-C", str(folder), "rev-parse", "--verify", "--quiet", "HEAD")
    try:
        asked = connector_to("local", state).read(command)
    except RunbookError:
        return ""
    return asked.output.strip() if asked.ok else ""


def _versions() -> dict[str, str]:
    found = {"python": python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
