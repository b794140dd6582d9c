"""A real Laravel application (tests/real/laravel) on the framework that the system packages: as a Git repository with
its releases, as a folder that runs, and as a process that answers the tests."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.real.databases import Database, free_port

SOURCES = Path(__file__).parent / "laravel"
BASE = "v1.0.0"

Files = Mapping[str, str]


def missing() -> str:
    """What this machine lacks to run the application, one sentence, or nothing."""
    absent = [name for name in ("php", "composer", "git") if shutil.which(name) is None]
    absent += [] if Path("/usr/share/php/Illuminate/Foundation/Application.php").exists() else ["laravel"]
    return f"no Laravel: {', '.join(absent)} not found; scripts/real-parts installs what is needed" if absent else ""


def files(folder: str = "base") -> dict[str, str]:
    """The texts of a release's folder by their paths in the application."""
    root = SOURCES / folder
    # As .gitignore the file would work on this project's own repository.
    names = {str(file.relative_to(root)): file for file in sorted(root.rglob("*")) if file.is_file()}
    return {".gitignore" if name == "gitignore" else name: file.read_text() for name, file in names.items()}


def releases() -> dict[str, dict[str, str]]:
    """The releases in order, each with the files that it added or changed."""
    history = {BASE: files()}
    for folder in sorted((SOURCES / "releases").iterdir()):
        history[folder.name] = files(f"releases/{folder.name}")
    return history


def build_repository(folder: Path, branches: Mapping[str, Files] = {}, inside: str = "") -> Path:
    """A Git repository with a tag for each release, and one for each of `branches`, which start from the first release.

    inside: folder of the repository that holds the application.
    """
    folder.mkdir(parents=True)
    _git(folder, "init", "--quiet", "--template=", "--initial-branch=main")
    _git(folder, "fast-import", "--quiet", stdin="".join(_stream(branches, f"{inside}/" if inside else "")))
    _git(folder, "reset", "--hard", "--quiet", "main")
    return folder


def install(folder: Path) -> Path:
    """What a deployment does in the folder of a checkout: the dependencies, and the folders that Git does not keep."""
    for name in ("bootstrap/cache", "storage/framework/cache", "storage/framework/views", "storage/logs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    words = ["composer", "install", "--no-dev", "--no-interaction", "--quiet"]
    env = {**os.environ, "COMPOSER_ALLOW_SUPERUSER": "1", "COMPOSER_HOME": str(folder / "storage" / "composer")}
    subprocess.run(words, cwd=folder, env=env, check=True, capture_output=True, timeout=60)
    return folder


def check_out(repository: Path, tag: str, inside: str = "") -> Path:
    """A release in a folder of its own beside the repository, installed. The application's folder."""
    folder = repository.with_name(f"{repository.name}-{tag}")
    _git(repository, "worktree", "add", "--quiet", "--force", "--detach", str(folder), tag)
    return install(folder / inside)


def write(folder: Path, texts: Files) -> Path:
    """Lay files into a folder."""
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


class Driver:
    """A process inside an application that works on one database after the other (tests/real/laravel/driver.php)."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, what: str, **words: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what, **words}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line.startswith("{"):
            raise RuntimeError(f"the application ended or said {line[:300]!r}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def use(self, database: Database) -> None:
        place = {"database": database.name, "port": database.port, "user": database.user}
        assert self.ask("use", driver=database.driver, **place) == {"ok": True}

    def migrate(self, folder: Path) -> str:
        """Run the migrations of a folder. What went wrong, or nothing."""
        options = {"--force": True, "--realpath": True, "--path": [str(folder / "database" / "migrations")]}
        answer = self.ask("artisan", command="migrate", options=options)
        return str(answer.get("error", "" if answer.get("code") == 0 else answer.get("output")))

    def request(self, method: str, path: str, **data: Any) -> tuple[int, Any]:
        answer = self.ask("request", method=method, path=path, data=data)
        return answer.get("status", 500), answer.get("body", answer.get("error"))


@contextmanager
def running_driver(folder: Path) -> Iterator[Driver]:
    """A process inside the application in `folder`, from start to end."""
    env = {**os.environ, "APP_DEBUG": "true", "CACHE_DRIVER": "array", "QUEUE_CONNECTION": "database"}
    argv = ["php", "-d", "display_errors=stderr", str(SOURCES / "driver.php"), str(folder)]
    process = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Driver(process)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def serving(folder: Path, env: Mapping[str, str]) -> Iterator[str]:
    """The application in `folder` served on loopback, from start to end: its url."""
    port = free_port()
    # Without opcache, which would serve the code of before for two more seconds; there is nothing here to reload.
    argv = [
        "php",
        "-d",
        "opcache.enable=0",
        "-S",
        f"127.0.0.1:{port}",
        "-t",
        str(folder / "public"),
        str(folder / "public" / "index.php"),
    ]
    with (folder / "storage" / "logs" / "server.log").open("wb") as log:
        process = subprocess.Popen(argv, env={**os.environ, **env}, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 10
        with socket.socket() as probe:
            while probe.connect_ex(("127.0.0.1", port)) and time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _stream(branches: Mapping[str, Files], prefix: str) -> Iterator[str]:
    """The history in the language of git fast-import."""
    for number, (tag, texts) in enumerate(releases().items()):
        yield from _commit("main", tag, texts, prefix, 1_767_225_600 + 86_400 * number)
    for name, texts in branches.items():
        yield f"reset refs/heads/{name}\nfrom refs/tags/{BASE}\n\n"
        yield from _commit(name, name, texts, prefix, 1_772_323_200)


def _commit(branch: str, tag: str, texts: Files, prefix: str, at: int) -> Iterable[str]:
    who = f"Shop team <team@shop.example> {at} +0000"
    yield f"commit refs/heads/{branch}\ncommitter {who}\n{_data(f'Release {tag}')}"
    for name, text in sorted(texts.items()):
        yield f"M {'100755' if name == 'artisan' else '100644'} inline {prefix}{name}\n{_data(text)}"
    yield f"reset refs/tags/{tag}\nfrom refs/heads/{branch}\n\n"


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def _git(folder: Path, *words: str, stdin: str = "") -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_DEFAULT_HASH": "sha1"}
    argv = ["git", "-C", str(folder), *words]
    subprocess.run(argv, input=stdin, env=env, text=True, capture_output=True, timeout=60, check=True)
