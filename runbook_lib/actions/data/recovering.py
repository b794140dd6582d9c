"""Recovery to a moment: a backup is made of it, on a server beside; it is then restored as any other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from runbook_lib.actions.data.backing_up import (
    HARMLESS,
    RUNBOOK,
    BackupProcedure,
    step_of_part,
    step_of_record,
)
from runbook_lib.backups import recovery, scratch
from runbook_lib.backups.dump import Dump
from runbook_lib.backups.engine import engine_of
from runbook_lib.backups.record import Backup, Part, shown
from runbook_lib.backups.repository import find
from runbook_lib.backups.restoring import refuse
from runbook_lib.backups.taking import DATABASE, Source, Taking
from runbook_lib.display import Table
from runbook_lib.errors import ConfigurationError
from runbook_lib.run.plan import Plan, Section, Snapshot, Step

CAME_TO = "recovered"


@dataclass
class Moments(BackupProcedure):
    """Says which moments can be reached."""

    def _read(self) -> Snapshot:
        return {"lines": engine_of(self.target).point_in_time()}

    def lost(self) -> Table:
        lines = [*engine_of(self.target).point_in_time(), *self._reached()]
        self.run.record("moments", lines=lines)
        return Table("Moments between two backups", ("what",), [(line,) for line in lines])

    def _reached(self) -> Iterator[str]:
        try:
            found = recovery.starts(recovery.recovery_of(self.target), self.repository.backups())
        except ConfigurationError as error:
            yield f"none: {error.message}; {error.next_step}"
            return
        if not found:
            yield f"none yet: no backup leads to later moments; {recovery.TAKE} takes one that does"
            return
        yield from (f"from {shown(at)} on: backup {backup.id}" for at, backup, _ in found)
        yield f"to go to one: papermill {RUNBOOK}.ipynb -p action recover -p to '{shown(found[-1][0])}'"

    def _build(self, snapshot: Snapshot) -> Plan:
        return self._of(f"Which moments {self.target.label} can go to", snapshot)


@dataclass
class Recovering(BackupProcedure):
    """Makes a backup of a moment between two. to: Unix time."""

    to: float = 0.0
    expected = "about as long as unpacking a backup, replaying what was logged since, and dumping it"

    def lost(self) -> str:
        return (
            f"Nothing is lost by this: what was written after {shown(self.to)} is counted before the backup that it "
            "makes is restored."
        )

    def _read(self) -> Snapshot:
        found = recovery.recovery_of(self.target)
        backup, part = recovery.start(found, self.repository.backups(), self.to)
        refuse(self.target, backup)
        return {
            "to": self.to,
            "backup": backup.id,
            "part": [part.name, part.sha256],
            "programs": found.refuse(part),
            "place": self.repository.place,
            "left": [str(folder) for folder in self._left() if folder != self._folder],
        }

    def _build(self, snapshot: Snapshot) -> Plan:
        label = self.target.label
        backup = find(self.repository, snapshot["backup"])
        part = backup.part(snapshot["part"][0])
        assert part is not None  # noqa: S101 - it is the one that was read
        taking = self._taking(backup, part)
        steps = (
            *(self._cleaning(Path(folder)) for folder in snapshot["left"]),
            self._flushing(),
            replace(self._recovering(taking), shows=(f"{part.file}, {part.bytes} bytes; {snapshot['programs']}",)),
            step_of_record(taking, lambda: self._record(taking)),
        )
        back = (self._step("back.drop", "drop the server beside", lambda: self._drop(self._folder)),)
        title = f"make a backup of {shown(self.to)}"
        section = Section("recover", label, title, steps, back)
        return self._of(
            f"Recover {label} as it was at {shown(self.to)}, from {backup.id} and what was logged since",
            snapshot,
            section,
        )

    def apply(self) -> str:
        """Carry it out; what it came to."""
        return "\n".join([super().apply(), *(f"recovered: {line}" for line in self._came_to())])

    def close(self) -> str:
        self.run.suggest(
            f"see what is lost, then restore it: papermill {RUNBOOK}.ipynb -p action restore "
            f"-p environment {self.target.name} -p backup {self.run.id}; single tables of it: -p tables NAMES"
        )
        return super().close()

    # -- steps -----------------------------------------------------------------------------------------------------

    def _cleaning(self, folder: Path) -> Step:
        title = f"remove {folder}, which a killed run left"
        return self._step(f"clean.{folder.name}", title, lambda: self._drop(folder))

    def _flushing(self) -> Step:
        def flush() -> str:
            return recovery.recovery_of(self.target).flush()

        # A moment that was archived before can still be reached.
        return replace(self._step("flush", "have the server hand over its log until now", flush), stops=False)

    def _recovering(self, taking: Taking) -> Step:
        (source,) = taking.sources
        step = step_of_part(self.target, taking, source)

        def recovered() -> str:
            return "; ".join([step.do(), *self._came_to()])

        return replace(step, title=f"recover it on a server beside and dump {source.what}", do=recovered)

    def _step(self, name: str, title: str, do: Callable[[], str]) -> Step:
        return Step(f"recover.{name}", title, do, lambda: None, repeatable=True, no_undo=HARMLESS)

    # -- within ----------------------------------------------------------------------------------------------------

    @property
    def _folder(self) -> Path:
        return scratch.place(recovery.work_of(self.target), self.mark)

    def _came_to(self) -> list[str]:
        """What the recovery came to, a line; none where it did not come to an end yet."""
        return [event.data["line"] for event in self.run.journal.events(self.run.id, CAME_TO)][-1:]

    def _drop(self, folder: Path) -> str:
        scratch.remove(folder)
        return ""

    def _taking(self, backup: Backup, part: Part) -> Taking:
        engine = engine_of(self.target)
        source = Source(
            DATABASE, engine.kind, engine.name, lambda: self._dumping(part), lambda: part.server, engine.tool
        )
        return Taking(self.target, self.repository, self.run.id, self.run.folder, [source], recovered=backup.id)

    @contextlib.contextmanager
    def _dumping(self, part: Part) -> Iterator[Dump]:
        """A dump of the database as it was, whose server is there as long as it flows."""
        found = recovery.recovery_of(self.target)
        with (
            scratch.scratch(recovery.work_of(self.target), self.mark, found.account) as beside,
            found.recovered(beside, self.repository, part, self.to) as (engine, line),
        ):
            self.run.record(CAME_TO, to=self.to, when=shown(self.to), line=line)
            with engine.dumping() as dump:
                yield dump

    def _record(self, taking: Taking) -> Backup:
        return taking.record(self.to, {})
