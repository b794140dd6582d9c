"""Can the release that goes live run on the schema that is there? Read before any plan; refused when it cannot be shown
and nobody has decided."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from runbook_lib.command import Command, printable, quantity
from runbook_lib.config import Laravel, Target
from runbook_lib.display import Table
from runbook_lib.errors import CommandError, ReleaseRefusedError, RunbookError
from runbook_lib.laravel.database import ApplicationDatabase
from runbook_lib.migrations import (
    Assessment,
    MigrationFile,
    Reference,
    assess,
    brought,
    code_files,
    code_names,
    files_at,
    found_anywhere,
    squashed_at,
)
from runbook_lib.migrations.shimming import made_out
from runbook_lib.migrations.squashed import ENDINGS as DUMPS_ENDINGS
from runbook_lib.migrations.squashed import FOLDER as DUMPS_FOLDER
from runbook_lib.migrations.squashed import names_in
from runbook_lib.platforms.base import Platform, Release
from runbook_lib.run.plan import Snapshot

HEAD = ("environment", "migration", "verdict", "because")

# Each file with its name before it, between NULs, which no PHP source has.
_EACH_FILE = 'for f in "$1"/*$2; do [ -e "$f" ] && printf "\\0%s\\0" "$f" && cat "$f"; done; :'


@dataclass(frozen=True)
class Schema:
    """The database of one environment, before `release` goes live there."""

    target: Target
    platform: Platform
    release: Release

    def reading(self, decision: str = "") -> Snapshot | None:
        """What the database has and the release lacks, with verdict and reasons; None where no table laravel is
        configured. What cannot be read is a verdict of its own: unknown.

        decision: "down" or "shim" adds what carrying it out needs. PlatformError where a shim cannot be made.
        """
        if self.target.environment.laravel is None:
            return None
        try:
            host, live = next(iter(self.platform.current().items()))
            found = self._assessed(host, live)
        except RunbookError as error:
            return {"verdict": "unknown", "brought": [], "migrations": [], "way": f"it cannot be read: {error.message}"}
        possible = decision == "shim" or (decision == "down" and all(m["down"] == "yes" for m in found["migrations"]))
        if possible and found["brought"]:
            found |= self._to_carry_out(found.pop("found"), decision, host)
        found.pop("found", None)
        return found

    def _to_carry_out(self, found: Assessment, decision: str, host: str) -> Snapshot:
        """The schema as it really is, and what of it is to change."""
        tables = ApplicationDatabase(self._laravel, self.platform, host).tables()
        operations = [operation for migration in found.migrations for operation in migration.operations]
        if decision == "down":
            facts = [{"kind": o.kind, "subject": o.subject, "guards": list(o.guards)} for o in operations]
            return {"tables": tables.described(), "operations": facts}
        needed = [operation for operation in operations if str(operation.verdict) != "safe"]
        works = [made_out(shim, tables, self._laravel.kind) for operation in needed for shim in operation.shims]
        unique = list({work.title: work.facts for work in works if work is not None}.values())
        left = [f"{operation.kind} {operation.subject}" for operation in needed if not operation.shims]
        return {"tables": tables.described(), "shims": unique, "left": left}

    def _assessed(self, host: str, live: Release) -> Snapshot:
        known = self._files(self.release)
        applied = self._applied(host)
        names = brought(applied, [*(file.name for file in known), *self._squashed()])
        here = {file.migration: file for file in self._files(live)}
        halfway = self._halfway(here, applied, {file.migration for file in known})
        if not names:
            way = "the schema is the release's own"
            return {"verdict": "safe", "brought": [], "migrations": [], "way": way, **halfway}
        elsewhere = {file.migration: file for file in self._elsewhere([n for n in names if n not in here])}
        sources = here | elsewhere
        found = assess(
            [sources.get(name, MigrationFile(name, None)) for name in names],
            database=self._laravel.database,
            earlier=known,
            references=self._references,
            sources=self._sources if self._repository is not None else None,
        )
        return {
            "verdict": str(found.verdict),
            "brought": names,
            "migrations": _reasons(found, elsewhere),
            "way": found.way,
            "found": found,
            **halfway,
        }

    def _halfway(self, here: Mapping[str, MigrationFile], applied: Collection[str], known: Collection[str]) -> Snapshot:
        """Migrations of the live release alone that have no row. Where the schema changes outside of a transaction, one
        that failed halfway leaves its first changes and no row: nothing tells which."""
        pending = sorted(name for name in here if name not in applied and name not in known)
        transactional = self._laravel.kind != "mysql"
        doubtful = [n for n in pending if not (transactional and b"withinTransaction" not in (here[n].content or b""))]
        if not doubtful:
            return {}
        why = f"{', '.join(doubtful[:5])} did not end: what it changed until then stays, and no row tells of it"
        return {"verdict": "unknown", "way": f"{why}. Compare the schema with the file, and take that back by hand"}

    @cached_property
    def _laravel(self) -> Laravel:
        laravel = self.target.environment.laravel
        assert laravel is not None  # noqa: S101 - reading() asks first
        return laravel

    def _applied(self, host: str) -> list[str]:
        """The rows of the table migrations, in the order in which they ran."""
        return ApplicationDatabase(self._laravel, self.platform, host).applied()

    def _files(self, release: Release) -> list[MigrationFile]:
        """The migration files of a release: from the Git repository, or from inside the image."""
        folders = [str(Path(self._laravel.folder) / folder) for folder in self._laravel.migrations]
        if self._repository is not None:
            return [file for folder in folders for file in files_at(self._repository, release.id, folder)]
        return [file for folder in folders for file in self._files_inside(release, folder, ".php")]

    def _squashed(self) -> list[str]:
        """The migrations that the release keeps as a dump of the schema."""
        if self._repository is not None:
            return squashed_at(self._repository, self.release.id, self._laravel.folder)
        folder = str(Path(self._laravel.folder) / DUMPS_FOLDER)
        dumps = [file for end in DUMPS_ENDINGS for file in self._files_inside(self.release, folder, end)]
        return [name for dump in dumps for name in names_in(dump.content or b"")]

    def _elsewhere(self, names: Sequence[str]) -> list[MigrationFile]:
        """Migrations that the live release lacks as well: the schema was left ahead of it before."""
        if self._repository is None:
            return []
        folders = [str(Path(self._laravel.folder) / folder) for folder in self._laravel.migrations]
        return [file for folder in folders for file in found_anywhere(self._repository, names, folder)]

    def _files_inside(self, release: Release, folder: str, ending: str) -> list[MigrationFile]:
        command = Command.of("sh", "-c", _EACH_FILE, "sh", folder, ending)
        result = next(iter(self.platform.read(release, command).values()))
        if not result.ok:
            raise CommandError(
                f"{folder} in {release} cannot be read: {printable(result.last_line)}",
                next_step="check laravel.folder and laravel.migrations",
            )
        parts = result.output.split("\0")[1:]
        return [MigrationFile(name, text) for name, text in zip(parts[::2], parts[1::2], strict=True)]

    @property
    def _repository(self) -> Path | None:
        git = self.target.environment.git
        return None if git is None else self.target.resolve(git.repository or git.path)

    def _references(self, names: Collection[str]) -> Sequence[Reference]:
        """Where the release's code names what is gone; from an image that is not looked up."""
        if self._repository is None:
            return []
        without = str(Path(self._laravel.folder) / self._laravel.migrations[0])
        return code_names(self._repository, self.release.id, names, without=without, path=self._laravel.folder)

    def _sources(self, words: Collection[str]) -> dict[str, str]:
        """The files of the release's code that name one of these words."""
        assert self._repository is not None  # noqa: S101 - not asked for without one
        without = [str(Path(self._laravel.folder) / folder) for folder in self._laravel.migrations]
        return code_files(self._repository, self.release.id, words, without=without, path=self._laravel.folder)


