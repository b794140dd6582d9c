"""A shop deployed from a Git repository, for the tests of the Git platform: its tags, its folders, its steps."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.config import Service, Target
from runbook_lib.platforms.base import Release, Switch, find_release
from runbook_lib.platforms.git import GitPlatform
from runbook_lib.run.plan import Snapshot, Step

RUN = "20250102-030405-ab12"
SECTION = "production"


def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep git deaf to this machine's configuration, and give it somebody who commits."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Shop team")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "team@shop.example")


def git(folder: Path, *words: str, stdin: bytes | None = None) -> str:
    """Run git for a test; deaf to an outer git."""
    env = {name: value for name, value in os.environ.items() if name not in ("GIT_DIR", "GIT_WORK_TREE")}
    done = subprocess.run(["git", "-C", str(folder), *words], input=stdin, env=env, capture_output=True, check=False)
    assert done.returncode == 0, (words, done.stderr.decode())
    return done.stdout.decode(errors="replace").strip()


@dataclass
class Shop:
    """layout: of the configuration. repository: that knows the tags; path: of the application."""

    folder: Path
    layout: str
    hosts: tuple[str, ...] = ("local",)

    @property
    def repository(self) -> Path:
        return self.folder / ("shop" if self.layout == "in-place" else "repository")

    @property
    def path(self) -> Path:
        return self.folder / "shop"

    @property
    def live_folder(self) -> Path:
        return self.path if self.layout == "in-place" else self.path / "current"

    def build(self) -> Shop:
        """Three releases, v1 to v3; v3 serves."""
        self.repository.mkdir(parents=True)
        git(self.repository, "init", "--quiet", "--initial-branch=main")
        for number in (1, 2, 3):
            self.commit(f"v{number}", {"version": f"v{number}\n", f"only-{number}": "x"}, day=number)
        if self.layout == "releases":
            for folder in ("releases", "shared/storage"):
                (self.path / folder).mkdir(parents=True)
            git(self.repository, "worktree", "add", "--quiet", "--detach", str(self.path / "releases/v3"), "v3")
            (self.path / "current").symlink_to("releases/v3")
        return self

    def commit(self, tag: str, files: dict[str, str], day: int = 9, annotated: bool = True) -> str:
        """Commit files on what is checked out in the repository, and tag it."""
        for name, text in files.items():
            (self.repository / name).parent.mkdir(parents=True, exist_ok=True)
            (self.repository / name).write_text(text)
        git(self.repository, "add", "--all")
        when = f"2026-01-{day:02}T12:00:00+02:00"
        env = {**os.environ, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        for words in (["commit", "--quiet", "-m", f"release {tag}"], ["tag", *(["-m", tag] if annotated else []), tag]):
            if tag or words[0] == "commit":
                subprocess.run(["git", "-C", str(self.repository), *words], env=env, check=True)
        return git(self.repository, "rev-parse", "HEAD")

    def target(self, **settings: Any) -> Target:
        table: dict[str, Any] = {"path": str(self.path), "layout": self.layout, "hosts": list(self.hosts)}
        if self.layout == "releases":
            table["repository"] = str(self.repository)
        environment = {"platform": "git", "url": "http://127.0.0.1:8080", "git": {**table, **settings}}
        service = Service.model_validate({"environments": {"production": environment}})
        production = service.environments["production"]
        return Target("shop", "production", production, service, self.folder, self.folder / "state")

    def platform(self, **settings: Any) -> GitPlatform:
        return GitPlatform(self.target(**settings))

    def release(self, tag: str) -> Release:
        return find_release(self.platform().releases(), tag)

    def switch(self, tag: str, readings: Snapshot | None = None, run: str = RUN, **settings: Any) -> Switch:
        """The switch to a release, made by a platform of its own, as another process would make it."""
        platform = self.platform(**settings)
        return platform.switch(self.release(tag), readings or platform.readings(self.release(tag)), SECTION, run)

    def live(self) -> str:
        """The tag that serves, as the platform says."""
        (release,) = self.platform().current().values()
        return release.tag or release.id

    def served(self) -> str:
        """The version that really lies there."""
        return (self.live_folder / "version").read_text().strip()


def carry_out(steps: tuple[Step, ...] | list[Step]) -> None:
    """Do each step that does not hold yet, as a run does."""
    for step in steps:
        if not step.done():
            step.do()
        assert step.done(), step.id
