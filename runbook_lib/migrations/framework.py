"""Which Laravel a release runs on, as its composer files tell: on SQLite it decides how a table is made anew."""

from __future__ import annotations

import json
import re
from typing import Any

PACKAGE = "laravel/framework"
FILES = ("composer.lock", "composer.json")
# Of a constraint such as ^10.10|^11.0 or >=11: versions, not dates or hashes.
_MAJOR = re.compile(r"(?<![\d.])v?(\d{1,2})(?=[.\s,|]|$)")


def major_version(lock: bytes | None, json_: bytes | None) -> int:
    """The lowest major version of the framework that composer.lock, or else composer.json, allows; 0: not told."""
    for said in (_locked(_read(lock)), _required(_read(json_))):
        found = [int(number) for number in _MAJOR.findall(said)]
        if found:
            return min(found)
    return 0


def _read(content: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(content or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _locked(lock: dict[str, Any]) -> str:
    packages = lock.get("packages")
    named = (one for one in packages if isinstance(one, dict)) if isinstance(packages, list) else ()
    return next((str(one.get("version", "")) for one in named if one.get("name") == PACKAGE), "")


def _required(composer: dict[str, Any]) -> str:
    """The constraint; one that has no lower end ("*", "<12") names no version that could be relied on."""
    required = composer.get("require")
    said = str(required.get(PACKAGE, "")) if isinstance(required, dict) else ""
    return "" if "<" in said or "*" in said.split(".")[0] or "dev" in said else said
