"""The shop's Git repository: four releases, and one more on demand, as commits whose ids are the same everywhere."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runbook_lib.command import printable
from runbook_lib.errors import PracticeError

SOURCES = Path(__file__).parent / "releases"
FIRST, GOOD, BAD, WORSE = "v1.4.1", "v1.4.2", "v1.5.0", "v1.5.1"


@dataclass(frozen=True)
class Commit:
    """One release of the shop. Its folder below releases/ holds the files that it added or changed."""

    tag: str
    at: datetime
    author: str
    message: str


def _at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


HISTORY = (
    Commit("v1.4.0", _at("2026-01-12T09:30:00"), "Shop team <team@shop.example>", "Shop with checkout\n"),
    Commit(
        "v1.4.1",
        _at("2026-01-20T14:05:00"),
        "Pricing team <pricing@shop.example>",
        "Free shipping by the basket's value\n\nIt was granted by the price of a single piece.\n",
    ),
    Commit(
        "v1.4.2",
        _at("2026-02-03T10:40:00"),
        "Shop team <team@shop.example>",
        "Home page shows prices with cents\n\nProduct names are escaped, too.\n",
    ),
    Commit(
        "v1.5.0",
        _at("2026-02-17T16:20:00"),
        "Pricing team <pricing@shop.example>",
        "Volume prices\n\nThe more of one product, the cheaper each: 10 % off from 10 pieces, 20 % from 50.\n"
        "Adds the table price_tiers.\n",
    ),
)
LATER = Commit(
    WORSE,
    _at("2026-02-18T11:15:00"),
    "Pricing team <pricing@shop.example>",
    "Products have titles\n\nName is what customers have. Renames the column.\n",
)


def build(folder: Path) -> None:
    """Make the repository. `folder` must not exist. PracticeError when git is missing or fails."""
    folder.mkdir(parents=True)
    _git(folder, "init", "--quiet", "--template=")
    _git(folder, "symbolic-ref", "HEAD", "refs/heads/main")
    _import(folder, HISTORY)


def add_worse(folder: Path) -> None:
    """Release what takes more than older code to go back from; the same again where it is. PracticeError."""
    _import(folder, (LATER,), after=f"refs/tags/{BAD}^0")


def lay_first(repository: Path, site: Path) -> None:
    """Put the first release into an environment that has none: a platform replaces what is live, and something
    must be. PracticeError when git is missing or fails."""
    release = site / "releases" / FIRST
    _git(repository, "worktree", "add", "--force", "--detach", str(release), FIRST)
    for shared in ("storage", ".env"):
        (release / shared).symlink_to(f"../../shared/{shared}")
    (site / "current").symlink_to(f"releases/{FIRST}")


def _import(folder: Path, commits: Sequence[Commit], after: str = "") -> None:
    _git(folder, "fast-import", "--quiet", "--force", stdin=b"".join(_stream(commits, after)))
    _git(folder, "reset", "--hard", "--quiet")


def _git(folder: Path, *words: str, stdin: bytes = b"") -> None:
    """Git in `folder`, deaf to the user's configuration and to an outer git whose hook this may run in.

    A plain process and not GitPython, which cannot take variables such as GIT_DIR out of git's environment.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_DEFAULT_HASH": "sha1", "LC_ALL": "C"}
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], input=stdin, env=env, capture_output=True, timeout=60)
    except FileNotFoundError as error:
        raise PracticeError("there is no git", next_step="install git (apt install git, brew install git)") from error
    except subprocess.TimeoutExpired as error:
        raise PracticeError(f"git {words[0]} takes too long", next_step="look at the disk of this machine") from error
    if done.returncode:
        said = printable(done.stderr.decode(errors="replace").strip(), 300)
        raise PracticeError(
            f"git {words[0]} failed in {folder}: {said}",
            next_step="check that git is 2.20 or later and that the disk has room",
        )


def _stream(commits: Sequence[Commit], after: str) -> Iterator[bytes]:
    """Commits in the language of git fast-import, the first of them upon `after`."""
    for commit in commits:
        when = f"{int(commit.at.timestamp())} +0000"
        yield f"commit refs/heads/main\nauthor {commit.author} {when}\ncommitter {commit.author} {when}\n".encode()
        yield _data(commit.message.encode())
        if after:
            yield f"from {after}\n".encode()
            after = ""
        for name, content in sorted(_files(SOURCES / commit.tag)):
            mode = "100755" if name == "artisan" else "100644"
            yield f"M {mode} inline {name}\n".encode() + _data(content)
        title = commit.message.partition("\n")[0]
        yield f"tag {commit.tag}\nfrom refs/heads/main\ntagger {commit.author} {when}\n".encode()
        yield _data(f"{commit.tag}: {title}\n".encode())


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a release by their names in the repository."""
    for file in folder.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            name = file.relative_to(folder).as_posix()
            # As .gitignore the file would work on this project's own repository.
            yield ".gitignore" if name == "gitignore" else name, file.read_bytes()


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)
