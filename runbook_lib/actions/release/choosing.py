"""Which release to go to: the one that was asked for, or the last known good one."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from runbook_lib.command import printable
from runbook_lib.errors import ReleaseRefusedError
from runbook_lib.platforms.base import Release, find_release
from runbook_lib.run.standing import Standing


def chosen(
    tag: str, releases: Sequence[Release], live: Collection[str], standing: Standing, environment: str
) -> Release:
    """The release to put live. live: ids of the releases that are live now; environment: label, for messages.

    UnknownReleaseError, or ReleaseRefusedError for a release that is live everywhere, marked bad or, when none was
    asked for, where none is known to be good.
    """
    if not tag:
        return _last_known_good(releases, live, standing, environment)
    release = find_release(releases, tag)
    if set(live) == {release.id}:
        raise ReleaseRefusedError(
            f"{release} is already live on every replica of {environment}",
            next_step="verify it with verify.ipynb, or name another tag",
        )
    if release.id in standing.bad:
        raise ReleaseRefusedError(
            f"{release} was marked bad: {printable(standing.bad[release.id])}",
            next_step=f"name another tag, or `runbook mark {release.tag} good --reason ...` first",
        )
    return release


def _last_known_good(
    releases: Sequence[Release], live: Collection[str], standing: Standing, environment: str
) -> Release:
    proposed = standing.last_known_good(releases, live)
    if proposed is None:
        raise ReleaseRefusedError(
            f"no other release of {environment} has a recorded passing verification", next_step="name one: -p tag TAG"
        )
    return proposed


def offered(releases: Sequence[Release], live: Collection[str], standing: Standing) -> list[tuple[str, str]]:
    """The releases to choose from, newest first, each as a line for a person and its tag; those without a tag cannot be
    named and are left out."""
    return [(_line(release, live, standing), release.tag) for release in releases if release.tag]


def _line(release: Release, live: Collection[str], standing: Standing) -> str:
    """What is known of it comes first, where a narrow list does not cut it off."""
    known = ", ".join(filter(None, ["live" if release.id in live else "", standing.word(release.id)]))
    return "  ".join(filter(None, (release.tag, known, release.created[:10], release.author)))
