"""The secrets of an environment by name: what its environment files hold under names that look like secrets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from runbook_lib.config import SecretPlace, Target
from runbook_lib.errors import RunbookError
from runbook_lib.platforms.base import Platform
from runbook_lib.rotation.places import Ground, env_file_on
from runbook_lib.rotation.values import mask_always

LOOKS_SECRET = re.compile(r"(^|_)(KEY|KEYS|SECRET|PASSWORD|PASSWD|PASS|TOKEN|DSN|CREDENTIALS?|PRIVATE|AUTH)(_|$)")
_NO_SECRETS = ("null", "true", "false", "(null)", "(true)", "(false)", "")
# What is shorter stands in many a text by chance.
SHORTEST = 8


@dataclass(frozen=True)
class KnownSecret:
    """A variable that holds a secret. rotated_by: the secret's name in runbooks.toml, empty where it is not there;
    places: host and file. The value is shown nowhere."""

    name: str
    value: str
    places: tuple[str, ...]
    rotated_by: str = ""

    def __repr__(self) -> str:
        return f"KnownSecret({self.name!r})"


def known_secrets(target: Target, platform: Platform, hosts: Sequence[str]) -> tuple[list[KnownSecret], list[str]]:
    """The secrets that are found, and a line for each file that could not be read."""
    found: dict[tuple[str, str], KnownSecret] = {}
    unseen: list[str] = []
    ground = Ground(target, platform, hosts, {}, "", {})
    for file in _files(target):
        for place in env_file_on(SecretPlace(kind="env_file", file=file), ground):
            try:
                items = place.assignments()
            except RunbookError as error:
                unseen.append(error.message)
                continue
            for item in items:
                if LOOKS_SECRET.search(item.name.upper()) and item.value.lower() not in _NO_SECRETS:
                    mask_always(item.value)
                    before = found.get((item.name, item.value))
                    where = (*(before.places if before else ()), f"{place.host}: {file}")
                    found[item.name, item.value] = KnownSecret(
                        item.name, item.value, tuple(dict.fromkeys(where)), _rotated_by(target, item.name)
                    )
    return list(found.values()), unseen


def _files(target: Target) -> list[str]:
    named = [
        place.file
        for secret in target.environment.rotation.secrets.values()
        for place in secret.places
        if place.kind == "env_file"
    ]
    return list(dict.fromkeys(named or [".env"]))


def _rotated_by(target: Target, variable: str) -> str:
    """The secret of runbooks.toml that a variable belongs to."""
    usual: dict[str, tuple[str, ...]] = {
        "app_key": ("APP_KEY",),
        "database": ("DB_PASSWORD",),
        "redis": ("REDIS_PASSWORD",),
    }
    for name, secret in target.environment.rotation.secrets.items():
        own = [one for place in secret.places for one in place.variables]
        if variable in (own or usual.get(secret.kind, (name,))):
            return name
    return ""