def refuse(label: str, release: Release, reading: Snapshot | None, decision: str, reason: str) -> None:
    """ReleaseRefusedError unless the release is shown to run on the schema, or somebody decided and wrote down why."""
    if reading is None or reading["verdict"] == "safe":
        return
    if decision == "shim" and "shims" not in reading:
        # Going on would switch the code without them.
        raise ReleaseRefusedError(
            f"no shim can be made out for the database of {label}: {reading['way']}",
            next_step="mend that first, or decide: -p migrations ahead -p migrations_reason 'WHY'",
        )
    told = decision == reading["verdict"] and not reading.get("left")
    if decision and (reason.strip() or (told and decision in ("down", "shim"))):
        return
    worst = [f"{m['name']}: {m['because']}" for m in reading["migrations"] if m["verdict"] == reading["verdict"]]
    raise ReleaseRefusedError(
        f"the database of {label} is not safe for {release}: {reading['verdict']}. "
        f"{'; '.join(worst[:3]) or reading['way']}",
        next_step=f"{reading['way'].rstrip('.')}. Or decide: -p migrations ahead|shim|down -p migrations_reason 'WHY'",
    )


def words(label: str, reading: Snapshot | None, decision: str, reason: str) -> str:
    """One line for the plan."""
    if reading is None:
        return f"database of {label}: not assessed; make sure that the target release can live with the present schema"
    count = len(reading["brought"])
    if not count and reading["verdict"] == "safe":
        return f"database of {label}: safe, {reading['way']}"
    chosen = {"ahead": "left ahead", "down": "taken back", "shim": "shimmed"}.get(decision, "")
    why = f": {reason}" if reason else ""
    left = reading.get("left") or []
    why += f"; not shimmed: {', '.join(left[:5])}" if left else ""
    decided = f"; {chosen} by decision{why}" if chosen and (decision, reading["verdict"]) != ("ahead", "safe") else ""
    lacking = f"{quantity(count, 'migration')} that the target lacks"
    return f"database of {label}: {reading['verdict']}, {lacking}; {reading['way']}{decided}"


def table(readings: dict[str, Any]) -> Table:
    """The assessment of every environment. readings: by environment's name."""
    rows = [
        (name, migration["name"], migration["verdict"], migration["because"])
        for name, reading in readings.items()
        if reading
        for migration in reading["migrations"]
    ]
    notes = [f"{name}: {reading['verdict']}. {reading['way']}" for name, reading in readings.items() if reading]
    return Table("The database", HEAD, rows, notes or ("no table laravel is configured: the schema is not assessed",))


def _reasons(found: Assessment, elsewhere: Collection[str]) -> list[dict[str, str]]:
    """Name, verdict, deciding reason and whether down() reverses it, of each one; "elsewhere" where only another than
    the live release could run it."""
    return [
        {
            "name": one.name,
            "verdict": str(one.verdict),
            "because": because,
            "down": "elsewhere" if one.name in elsewhere else str(one.reversible.can),
        }
        for one, (_, _, because, _) in zip(found.migrations, found.table().rows, strict=True)
    ]
