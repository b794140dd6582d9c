"""Where secrets leak: routes that the site must not answer, and files that hold a secret's value. Reading only; values
travel on standard input, never in an argv."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from runbook_lib.breach.secrets_known import SHORTEST, KnownSecret
from runbook_lib.command import Command, Secret, mask, printable
from runbook_lib.config import Target
from runbook_lib.errors import RunbookError
from runbook_lib.platforms.base import Platform
from runbook_lib.rotation.values import forms

TIMEOUT = 120.0
# Folders that a Laravel application gives to the network, and the routes of their files.
_PUBLIC = {"storage/app/public/": "/storage/", "public/": "/"}
_LARGEST = 2_000_000
_SHOWN = 20
# -f -: what is looked for is read, so no process list has it.
_FIND = '[ -e "$1" ] || exit 1; grep -rlaF -f - -- "$1"'


@dataclass(frozen=True)
class Leak:
    """Something that is where it must not be. where: url, or host and file; what: in words; secrets: names of those
    whose values stand there; served: whether anybody on the network gets it."""

    where: str
    what: str
    secrets: tuple[str, ...] = ()
    served: bool = False


def served(target: Target, known: Sequence[KnownSecret]) -> tuple[list[Leak], list[str]]:
    """The routes that are answered although they must not be, and a line when the site could not be asked."""
    import requests

    found: list[Leak] = []
    session, base = requests.Session(), target.environment.url.rstrip("/")

    def body(path: str) -> tuple[int, str]:
        with session.get(
            base + path, timeout=target.environment.checks.timeout, allow_redirects=False, stream=True
        ) as answer:
            text = b"".join(_limited(answer.iter_content(65_536)))
            return answer.status_code, text.decode("utf-8", "replace")

    try:
        _, nothing = body(f"/{secrets.token_hex(12)}")
        for path in target.environment.leaks.routes:
            status, text = body(path)
            names = _named(text, known)
            # A site may answer every route with a page of its own.
            if names or (status == 200 and text.strip() and text != nothing and not _is_page(text)):
                found.append(Leak(f"{base}{path}", f"answers {status}, {len(text)} characters", names, served=True))
    except (requests.RequestException, ValueError) as error:
        return found, [f"{base} cannot be asked: {printable(mask(str(error)), 200)}"]
    return found, []


def written(
    target: Target, platform: Platform, hosts: Sequence[str], known: Sequence[KnownSecret]
) -> tuple[list[Leak], list[str]]:
    """Files of the configured folders that hold a secret's value, and a line for each folder that could not be
    searched."""
    found: list[Leak] = []
    unseen: list[str] = []
    laravel = target.environment.laravel
    sought = [one for one in known if len(one.value) >= SHORTEST]
    for host in hosts if sought else ():
        for folder in target.environment.leaks.folders:
            for one in sought:
                patterns = "\n".join(sorted(form for form in forms(one.value) if "\n" not in form and len(form) > 5))
                command = Command.of(
                    *("sh", "-c", _FIND, "runbook", folder),
                    cwd=(laravel.folder if laravel else "") or ".",
                    timeout=TIMEOUT,
                    input=Secret(patterns + "\n"),
                )
                try:
                    connector, inside = platform.live(command, host)
                    result = connector.read(inside)
                except RunbookError as error:
                    unseen.append(f"{host}: {folder}: {error.message}")
                    break
                if result.code > 1 and not result.output:
                    unseen.append(f"{host}: {folder} cannot be searched: status {result.code}")
                    break
                files = [line for line in result.output.splitlines() if line.startswith(folder)]
                found += [Leak(f"{host}: {printable(file)}", "holds its value", (one.name,)) for file in files[:_SHOWN]]
    return found, unseen


def published(target: Target, found: Sequence[Leak]) -> list[Leak]:
    """The same leaks; files that the site gives to anybody are said to be served."""
    import requests

    answers: dict[str, bool] = {}
    for leak in found:
        path = _path(leak.where.partition(": ")[2])
        if path and path not in answers:
            try:
                url = target.environment.url.rstrip("/") + quote(path)
                with requests.get(url, timeout=target.environment.checks.timeout, stream=True) as answer:
                    answers[path] = answer.status_code == 200
            except requests.RequestException:
                answers[path] = False
    return [replace(leak, served=answers.get(_path(leak.where.partition(": ")[2]), leak.served)) for leak in found]


def _path(file: str) -> str:
    """The route under which Laravel's site gives a file, or nothing."""
    served = (route + file.removeprefix(folder) for folder, route in _PUBLIC.items() if file.startswith(folder))
    return next(served, "")


def _named(text: str, known: Sequence[KnownSecret]) -> tuple[str, ...]:
    return tuple(
        one.name for one in known if len(one.value) >= SHORTEST and any(form in text for form in forms(one.value))
    )


def _is_page(text: str) -> bool:
    return text.lstrip()[:200].lower().startswith(("<!doctype html", "<html"))


def _limited(chunks: Iterable[bytes]) -> list[bytes]:
    kept: list[bytes] = []
    size = 0
    for chunk in chunks:
        kept.append(chunk)
        size += len(chunk)
        if size >= _LARGEST:
            break
    return kept
