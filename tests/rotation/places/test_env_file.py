"""Environment files on a host, on this machine and over ssh: replaced whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runbook_lib.command import Command, mask
from runbook_lib.connectors.base import Connector
from runbook_lib.connectors.local import LocalConnector
from runbook_lib.errors import ConfigurationError, PlatformError, StepFailedError
from runbook_lib.rotation.places import env_file
from runbook_lib.rotation.places.env_file import EnvFile, renewed

TEXT = "APP_NAME=shop\r\nDB_USERNAME=shop\r\nDB_PASSWORD='o l d # s3cr3t'\r\nLAST=1"
PARTS = {"DB_USERNAME": "user", "DB_PASSWORD": "password"}
NEW = {"user": "shop_a", "password": "n3w-s3cr3t"}

MakeFile = Callable[..., EnvFile]


def place(folder: Path, connector: Connector, parts: dict[str, str] = PARTS) -> EnvFile:
    def inside(command: Command) -> tuple[Connector, Command]:
        return connector, replace(command, cwd=str(folder))

    return EnvFile(connector.host, ".env", parts, inside, "run-1")


@pytest.fixture
def env(tmp_path: Path) -> EnvFile:
    (tmp_path / ".env").write_bytes(TEXT.encode())
    (tmp_path / ".env").chmod(0o640)
    return place(tmp_path, LocalConnector(tmp_path / "state"))


def test_it_holds_the_new_values_and_everything_else_as_before(env: EnvFile, tmp_path: Path) -> None:
    assert env.read() == {"user": "shop", "password": "o l d # s3cr3t"}
    assert env.holds(NEW) is False
    env.write(NEW)
    assert (tmp_path / ".env").read_bytes() == (
        b"APP_NAME=shop\r\nDB_USERNAME=shop_a\r\nDB_PASSWORD='n3w-s3cr3t'\r\nLAST=1"
    )
    assert env.holds(NEW) is True
    assert env.write(NEW) == ".env has it already"


def test_put_back_is_what_was_before_to_the_last_byte(env: EnvFile, tmp_path: Path) -> None:
    kept = env.keep()
    env.write(NEW)
    env.put_back(kept)
    assert (tmp_path / ".env").read_bytes() == TEXT.encode()


def test_what_somebody_else_changed_since_stays_when_it_is_put_back(env: EnvFile, tmp_path: Path) -> None:
    kept = env.keep()
    env.write(NEW)
    with (tmp_path / ".env").open("ab") as file:
        file.write(b"2")
    env.put_back(kept)
    assert (tmp_path / ".env").read_bytes() == TEXT.encode() + b"2"


def test_permissions_and_owner_stay(env: EnvFile, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(tmp_path / ".env", 65534, 65534)
    before = (tmp_path / ".env").stat()
    env.write(NEW)
    after = (tmp_path / ".env").stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino


def test_a_link_stays_one_and_its_target_changes(env: EnvFile, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / ".env").rename(tmp_path / "shared/env")
    (tmp_path / ".env").symlink_to("shared/env")
    env.write(NEW)
    assert (tmp_path / ".env").is_symlink()
    assert "shop_a" in (tmp_path / "shared/env").read_text()
    assert sorted(file.name for file in (tmp_path / "shared").iterdir()) == ["env"]


def test_what_a_killed_one_left_is_cleared_away(env: EnvFile, tmp_path: Path) -> None:
    (tmp_path / ".runbook-env.abc123").write_text("DB_PASSWORD=half")
    env.write(NEW)
    assert not list(tmp_path.glob(".runbook-env*"))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda file: file.unlink(), r"\.env on local is not there"),
        (lambda file: (file.unlink(), file.symlink_to(".env")), r"leads nowhere or in a circle"),
        (lambda file: (file.unlink(), file.symlink_to("gone")), r"leads nowhere or in a circle"),
        (lambda file: (file.unlink(), file.mkdir()), r"\.env on local is no file"),
        (lambda file: file.chmod(0o444), r"\.env on local is read-only"),
        (lambda file: file.write_bytes(b"x" * (env_file.LARGEST + 1)), r"is larger than"),
        (lambda file: file.with_name("other").hardlink_to(file), r"has another name, which would keep the old value"),
    ],
)
def test_a_file_that_could_not_be_written_is_refused_beforehand(
    env: EnvFile, tmp_path: Path, spoil: Callable[[Path], object], says: str
) -> None:
    spoil(tmp_path / ".env")
    with pytest.raises(PlatformError, match=says):
        env.facts()


def test_a_read_only_folder_is_refused_beforehand(
    env: EnvFile, tmp_path: Path, read_only: Callable[[Path], None]
) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / ".env").rename(tmp_path / "shared/env")
    (tmp_path / ".env").symlink_to("shared/env")
    read_only(tmp_path / "shared")
    with pytest.raises(PlatformError, match="is read-only"):
        env.facts()


def test_a_missing_variable_is_named_and_no_value_is(tmp_path: Path, env: EnvFile) -> None:
    with pytest.raises(ConfigurationError, match=r"\.env on local has no REDIS_PASSWORD, STRIPE") as caught:
        replace(env, variables={"REDIS_PASSWORD": "password", "DB_USERNAME": "user", "STRIPE": "value"}).facts()
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("DB_PASSWORD='s3cr3t", r"\.env on local: DB_PASSWORD is not clear"),
        ('A=1\nB="s3cr3t', r"\.env on local: the quote in line 4 is never closed"),
        ('DB_PASSWORD="s3cr3t${A}"', r"\.env on local: DB_PASSWORD takes in the values of other variables"),
    ],
)
def test_what_cannot_be_read_is_refused_beforehand_with_the_name_of_the_file(
    env: EnvFile, tmp_path: Path, line: str, says: str
) -> None:
    (tmp_path / ".env").write_text(f"DB_USERNAME=shop\n#\n{line}\n")
    for look in (env.facts, env.read):
        with pytest.raises(ConfigurationError, match=says) as caught:
            look()
        assert "s3cr3t" not in str(caught.value)


def test_a_variable_of_previous_values_may_be_missing_and_is_taken_away_again(env: EnvFile, tmp_path: Path) -> None:
    keys = replace(env, variables={"LAST": "value", "APP_PREVIOUS_KEYS": "previous"})
    assert keys.facts()["has"] == ["LAST"]
    kept = keys.keep()
    keys.write({"value": "2", "previous": "1"})
    assert (tmp_path / ".env").read_text().endswith("LAST=2\nAPP_PREVIOUS_KEYS=1")
    keys.put_back(kept)
    assert (tmp_path / ".env").read_bytes() == TEXT.encode()


def test_a_name_that_stands_twice_is_said(env: EnvFile, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DB_USERNAME=a\nDB_PASSWORD=x\nDB_PASSWORD=y\n")
    assert env.warnings == [".env on local has DB_PASSWORD 2 times; all are changed"]
    env.write(NEW)
    assert (tmp_path / ".env").read_text() == "DB_USERNAME=shop_a\nDB_PASSWORD=n3w-s3cr3t\nDB_PASSWORD=n3w-s3cr3t\n"


def test_a_change_of_somebody_else_in_between_is_not_overwritten(
    env: EnvFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, times = LocalConnector.change, []

    def late(self: LocalConnector, *args: object, **options: object) -> object:
        times.append(1)
        (tmp_path / ".env").write_text(f"DB_USERNAME=shop\nDB_PASSWORD=other\nTIMES={len(times)}\n")
        return change(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalConnector, "change", late)
    with pytest.raises(StepFailedError, match="was changed by somebody else meanwhile"):
        env.write(NEW)
    assert (tmp_path / ".env").read_text() == "DB_USERNAME=shop\nDB_PASSWORD=other\nTIMES=2\n"


def test_what_was_read_is_masked_in_each_form(env: EnvFile) -> None:
    env.read()
    assert mask("mysql://shop:o%20l%20d%20%23%20s3cr3t@db") == "mysql://shop:[secret]@db"
    assert mask("basic byBsIGQ: byBsIGQgIyBzM2NyM3Q=") == "basic byBsIGQ: [secret]"


def test_nothing_of_it_is_left_in_the_state_folder(env: EnvFile, tmp_path: Path) -> None:
    env.write(NEW)
    kept = b"".join(file.read_bytes() for file in (tmp_path / "state").rglob("*") if file.is_file())
    assert b"s3cr3t" not in kept


def test_a_url_gets_another_user_and_password() -> None:
    assert renewed("mysql://shop:old@db.local:3306/shop?ssl=1", {"user": "shop_a", "password": "a/b@c"}) == (
        "mysql://shop_a:a%2Fb%40c@db.local:3306/shop?ssl=1"
    )
    assert renewed("redis://:old@db:6379/0", {"password": "new"}) == "redis://:new@db:6379/0"


def test_a_variable_that_holds_a_url(env: EnvFile, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=mysql://shop:o%20ld@db/shop\n")
    url = replace(env, variables={"DATABASE_URL": "url"})
    assert url.read() == {"user": "shop", "password": "o ld"}
    url.write(NEW)
    assert (tmp_path / ".env").read_text() == "DATABASE_URL=mysql://shop_a:n3w-s3cr3t@db/shop\n"


@pytest.mark.parametrize(
    "url",
    ["", "s3cr3t", "//shop:s3cr3t@db", "mysql://shop:s3#cr3t@db/shop", "mysql://shop:1/s3cr3t@db", "mysql://a:b]@["],
)
def test_a_url_that_is_none_is_refused_and_not_shown(env: EnvFile, tmp_path: Path, url: str) -> None:
    (tmp_path / ".env").write_text(f"DATABASE_URL='{url}'\n")
    with pytest.raises(
        ConfigurationError, match=r"\.env on local: a variable that should hold a url holds none"
    ) as caught:
        replace(env, variables={"DATABASE_URL": "url"}).read()
    assert "s3" not in str(caught.value)
