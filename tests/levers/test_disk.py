"""Room made on a disk that is really full: a small file system in memory."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.errors import ConfigurationError, PlatformError, VerificationFailedError
from tests.levers.mitigating import Project, mitigate
from tests.real.engine import unavailable


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB, 3 of which hold a log."""
    if os.geteuid() != 0:
        unavailable("no disk of its own: mounting one needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=True)
    (folder / "shop.log").write_bytes(b"x" * 3 * 2**20)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def configured(project: Project, disk: Path, run: str, percent: float = 50) -> None:
    lever = f'[LEVERS.disk]\nrun = ["sh", "-c", "{run}", "sh", "{disk}"]\npath = "{disk}"\npercent = {percent}\n'
    project.configure(lever + 'where = "here"\n')


@pytest.mark.real
def test_it_is_proven_by_the_room_that_is_free(project: Project, disk: Path) -> None:
    configured(project, disk, 'rm \\"$1/shop.log\\"')
    mitigate("free_disk")
    [verdict] = [event.data for event in project.journal.events(kind="verified")]
    assert verdict["numbers"]["local"]["free"] > 3 * 2**20
    assert "3.0 MiB freed" in [event.data["remark"] for event in project.journal.events(kind="step finished")]
    assert project.in_force == []


@pytest.mark.real
def test_a_command_that_frees_too_little_fails(project: Project, disk: Path) -> None:
    configured(project, disk, "true")
    with pytest.raises(VerificationFailedError, match="local needs 50 %"):
        mitigate("free_disk")


def test_a_path_that_is_not_there_is_an_error(project: Project) -> None:
    configured(project, Path("/no/such/disk"), "true")
    with pytest.raises(PlatformError, match="the free space of /no/such/disk at local cannot be read"):
        mitigate("free_disk")


def test_without_a_lever_the_key_to_add_is_named(project: Project) -> None:
    project.configure()
    with pytest.raises(ConfigurationError, match="free_disk has no lever"):
        mitigate("free_disk")
