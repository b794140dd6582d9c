"""Two releases in a Git repository: which migrations the newer one brought, assessed for the older one's code."""

from __future__ import annotations

from functools import partial

from runbook_lib.command import printable
from runbook_lib.errors import ParameterError
from runbook_lib.migrations.assessing import assess
from runbook_lib.migrations.assessment import Assessment
from runbook_lib.migrations.files import MigrationFile, brought, in_order
from runbook_lib.migrations.repository import (
    code_files,
    code_names,
    files_at,
    folders_of_migrations,
    framework_at,
    is_older,
    taken_out,
)

_NOTED = 10


def assess_between(
    releases: str, repo: str, path: str, folders: tuple[str, ...], database: str
) -> tuple[Assessment, list[str]]:
    """The assessment of "TARGET..LIVE" in a Git repository, and what else there is to say. path: the application's
    folder; folders: of migrations in it. ParameterError, PlatformError or UnknownReleaseError where it cannot be told.
    """
    target, live = _pair(releases, repo)
    prefix = f"{path.strip('/')}/" if path.strip("/.") else ""
    if outside := next((place for place in (path, *folders) if ".." in place.split("/")), ""):
        raise ParameterError(
            f"{printable(outside, 80)!r} is no folder of the repository",
            next_step="give it as it is called from the top of the repository",
        )
    places = [prefix + folder.strip("/") for folder in folders]
    held = {release: {place: files_at(repo, release, place) for place in places} for release in (target, live)}
    _require_migrations(repo, target, live, held)
    old = [file for files in held[target].values() for file in files]
    new = {file.migration: file for files in held[live].values() for file in files}
    gone = {file.migration: file for place in places for file in taken_out(repo, target, live, place)}
    new_or_gone = gone | new
    names = brought(in_order(new_or_gone), [file.name for file in old])
    find = partial(code_names, repo, target, without=places[0], path=prefix)
    read = partial(code_files, repo, target, without=places, path=prefix)
    chosen = [new_or_gone[name] for name in names]
    framework = min(framework_at(repo, release, prefix) for release in (target, live))
    assessment = assess(chosen, database=database, earlier=old, references=find, sources=read, framework=framework)
    passing = [f"{name} came and went between the releases: it may have run" for name in names if name not in new]
    return assessment, [*passing[:_NOTED], *_notes(old, new)]


def _pair(releases: str, repo: str) -> tuple[str, str]:
    """TARGET and LIVE. ParameterError when they are none, or the wrong way round."""
    target, dots, live = releases.partition("..")
    if not dots or not target or not live or live.startswith("."):
        raise ParameterError(
            f"{printable(releases, 80)!r} is no pair of releases",
            next_step="give it as v1.4.2..v1.5.0, the older first",
        )
    if is_older(repo, live, target):
        raise ParameterError(
            f"{printable(live, 80)} is older than {printable(target, 80)}: nothing of the newer one would be looked at",
            next_step=f"give the release that would run again first: {printable(f'{live}..{target}', 160)}",
        )
    return target, live


def _require_migrations(repo: str, target: str, live: str, held: dict[str, dict[str, list[MigrationFile]]]) -> None:
    """ParameterError where a release has no migrations in the folders: what is not found would count as not there."""
    nowhere = [place for place in held[live] if not any(files[place] for files in held.values())]
    if nowhere and any(files for found in held.values() for files in found.values()):
        raise ParameterError(
            f"neither release has a migration in {', '.join(nowhere)}", next_step="take the folder out, or correct it"
        )
    for release in dict.fromkeys((live, target)):
        if any(held[release].values()):
            continue
        elsewhere = folders_of_migrations(repo, release)
        if not elsewhere and release == target and any(held[live].values()):
            continue  # the first release with migrations
        shown = ", ".join(elsewhere[:5])
        raise ParameterError(
            f"{printable(release, 80)} has no migration in {', '.join(held[release])}",
            next_step=f"it has {printable(shown, 300)}: give what is before database/ with --path"
            if elsewhere
            else "give the application's folder with --path, or the folder of migrations with --folder",
        )


def _notes(old: list[MigrationFile], new: dict[str, MigrationFile]) -> list[str]:
    """What the two releases say differently of the same migrations."""
    held = {file.migration: file.content for file in old}
    gone = [name for name in held if name not in new]
    edited = [name for name, file in new.items() if name in held and held[name] != file.content]
    notes = [f"{name} is in the older release only: it was taken out, or never ran here" for name in gone[:_NOTED]]
    notes += [f"{name} was edited between the releases: the database has what ran first" for name in edited[:_NOTED]]
    left = max(len(gone) - _NOTED, 0) + max(len(edited) - _NOTED, 0)
    return [*notes, f"{left} more migrations were taken out or edited"] if left else notes
