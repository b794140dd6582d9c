"""What changed lately: releases, configuration, migrations, runs, mitigations; with the time where it is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from runbook_lib.command import Command, printable
from runbook_lib.config import FILE_NAME, Target
from runbook_lib.datastores.sql import sql_of
from runbook_lib.errors import CommandError, PlatformError
from runbook_lib.migrations.files import in_order, migration_name
from runbook_lib.platforms import platform_of
from runbook_lib.platforms.base import Release
from runbook_lib.run.in_force import InForce
from runbook_lib.run.journal import Journal

Kind = Literal["release", "configuration", "migration", "run", "mitigation"]

RUNS = 30
MIGRATIONS = 5
# A folder that is not there holds no migrations; one that cannot be read is an error.
LISTING = 'for folder; do test ! -e "$folder" || ls -- "$folder" || exit 1; done'
PATIENCE = 4.0
# Runbooks that change nothing.
LOOKING = ("triage", "verify", "site_down", "high_error_rate", "high_latency", "data_concern", "suspected_breach")


@dataclass(frozen=True)
class Change:
    """Something that is not as it was. at: Unix time, or None where nothing tells; where: host, or empty."""

    kind: Kind
    what: str
    at: float | None = None
    where: str = ""


def switches(releases: Mapping[str, Release], switched: Mapping[str, float]) -> list[Change]:
    """When the release that is live was put in place; hosts that got it together are told together."""
    groups: dict[tuple[str, float | None], list[str]] = defaultdict(list)
    for host, release in releases.items():
        moment = switched.get(host)
        groups[str(release), moment and moment // 300].append(host)
    found = []
    for (tag, _), hosts in groups.items():
        moments = [switched[host] for host in hosts if host in switched]
        found.append(Change("release", f"{tag} went live", min(moments, default=None), ", ".join(hosts)))
    return found


def recorded(journal: Journal, label: str, since: float) -> list[Change]:
    """The runs that changed an environment since a Unix time, newest first."""
    return [
        Change("run", f"{run.runbook} {run.status} (run {run.run})", run.opened)
        for run in journal.runs(RUNS)
        if run.environment == label and run.opened >= since and run.runbook not in LOOKING
    ]


def failed(journal: Journal, label: str, since: float) -> dict[tuple[str, str], str]:
    """The last run of a runbook with an action, where it changed something since a Unix time and failed, and none went
    well after it: its id, by runbook and action ("" for a runbook that has none)."""
    found: dict[tuple[str, str], str] = {}
    for run in reversed(journal.runs(RUNS)):
        if run.environment != label or run.opened < since or run.runbook in LOOKING:
            continue
        kinds = {event.kind: event.data for event in journal.events(run.run)}
        key = run.runbook, str(kinds.get("opened", {}).get("parameters", {}).get("action", ""))
        found.pop(key, None)
        if run.status == "failed" and "step started" in kinds:
            found[key] = run.run
    return found


def mitigations(in_force: list[InForce]) -> list[Change]:
    return [Change("mitigation", f"{item.what} in force", item.since) for item in in_force]


def configuration(target: Target) -> list[Change]:
    """The file that describes this environment."""
    file = target.root / FILE_NAME
    moment = _modified(file)
    return [Change("configuration", f"{file.name} was written", moment)] if moment else []


def files(host: str, changed: Mapping[str, float]) -> list[Change]:
    """The application's own files on a host."""
    return [Change("configuration", f"{name} was written", moment, host) for name, moment in changed.items()]


def migrations(target: Target) -> list[Change]:
    """The last batch of migrations; the table has no times. RunbookError where it cannot be read."""
    return list(_migrations(target))


def _migrations(target: Target) -> Iterator[Change]:
    with sql_of(target).transaction(writes=False) as execute:
        rows = execute("SELECT migration, batch FROM migrations ORDER BY batch DESC, id DESC")
    last = [str(name) for name, batch in rows if batch == rows[0][1]]
    if last:
        more = f" and {len(last) - MIGRATIONS} more" if len(last) > MIGRATIONS else ""
        yield Change("migration", f"last batch: {', '.join(last[:MIGRATIONS])}{more}")


def pending(target: Target) -> list[str]:
    """The migrations among the files of the live release that have no row, as they would run; of the first host.
    RunbookError where files or rows cannot be read."""
    laravel, platform = target.environment.laravel, platform_of(target)
    assert laravel is not None  # noqa: S101 - only looked at where it is configured
    folders, within = laravel.migrations, laravel.folder or "."
    command = Command.of("sh", "-c", LISTING, "sh", *folders, cwd=within, timeout=PATIENCE)
    host = next(iter(platform.hosts()), None)
    if host is None:
        raise PlatformError(f"nothing of {target.label} runs", next_step="see what the platform says of it")
    connector, inside = platform.live(command, host)
    listed = connector.read(inside)
    if not listed.ok:
        raise CommandError(
            f"{', '.join(folders)} on {host} cannot be read: {printable(listed.last_line)}",
            next_step="check laravel.folder and laravel.migrations",
        )
    with sql_of(target).transaction(writes=False) as execute:
        ran = {str(name) for (name,) in execute("SELECT migration FROM migrations")}
    files = (line for line in listed.output.splitlines() if line.endswith(".php"))
    return in_order(name for file in files if (name := migration_name(file)) not in ran)


def not_run(names: Sequence[str]) -> list[Change]:
    """Migrations that came with the live release and did not run."""
    more = f" and {len(names) - MIGRATIONS} more" if len(names) > MIGRATIONS else ""
    return [Change("migration", f"not run: {', '.join(names[:MIGRATIONS])}{more}")] if names else []


def _modified(file: Path) -> float | None:
    try:
        return file.stat().st_mtime
    except OSError:
        return None
