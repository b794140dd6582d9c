"""The shop's Git repository: four releases, as commits that have the same ids on every machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runbook_lib.command import printable
from runbook_lib.errors import PracticeError

SOURCES = Path(__file__).parent / "releases"
FIRST, GOOD, BAD = "v1.4.1", "v1.4.2", "v1.5.0"


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
    Commit("v1.4.0", _at("2026-01-12T09:30:00"), "Nadia Okafor <nadia@shop.example>", "Shop with checkout\n"),
    Commit(
        "v1.4.1",
        _at("2026-01-20T14:05:00"),
        "Jonas Lind <jonas@shop.example>",
        "Free shipping by the basket's value\n\nIt was granted by the price of a single piece.\n",
    ),
    Commit(
        "v1.4.2",
        _at("2026-02-03T10:40:00"),
        "Nadia Okafor <nadia@shop.example>",
        "Home page shows prices with cents\n\nProduct names are escaped, too.\n",
    ),
    Commit(
        "v1.5.0",
        _at("2026-02-17T16:20:00"),
        "Jonas Lind <jonas@shop.example>",
        "Volume prices\n\nThe more of one product, the cheaper each: 10 % off from 10 pieces, 20 % from 50.\n"
        "Adds the table price_tiers.\n",
    ),
)


def build(folder: Path) -> None:
    """Make the repository. `folder` must not exist. PracticeError when git is missing or fails."""
    folder.mkdir(parents=True)
    _git(folder, "init", "--quiet", "--template=")
    _git(folder, "symbolic-ref", "HEAD", "refs/heads/main")
    _git(folder, "fast-import", "--quiet", stdin=b"".join(_stream()))
    _git(folder, "reset", "--hard", "--quiet")


def lay_first(repository: Path, site: Path) -> None:
    """Put the first release into an environment that has none: a platform replaces what is live, and something
    must be. PracticeError when git is missing or fails."""
    release = site / "releases" / FIRST
    _git(repository, "worktree", "add", "--force", "--detach", str(release), FIRST)
    (release / "storage").symlink_to("../../shared/storage")
    (site / "current").symlink_to(f"releases/{FIRST}")


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


def _stream() -> Iterator[bytes]:
    """The history in the language of git fast-import."""
    for commit in HISTORY:
        when = f"{int(commit.at.timestamp())} +0000"
        yield f"commit refs/heads/main\nauthor {commit.author} {when}\ncommitter {commit.author} {when}\n".encode()
        yield _data(commit.message.encode())
        for file in sorted((SOURCES / commit.tag).iterdir()):
            if file.is_file():
                # As .gitignore the file would work on this project's own repository.
                name = ".gitignore" if file.name == "gitignore" else file.name
                yield f"M 100644 inline {name}\n".encode() + _data(file.read_bytes())
        title = commit.message.partition("\n")[0]
        yield f"tag {commit.tag}\nfrom refs/heads/main\ntagger {commit.author} {when}\n".encode()
        yield _data(f"{commit.tag}: {title}\n".encode())


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)
