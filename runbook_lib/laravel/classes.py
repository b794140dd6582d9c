"""Which classes a release has, told from its files: a class is there when the file that Composer would load for it
(PSR-4) declares it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

from runbook_lib.command import Command, Result, printable
from runbook_lib.connectors.base import Connector
from runbook_lib.errors import PlatformError

READ_TIMEOUT = 30.0


class Classes:
    """The classes of one release. text: the content of one of its files by its path, or None where there is none."""

    def __init__(self, text: Callable[[str], str | None]) -> None:
        self._text = text
        self._known: dict[str, bool | None] = {}

    def has(self, name: str) -> bool | None:
        """Whether the release has a class; None for those that are not its own (of a package, of PHP) and where
        Composer finds classes in other ways than by their names."""
        if name not in self._known:
            self._known[name] = self._found(name)
        return self._known[name]

    def lacks(self, name: str) -> bool:
        """Whether the release certainly has no such class."""
        return self.has(name) is False

    def candidates(self, name: str) -> list[str]:
        """The files in which Composer would look for a class."""
        return [
            f"{folder}{name[len(prefix) :].replace(chr(92), '/')}.php"
            for prefix, folders in self._prefixes.items()
            if name.startswith(prefix)
            for folder in folders
        ]

    def _found(self, name: str) -> bool | None:
        candidates = self.candidates(name)
        if not candidates:
            return None
        if any(declares(self._text(path) or "", name) for path in candidates):
            return True
        return None if self._by_other_ways else False

    @cached_property
    def _autoload(self) -> dict[str, Any]:
        text = self._text("composer.json")
        try:
            return dict(json.loads(text or "")["autoload"])
        except (ValueError, KeyError, TypeError) as error:
            raise PlatformError(
                "the release's composer.json does not say how its classes are loaded",
                next_step="check that the release's folder is the application's",
            ) from error

    @cached_property
    def _prefixes(self) -> Mapping[str, list[str]]:
        """The folders of each namespace, each ending in / unless it is the top."""
        table = self._autoload.get("psr-4") or {}
        return {
            prefix: [
                f"{folder.strip('/')}/" if folder.strip("./") else ""
                for folder in ([folders] if isinstance(folders, str) else folders)
            ]
            for prefix, folders in table.items()
        }

    @property
    def _by_other_ways(self) -> bool:
        return bool(self._autoload.get("classmap") or self._autoload.get("psr-0"))


def declares(php: str, name: str) -> bool:
    """Whether a PHP file declares a class, enum, interface or trait of this full name. PHP does not tell capitals."""
    space, _, own = name.rpartition("\\")
    namespace = re.search(r"^\s*(?:<\?php\s+)?namespace\s+([\w\\]+)\s*[;{]", php, re.MULTILINE)
    kinds = r"^\s*(?:(?:abstract|final|readonly)\s+)*(?:class|enum|interface|trait)\s+" + re.escape(own) + r"\b"
    return (namespace[1] if namespace else "").lower() == space.lower() and bool(
        re.search(kinds, php, re.MULTILINE | re.IGNORECASE)
    )


def in_image(read: Callable[[Command], Result], inside: str, names: Collection[str]) -> Callable[[str], str | None]:
    """The files of a release that tell about these classes, for `Classes`. read: runs a command inside the release;
    inside: the application's folder there. All are read by two commands, since each may start a container."""
    prefix = f"{inside.rstrip('/')}/" if inside.strip("./") else ""
    files = _printed(read, [f"{prefix}composer.json"], prefix)
    known = Classes(files.get)
    wanted = sorted({path for name in names for path in known.candidates(name)}) if files else []
    files |= _printed(read, [f"{prefix}{path}" for path in wanted], prefix) if wanted else {}
    return files.get


# Each file with its name before it, between NULs, which no PHP source has.
_EACH = 'for f in "$@"; do [ -f "$f" ] && printf "\\0%s\\0" "$f" && cat "$f"; done; :'


def _printed(read: Callable[[Command], Result], paths: Sequence[str], prefix: str) -> dict[str, str]:
    result = read(Command.of("sh", "-c", _EACH, "sh", *paths, timeout=READ_TIMEOUT))
    if not result.ok:
        raise PlatformError(
            f"the release's files cannot be read: {printable(result.last_line, 200)}",
            next_step="see whether its image has sh and cat",
        )
    parts = result.output.split("\0")[1:]
    return {name.removeprefix(prefix): text for name, text in zip(parts[::2], parts[1::2], strict=True)}


def in_git(connector: Connector, repository: str, commit: str, inside: str = "") -> Callable[[str], str | None]:
    """The files of a commit, for `Classes`. inside: the application's folder within the repository."""
    prefix = f"{inside.strip('/')}/" if inside.strip("./") else ""

    def text(path: str) -> str | None:
        name = f"{commit}:{prefix}{path}"
        exists = connector.read(Command.of("git", "-C", repository, "cat-file", "-e", name, timeout=READ_TIMEOUT))
        if exists.ok:
            shown = connector.read(Command.of("git", "-C", repository, "show", name, timeout=READ_TIMEOUT))
            if shown.ok:
                return shown.output
        elif connector.read(
            Command.of("git", "-C", repository, "cat-file", "-e", f"{commit}^{{commit}}", timeout=READ_TIMEOUT)
        ).ok:
            return None
        raise PlatformError(
            f"{printable(name, 120)} cannot be read in {repository}", next_step="check that the commit is there"
        )

    return text
