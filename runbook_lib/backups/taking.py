"""Taking a backup: every part dumped, packed, stored and counted; then the record, last."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from runbook_lib.backups.dump import Dump
from runbook_lib.backups.engine import engine_of
from runbook_lib.backups.folders import Files
from runbook_lib.backups.packing import packed, suffix
from runbook_lib.backups.record import Backup, Counted, Part
from runbook_lib.backups.repository import Repository
from runbook_lib.config import Backups, Target
from runbook_lib.errors import ConfigurationError

DATABASE = "database"
# PostgreSQL's whole cluster, from which a recovery to a moment begins.
BASE = "base"


@dataclass(frozen=True)
class Source:
    """Something that is backed up. name: of the part; kind, what: as in its record; counts_after: whether it can only
    be counted when all of it was read."""

    name: str
    kind: str
    what: str
    dumping: Callable[[], AbstractContextManager[Dump]]
    server: Callable[[], str] = lambda: ""
    tool: Callable[[], str] = lambda: ""
    counts_after: bool = False


def sources(target: Target) -> list[Source]:
    """What is backed up of an environment, the database first. ConfigurationError."""
    backups = _backups(target)
    found: list[Source] = []
    if target.environment.database is not None:
        engine = engine_of(target)
        found.append(Source(DATABASE, engine.kind, engine.name, engine.dumping, engine.server, engine.tool))
    for path in backups.folders:
        files = Files(target.resolve(path))
        name = files.name if files.name not in [one.name for one in found] else f"{files.name}-{len(found)}"
        found.append(Source(name, "folder", str(files.path), files.dumping, counts_after=True))
    return found


@dataclass(frozen=True)
class Taking:
    """One backup that is being taken. id: its id; folder: where what is known of each part is kept until all are there;
    sources: what it is made of. evidence, recovered: as in the record.

    Each part can be taken again after it was interrupted; nothing is listed before `record`.
    """

    target: Target
    repository: Repository
    id: str
    folder: Path
    sources: Sequence[Source]
    evidence: bool = False
    recovered: str = ""

    def part(self, source: Source) -> str:
        """Take one part; a line on it. BackupError, CommandError, PlatformError."""
        backups, began = _backups(self.target), time.monotonic()
        server, tool = source.server(), source.tool()
        name = f"{self.id}.{source.name}.{source.kind}.{suffix(backups)}"
        with source.dumping() as dump, ThreadPoolExecutor(1) as pool:
            counting = None if source.counts_after else pool.submit(dump.count)
            stored = self.repository.store(name, packed(backups, dump.pieces))
            tables: Mapping[str, Counted] = dump.count() if counting is None else counting.result()
            part = Part(
                source.name,
                source.kind,
                source.what,
                name,
                stored.bytes,
                stored.sha256,
                backups.compression,
                backups.encryption is not None,
                dict(tables),
                dump.exact,
                server,
                tool,
                dump.migrations,
                round(time.monotonic() - began, 3),
                dump.warnings,
                dump.reach(),
            )
        self._note(source.name, part)
        return f"{part.bytes} bytes, {len(part.tables)} tables, {part.rows} rows"

    def taken(self, source: Source) -> bool:
        """Whether that part is there."""
        return self._place(source.name).exists()

    def record(self, began: float, release: Mapping[str, str]) -> Backup:
        """Write the record of the whole backup. BackupError."""
        from pydantic import TypeAdapter

        texts = [self._place(source.name).read_bytes() for source in self.sources]
        parts = [TypeAdapter(Part).validate_json(text) for text in texts]
        backup = Backup(
            self.id,
            self.target.label,
            began,
            time.time(),
            parts,
            dict(release),
            evidence=self.evidence,
            recovered=self.recovered,
        )
        self.repository.record(backup)
        return backup

    def recorded(self) -> bool:
        """Whether it is listed."""
        return any(backup.id == self.id for backup in self.repository.backups())

    def _note(self, name: str, part: Part) -> None:
        place = self._place(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(part)))
        fresh.replace(place)

    def _place(self, name: str) -> Path:
        return self.folder / f"backup-{self.target.name}-{name}.json"


def _backups(target: Target) -> Backups:
    if target.environment.backups is None:
        raise ConfigurationError(
            f"{target.label} has no table backups", next_step="add it to runbooks.toml; the example shows its keys"
        )
    return target.environment.backups
