"""Migrations and names in a Git repository: two processes a revision, however many files there are."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from runbook_lib.command import nearest, printable
from runbook_lib.errors import PlatformError, UnknownReleaseError
from runbook_lib.migrations import squashed
from runbook_lib.migrations.assessment import Reference
from runbook_lib.migrations.files import MigrationFile, in_order, migration_name
from runbook_lib.migrations.framework import FILES, major_version

FOLDER = "database/migrations"
TIMEOUT = 60.0
REFERENCE_LIMIT = 200
_OUTSIDE = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"}


def _git(repo: Path | str, *words: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    env = {name: value for name, value in os.environ.items() if name not in _OUTSIDE}
    command = ["git", "-C", os.fspath(repo), *words]
    try:
        return subprocess.run(command, input=given, capture_output=True, timeout=TIMEOUT, check=False, env=env)
    except FileNotFoundError as error:
        raise PlatformError("there is no git on this machine", next_step="install git") from error
    except subprocess.TimeoutExpired as error:
        raise PlatformError(f"git took longer than {TIMEOUT:.0f} s in {repo}", next_step="try it by hand") from error


def commit_of(repo: Path | str, revision: str) -> str:
    """The commit of a tag, branch or commit id. UnknownReleaseError names the nearest tags."""
    found = _git(repo, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if found.returncode == 0:
        return found.stdout.decode().split("\n")[0]
    _require_repository(repo)
    raise UnknownReleaseError(f"no release is called {printable(revision, 80)!r}", next_step=_hint(repo, revision))


def _require_repository(repo: Path | str) -> None:
    found = _git(repo, "rev-parse", "--git-dir")
    if found.returncode == 0:
        return
    if b"dubious ownership" in found.stderr:
        raise PlatformError(
            f"{repo} belongs to another user, so Git does not read it",
            next_step=f"run `git config --global --add safe.directory {Path(repo).resolve()}`",
        )
    raise PlatformError(f"{repo} is no Git repository", next_step="give its folder with --repo")


def _hint(repo: Path | str, revision: str) -> str:
    """What to do about a release that is not there."""
    if _git(repo, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        return "this clone is shallow: run `git fetch --unshallow --tags`, or let the CI fetch all (fetch-depth: 0)"
    tags = _git(repo, "for-each-ref", "--format=%(refname:strip=2)", "refs/tags").stdout.decode("utf-8", "replace")
    if not tags.strip():
        return "there are no tags here: run `git fetch --tags`"
    close = nearest(revision, tags.split("\n"))
    return f"did you mean {', '.join(close)}?" if close else "list the tags with `git tag`"


def is_older(repo: Path | str, one: str, other: str) -> bool:
    """Whether a revision came before another, and is not the same."""
    before, after = commit_of(repo, one), commit_of(repo, other)
    return before != after and _git(repo, "merge-base", "--is-ancestor", before, after).returncode == 0


def folders_of_migrations(repo: Path | str, revision: str) -> list[str]:
    """The folders called database/migrations that a revision has anywhere, packages left out."""
    listed = _git(repo, "ls-tree", "-r", "-d", "-z", "--name-only", "--full-tree", commit_of(repo, revision))
    names = listed.stdout.decode("utf-8", "replace").split("\0")
    return [n for n in names if f"/{n}".endswith(f"/{FOLDER}") and "vendor/" not in n and "node_modules/" not in n]


def files_at(repo: Path | str, revision: str, folder: str = FOLDER) -> list[MigrationFile]:
    """The migration files of a revision, in the order in which they run. folder: with those below it."""
    found = _files(repo, revision, folder, (".php",))
    return [MigrationFile(path, found[path]) for path in in_order(found)]


def squashed_at(repo: Path | str, revision: str, path: str = "") -> list[str]:
    """The migrations that a revision keeps as a dump of the schema. path: the application's folder."""
    dumps = _files(repo, revision, f"{_top(path)}{squashed.FOLDER}", squashed.ENDINGS)
    return [name for dump in dumps.values() for name in squashed.names_in(dump or b"")]


def _files(repo: Path | str, revision: str, folder: str, endings: tuple[str, ...]) -> dict[str, bytes | None]:
    """The files of a folder, and of those below it, with their contents; symbolic links are none."""
    commit = commit_of(repo, revision)
    listed = _git(repo, "ls-tree", "-r", "-z", "--full-tree", commit, "--", folder.strip("/") + "/")
    if listed.returncode != 0:
        raise PlatformError(
            f"{folder} of {printable(revision, 80)} cannot be read: {_said(listed)}",
            next_step=f"run `git -C {repo} fsck`",
        )
    blobs: dict[str, bytes] = {}
    for entry in listed.stdout.split(b"\0"):
        head, _, path = entry.partition(b"\t")
        name = path.decode("utf-8", "surrogateescape")
        if name.endswith(endings) and b" blob " in head and not head.startswith(b"120000"):
            blobs[name] = head.split(b" ")[2]
    return dict(zip(blobs, _contents(repo, list(blobs.values())), strict=True))


