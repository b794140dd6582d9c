"""APP_KEY: what is kept of the old one, by version and leak; what is refused. The application is one in memory; a real
one is in tests/notebooks/test_rotate_secrets_laravel.py."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from runbook_lib.command import Command, Result
from runbook_lib.config import RotatedSecret, Service, Target
from runbook_lib.connectors.base import Connector
from runbook_lib.errors import ConfigurationError, StepFailedError
from runbook_lib.platforms.base import Platform
from runbook_lib.rotation.kinds.app_key import AppKey

OLD = {"value": "base64:b2xkLWtleS1vbGQta2V5LW9sZC1rZXktb2xkLWtleSE=", "previous": "base64:Zmlyc3Q=,base64:c2Vjb25k"}


@dataclass
class Application:
    """version: of Laravel; own: its key on each host; previous: keys that it decrypts with, too; encrypting: files that
    grep finds; read: what commands read on their standard input."""

    version: str = "11.3.1"
    own: dict[str, str] = field(default_factory=lambda: {"web-1": OLD["value"], "web-2": OLD["value"]})
    previous: tuple[str, ...] = ()
    encrypting: str = ""
    converts: int = 0
    read_in: list[str] = field(default_factory=list)

    def live(self, command: Command, host: str) -> tuple[Connector, Command]:
        return cast(Connector, Host(self, host)), command

    def answer(self, host: str, command: Command) -> Result:
        words = command.raw
        if "--version" in words:
            return Result(0, f"Laravel Framework {self.version}\n")
        if words[0] == "grep":
            return Result(0 if self.encrypting else 1, self.encrypting)
        key = command.input.reveal() if command.input else ""
        self.read_in.append(key)
        own = self.own[host]
        return Result(0, json.dumps({"decrypts": key in (own, *self.previous), "encrypts": key == own}))


@dataclass(frozen=True)
class Host:
    application: Application
    host: str

    def read(self, command: Command) -> Result:
        return self.application.answer(self.host, command)

    def change(self, command: Command, mark: str, *, repeatable: bool = False) -> Result:
        self.application.read_in.append(command.input.reveal() if command.input else "")
        return Result(self.application.converts, "12 rows encrypted anew")


def key_of(application: Application, leaked: bool = False, accept_loss: bool = False, **more: Any) -> AppKey:
    environment: dict[str, Any] = {
        "platform": "git",
        "url": "http://shop.example",
        "git": {"path": "shop"},
        "laravel": {"database": "sqlite"},
    }
    service = Service.model_validate({"environments": {"production": environment}})
    target = Target("shop", "production", service.environments["production"], service, Path("/"), Path("/nowhere"))
    secret = RotatedSecret.model_validate({"kind": "app_key", "places": [{"kind": "env_file", "file": ".env"}], **more})
    laravel = target.environment.laravel
    assert laravel is not None
    platform = cast(Platform, application)
    return AppKey(secret, target, laravel, platform, tuple(application.own), "run-1", leaked, accept_loss)


def made(kind: AppKey) -> dict[str, str]:
    return kind.make(OLD, kind.facts(OLD))


def test_from_11_on_the_old_key_is_kept_before_those_of_earlier() -> None:
    new = made(key_of(Application()))
    assert len(base64.b64decode(new["value"].removeprefix("base64:"))) == 32
    assert new["previous"] == f"{OLD['value']},{OLD['previous']}"


def test_what_leaked_is_not_kept_nor_what_stood_beside_it() -> None:
    kind = key_of(Application(), leaked=True)
    assert made(kind)["previous"] == ""
    assert "2 keys in APP_PREVIOUS_KEYS stood beside it and are taken out, too" in kind.warnings(kind.facts(OLD))


def test_before_11_there_is_nothing_to_keep_it_in_and_what_breaks_is_said() -> None:
    kind = key_of(Application(version="8.83.27"))
    assert kind.warnings(kind.facts({"value": OLD["value"]})) == [
        "Laravel 8 knows no previous keys: sessions, cookies, signed links and queued encrypted jobs of before become "
        "invalid"
    ]
    assert set(kind.make({"value": OLD["value"]}, kind.facts({"value": OLD["value"]}))) == {"value"}


def test_what_is_stored_encrypted_stops_it_until_somebody_decides() -> None:
    application = Application(version="10.48.0", encrypting="app/Models/Patient.php\n")
    with pytest.raises(ConfigurationError, match=r"could not be read any more: app/Models/Patient\.php"):
        key_of(application).facts(OLD)
    accepted = key_of(application, accept_loss=True)
    assert accepted.warnings(accepted.facts(OLD))[-1].endswith("app/Models/Patient.php CANNOT BE READ ANY MORE")
    converting = key_of(application, convert=["php", "artisan", "anew"])
    assert converting.warnings(converting.facts(OLD))[-1].endswith("is encrypted anew by `convert`")


def test_a_key_that_is_kept_stops_nothing() -> None:
    application = Application(encrypting="app/Models/Patient.php\n")
    assert key_of(application).facts(OLD)["encrypting"] == []


def test_convert_reads_the_old_key() -> None:
    application = Application()
    kind = key_of(application, leaked=True, convert=["php", "artisan", "anew"])
    assert kind.retire(OLD, {}, kind.facts(OLD)) == "12 rows encrypted anew"
    assert application.read_in[-1] == OLD["value"]
    application.converts = 3
    with pytest.raises(StepFailedError, match="`convert` ended with status 3"):
        kind.retire(OLD, {}, kind.facts(OLD))


@pytest.mark.parametrize(
    ("own", "answer"),
    [
        (("new", "new"), "accepted"),
        (("old", "old"), "refused"),
        (("new", "old"), "unknown"),
    ],
)
def test_all_hosts_must_agree(own: tuple[str, str], answer: str) -> None:
    application = Application(own=dict(zip(("web-1", "web-2"), own, strict=True)))
    assert key_of(application).try_out({"value": "new"}).answer == answer


def test_a_kept_key_lives_on_by_intent() -> None:
    kind = key_of(Application())
    assert kind.lives_on(kind.facts(OLD)).startswith("it is kept in APP_PREVIOUS_KEYS")
    leaked = key_of(Application(), leaked=True)
    assert leaked.lives_on(leaked.facts(OLD)) == ""
