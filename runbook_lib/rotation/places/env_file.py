"""Environment files on a host: read and replaced there by a few lines of shell, the content never in an argv."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from runbook_lib.command import Command, Result, Secret, printable
from runbook_lib.connectors.base import Connector
from runbook_lib.errors import ConfigurationError, PlatformError, StepFailedError
from runbook_lib.rotation.places import dotenv
from runbook_lib.rotation.values import Values, known
from runbook_lib.run.plan import Step

TIMEOUT = 30.0
LARGEST = 1024 * 1024

# Bytes as numbers: what was masked or decoded on its way could not be written back.
_READ = """
file=$(readlink -f -- "$1") && [ -n "$file" ] || exit 66
[ -e "$file" ] || exit 66
[ -f "$file" ] || exit 67
[ -r "$file" ] || exit 68
case $(stat -c %A -- "$file") in *w*) ;; *) exit 69;; esac
[ -w "$file" ] && [ -w "${file%/*}" ] || exit 69
[ "$(stat -c %s -- "$file")" -le "$2" ] || exit 70
[ "$(stat -c %h -- "$file")" -eq 1 ] || exit 71
stat -c '%i %s %Y %a %u:%g' -- "$file"
od -An -v -tx1 -- "$file"
"""

# The first line of what it reads: SHA-256 of the file before and after. The new file appears in one instant, or not.
_WRITE = """
export LC_ALL=C
file=$(readlink -f -- "$1") || exit 66
sum() { sha256sum < "$1" | cut -c1-64; }
IFS=' ' read -r before after || exit 74
rm -f -- "${file%/*}/.runbook-env."*
new=$(mktemp "${file%/*}/.runbook-env.XXXXXX") || exit 69
trap 'rm -f -- "$new"' EXIT
cp -p -- "$file" "$new" && cat > "$new" || exit 73
[ "$(sum "$new")" = "$after" ] || exit 74
[ "$(sum "$file")" = "$before" ] || exit 75
[ "$(stat -c '%u %g %a' -- "$new")" = "$(stat -c '%u %g %a' -- "$file")" ] || exit 77
sync -- "$new" 2> /dev/null || sync
mv -f -- "$new" "$file" || exit 73
"""
_CHANGED_MEANWHILE = 75

_REASONS = {
    66: ("is not there, or a link that leads nowhere or in a circle", "check `file` of the place in runbooks.toml"),
    67: ("is no file", "check `file` of the place in runbooks.toml"),
    68: ("cannot be read", "run as a user who may read it"),
    69: ("is read-only", "make file and folder writable for the user that the runbooks run as"),
    70: (f"is larger than {LARGEST} bytes", "check `file` of the place in runbooks.toml"),
    71: ("has another name, which would keep the old value", "make that a symbolic link"),
    73: ("could not be written", "check the room on its disk; a file that is mounted by itself cannot be replaced"),
    74: ("was not sent as a whole", "run the same command again"),
    _CHANGED_MEANWHILE: ("was changed by somebody else meanwhile", "run the same command again"),
    77: ("could not keep its owner and permissions", "run as its owner, or as root"),
}

Inside = Callable[[Command], tuple[Connector, Command]]


@dataclass(frozen=True)
class EnvFile:
    """One environment file on one host. inside: how a command is run in the application's folder there; run: the run's
    id; variables: what each variable holds."""

    host: str
    file: str
    variables: Mapping[str, str]
    inside: Inside
    run: str

    @property
    def name(self) -> str:
        return f"{self.host}.{self.file.strip('/').replace('/', '-')}"

    @property
    def title(self) -> str:
        return self.file

    @cached_property
    def warnings(self) -> list[str]:
        text, _ = self._read()
        times = {name: len(dotenv.raw_of(text, name)) for name in self.variables}
        return [
            f"{self.file} on {self.host} has {name} {count} times; all are changed"
            for name, count in times.items()
            if count > 1
        ]

    def facts(self) -> dict[str, Any]:
        text, identity = self._read()
        with self._named():
            missing = [name for name, part in self.variables.items() if self._needed(part, name, text)]
        if missing:
            raise ConfigurationError(
                f"{self.file} on {self.host} has no {', '.join(missing)}",
                next_step="check the places of this secret in runbooks.toml",
            )
        return {"file": identity, "has": sorted(name for name in self.variables if dotenv.raw_of(text, name))}

    def _needed(self, part: str, name: str, text: str) -> bool:
        return part != "previous" and dotenv.value_of(text, name) is None

    def read(self) -> Values:
        text, _ = self._read()
        values: Values = {}
        with self._named():
            for name, part in self.variables.items():
                value = dotenv.value_of(text, name)
                if value is not None:
                    values |= parts_of(value) if part == "url" else {part: value}
        return known(values)

    def assignments(self) -> list[dotenv.Assignment]:
        """The whole file, values among it. PlatformError when it cannot be read, ConfigurationError when it is none."""
        text, _ = self._read()
        with self._named():
            return dotenv.assignments(text)

    def keep(self) -> Any:
        text, _ = self._read()
        return {name: dotenv.raw_of(text, name) for name in self.variables}

    def write(self, values: Values) -> str:
        return self._rewrite(lambda text: self._with(text, values))

    def holds(self, values: Values) -> bool:
        text, _ = self._read()
        return self._with(text, values) == text

    def put_back(self, kept: Any) -> str:
        def former(text: str) -> str:
            for name, raw in kept.items():
                text = dotenv.put_back(text, name, raw)
            return text

        return self._rewrite(former)

    def retire(self, section: str) -> tuple[Step, ...]:
        return ()

    def _with(self, text: str, values: Values) -> str:
        for name, part in self.variables.items():
            if part == "url":
                text = dotenv.changed(text, name, renewed(dotenv.value_of(text, name) or "", values))
            elif part in values and dotenv.value_of(text, name) != values[part]:
                text = dotenv.changed(text, name, values[part])
        return text

    def _rewrite(self, change: Callable[[str], str]) -> str:
        for _ in range(2):
            text, _ = self._read()
            new = change(text)
            if new == text:
                return f"{self.file} has it already"
            result = self._replace(text, new)
            # What a killed run left running may have replaced it between reading and writing.
            if result.code != _CHANGED_MEANWHILE:
                break
        if not result.ok:
            message, next_step = self._wrong(result)
            raise StepFailedError(message, next_step=next_step)
        return ""

    def _replace(self, text: str, new: str) -> Result:
        raw, fresh = _bytes(text), _bytes(new)
        sums = f"{hashlib.sha256(raw).hexdigest()} {hashlib.sha256(fresh).hexdigest()}\n"
        connector, command = self._command(_WRITE, Secret(sums + new))
        mark = f"{self.run}/{self.name}.{secrets.token_hex(4)}"
        return connector.change(command, mark, repeatable=True)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """What is wrong in the file is said with the file's name."""
        try:
            yield
        except ConfigurationError as error:
            raise ConfigurationError(
                f"{self.file} on {self.host}: {error.message}", next_step=error.next_step
            ) from error

    def _read(self) -> tuple[str, str]:
        """The file's text, and what tells whether it is the same file, unchanged."""
        connector, command = self._command(_READ, None)
        result = connector.read(command)
        if not result.ok:
            message, next_step = self._wrong(result)
            raise PlatformError(message, next_step=next_step)
        identity, _, numbers = result.output.partition("\n")
        return bytes.fromhex(numbers.replace("\n", "")).decode("utf-8", "surrogateescape"), identity

    def _command(self, script: str, given: Secret | None) -> tuple[Connector, Command]:
        command = Command.of("sh", "-c", script, "runbook", self.file, str(LARGEST), timeout=TIMEOUT)
        return self.inside(replace(command, input=given))

    def _wrong(self, result: Result) -> tuple[str, str]:
        said = printable(result.last_line, 200) or f"status {result.code}"
        reason, next_step = _REASONS.get(result.code, (f"cannot be used: {said}", "mend the cause"))
        return f"{self.file} on {self.host} {reason}", next_step


def renewed(url: str, values: Values) -> str:
    """A url with another user and password."""
    parts = urlsplit(url)
    user = quote(values["user"], safe="") if "user" in values else (parts.username or "")
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{user}:{quote(values['password'], safe='')}@{host}").geturl()


def parts_of(url: str) -> Values:
    """The user and password in a url. ConfigurationError, which shows nothing of it, when it is none."""
    try:
        parts = urlsplit(url)
        # The host's port is only looked at when it is asked for. An @ that comes late: a / ? or # in the password.
        late = "@" in f"{parts.path}{parts.query}{parts.fragment}" and "@" not in parts.netloc
        found = bool(parts.scheme and parts.hostname) and parts.port != 0 and not late
    except ValueError:
        found = False
    if not found:
        raise ConfigurationError(
            "a variable that should hold a url holds none",
            next_step="write KIND://USER:PASSWORD@HOST/NAME there, special characters as %XX",
        )
    return {"user": unquote(parts.username or ""), "password": unquote(parts.password or "")}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