def framework_at(repo: Path | str, revision: str, path: str = "") -> int:
    """The lowest major version of Laravel that a revision runs on; 0 when it does not say."""
    commit = commit_of(repo, revision)
    return major_version(*_contents(repo, [f"{commit}:{_top(path)}{name}".encode() for name in FILES]))


def taken_out(repo: Path | str, older: str, newer: str, folder: str = FOLDER) -> list[MigrationFile]:
    """The migrations that some release after the older one had, and the newer one has no more: they may have run."""
    place = f":(top,glob){folder.strip('/')}/**/*.php"
    words = ["log", "--no-renames", "--diff-filter=D", "--name-only", "--format=", "-z"]
    log = _git(repo, *words, f"{commit_of(repo, older)}..{commit_of(repo, newer)}", "--", place)
    names = {migration_name(path) for path in log.stdout.decode("utf-8", "surrogateescape").split("\0")}
    return found_anywhere(repo, sorted(filter(None, names)), folder)


def found_anywhere(repo: Path | str, names: Collection[str], folder: str = FOLDER) -> list[MigrationFile]:
    """The newest text of each migration that any commit of the repository has; one process or two a name."""
    found = []
    for name in names:
        place = f":(top,glob){folder.strip('/')}/**/{name}.php"
        log = _git(repo, "log", "--all", "-1", "--format=%H", "--diff-filter=AM", "--", place)
        commit = log.stdout.decode("ascii", "replace").strip()
        if log.returncode == 0 and commit:
            found += [file for file in files_at(repo, commit, folder) if file.migration == name]
    return found


def _said(result: subprocess.CompletedProcess[bytes]) -> str:
    return printable(result.stderr.decode("utf-8", "replace").strip(), 300)


def _contents(repo: Path | str, blobs: list[bytes]) -> Iterator[bytes | None]:
    """The contents of blobs, read by one process; None for one that is missing."""
    if not blobs:
        return
    output = _git(repo, "cat-file", "--batch", given=b"\n".join(blobs) + b"\n").stdout
    position = 0
    for _ in blobs:
        end = output.find(b"\n", position)
        head = output[position : end if end >= 0 else len(output)].split(b" ")
        if len(head) != 3 or head[1] != b"blob":
            position = end + 1
            yield None
            continue
        size = int(head[2])
        yield output[end + 1 : end + 1 + size]
        position = end + 1 + size + 1


def code_names(
    repo: Path | str, revision: str, names: Collection[str], *, without: str = FOLDER, path: str = ""
) -> Sequence[Reference]:
    """Where the PHP code of a revision, Blade templates with it, names these columns and tables as words."""
    usable = [name for name in names if re.fullmatch(r"\w+", name)]
    if not usable:
        return []
    found = _grep(repo, commit_of(repo, revision), usable, [without], path, "-n")
    return list(_references(found, usable))[:REFERENCE_LIMIT]


def code_files(
    repo: Path | str, revision: str, words: Collection[str], *, without: Collection[str] = (FOLDER,), path: str = ""
) -> dict[str, str]:
    """The PHP files of a revision that name one of these words, tests and packages left out: texts by their paths."""
    usable = [word for word in words if re.fullmatch(r"\w+", word)]
    if not usable:
        return {}
    found = _grep(repo, commit_of(repo, revision), usable, [*without, f"{_top(path)}tests"], path, "-l")
    objects = [name for name in found.split(b"\0") if name and b"\n" not in name]
    texts = zip(objects, _contents(repo, objects), strict=True)
    return {
        name.decode("utf-8", "surrogateescape").partition(":")[2]: content.decode("utf-8", "replace")
        for name, content in texts
        if content is not None
    }


def _grep(
    repo: Path | str, commit: str, words: Collection[str], without: Collection[str], path: str, form: str
) -> bytes:
    """What git grep says of words in the PHP code of a commit. PlatformError when it cannot look."""
    top = _top(path)
    folders = [f":(top){top}*.php", *(f":(top,exclude){folder.strip('/')}" for folder in (*without, f"{top}vendor"))]
    asked = ["grep", form, "-w", "-F", "-I", "-z", "--full-name", "-f", "-", commit, "--", *folders]
    found = _git(repo, *asked, given="\n".join(words).encode() + b"\n")
    if found.returncode not in {0, 1}:  # 1: nothing was found
        raise PlatformError(
            f"the code of {commit[:12]} cannot be searched: {_said(found)}", next_step=f"run `git -C {repo} fsck`"
        )
    return found.stdout


def _top(path: str) -> str:
    return f"{path.strip('/')}/" if path.strip("/") else ""


def _references(output: bytes, names: list[str]) -> Iterator[Reference]:
    word = re.compile(rf"\b({'|'.join(sorted(names, key=len, reverse=True))})\b")
    for row in output.decode("utf-8", "replace").split("\n"):
        parts = row.split("\0")
        if len(parts) < 3 or not parts[1].isdigit():
            continue
        file = parts[0].partition(":")[2]
        for name in dict.fromkeys(word.findall(parts[2])):
            yield Reference(name, file, int(parts[1]), printable(parts[2].strip(), 160))
