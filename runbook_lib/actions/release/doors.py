"""The doors of a Laravel application: maintenance mode on every host, written down before it begins, proven on a route
that it closes, and lifted when it has ended."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import requests

from runbook_lib.command import Command, Secret, mask, printable
from runbook_lib.config import Environment, Laravel, Target
from runbook_lib.errors import StepFailedError
from runbook_lib.laravel.steps import artisan, on_host
from runbook_lib.platforms.base import Platform
from runbook_lib.probes.http import Client, Keys, Reading, Route, places
from runbook_lib.run.in_force import in_force
from runbook_lib.run.journal import Journal
from runbook_lib.run.plan import Step
from runbook_lib.run.run import Run

WHAT = "maintenance mode"
# Laravel's own name of it.
COOKIE = "laravel_maintenance"
RETRY = 60


# What users have of it.
CLOSED = "users get 503 until it ends"


@dataclass(frozen=True)
class Doors:
    """The doors of one environment during one section of a run. hosts: names of hosts or replicas. closed_before: they
    were closed when the plan was made, and stay so."""

    target: Target
    platform: Platform
    hosts: Sequence[str]
    section: str
    run: Run
    closed_before: bool = False

    def closed(self) -> Iterator[Step]:
        """The steps that keep users and workers out, and prove it before anything else is done."""
        if not self.closed_before:
            yield noted(self.run, self.target, f"{self.section}.close.note")
        command = artisan(self._laravel).down(retry=RETRY, secret=bypass(self.target))
        for host in self.hosts:
            title = "stop writes: artisan down"
            yield on_host(
                self.platform, host, f"{self.section}.close", self.run.id, "maintenance", title, command, CLOSED
            )
        yield Step(
            f"{self.section}.close.proof",
            "prove that it is closed",
            self._prove,
            lambda: None,
            repeatable=True,
            no_undo="it only looks",
        )

    def opened(self, name: str = "open") -> Iterator[Step]:
        """The steps that let users in again; none where the doors were closed before. name: of the steps."""
        if self.closed_before:
            return
        for host in self.hosts:
            yield on_host(
                self.platform,
                host,
                f"{self.section}.{name}",
                self.run.id,
                "maintenance",
                "artisan up",
                artisan(self._laravel).up(),
            )
        yield Step(
            f"{self.section}.{name}.lifted",
            f"note that {WHAT} is over",
            lambda: lift(self.run, self.target),
            lambda: not is_in_force(self.run.journal, self.target),
            repeatable=True,
            no_undo="it only notes",
        )

    def _prove(self) -> str:
        readings = look(self.target.environment, on=True)
        open_ones = [str(reading) for reading in readings if not reading.ok]
        if open_ones:
            silent = not any(reading.status for reading in readings)
            raise StepFailedError(
                f"maintenance mode does not close the application: {open_ones[0]}",
                next_step='start what serves it; or restore with backups.stop_writes = "nothing" in runbooks.toml'
                if silent
                else "see whether storage/ is shared and which driver keeps maintenance mode",
            )
        return f"{readings[0].name} answers {readings[0].saw}"

    @property
    def _laravel(self) -> Laravel:
        laravel = self.target.environment.laravel
        assert laravel is not None  # noqa: S101 - doors are made where there is one
        return laravel


def bypass(target: Target) -> Secret | None:
    """The secret path that lets a person in, where one is configured."""
    laravel = target.environment.laravel
    return laravel.bypass.resolve(target.root) if laravel and laravel.bypass else None


def noted(run: Run, target: Target, identity: str) -> Step:
    """The step that writes down that maintenance mode is in force: whoever dies in between leaves a record."""
    return Step(
        identity,
        f"note that {WHAT} is in force",
        lambda: note(run, target),
        lambda: is_in_force(run.journal, target),
        repeatable=True,
        no_undo="it is lifted with maintenance mode itself",
    )


def note(run: Run, target: Target) -> str:
    run.record("put in force", what=WHAT, environment=target.label, undo=undo(target))
    return ""


def lift(run: Run, target: Target) -> str:
    """Note that maintenance mode is over, where it is noted that it began."""
    if is_in_force(run.journal, target):
        run.record("lifted", what=WHAT, environment=target.label)
    return ""


def is_in_force(journal: Journal, target: Target) -> bool:
    """Whether it was written down that maintenance mode began, and not that it ended."""
    return any(item.what == WHAT for item in in_force(journal, target.label))


def are_closed(journal: Journal, target: Target, platform: Platform) -> bool:
    """Whether maintenance mode is in force: it was written down, or every host has the file that Laravel makes for it
    and turns users away. Where its driver is the cache, only what was written down tells."""
    if is_in_force(journal, target):
        return True
    laravel = target.environment.laravel
    if laravel is None:
        return False
    asked = Command.of("test", "-e", "storage/framework/down", cwd=laravel.folder or ".")
    hosts = [platform.live(asked, host) for host in platform.current()]
    if not hosts or not all(connector.read(command).ok for connector, command in hosts):
        return False
    return all(reading.ok for reading in look(target.environment, on=True))


def undo(target: Target) -> str:
    """The command that ends maintenance mode."""
    return target.command("maintenance_mode", mode="off")


def look(environment: Environment, *, on: bool, headers: Sequence[tuple[str, str]] = ()) -> list[Reading]:
    """Every place on a route that maintenance mode closes: 503 with these headers, or its usual answer."""
    return Client(environment.checks.timeout).all(places(environment), [_route(environment, on, headers)])


def look_through(environment: Environment, secret: Secret) -> list[Reading]:
    """Every place as a person meets it who has asked for the secret path: the route that is closed for others answers
    as usual."""
    client = Client(environment.checks.timeout)
    return [_through(client, base, _route(environment, False, ()), secret) for base in places(environment)]


def keys(environment: Environment, secret: Secret) -> Keys:
    """What the secret path gives at each place to be let in with; a place where it gives nothing is missing."""
    client, found = Client(environment.checks.timeout), {}
    for base in places(environment):
        with contextlib.suppress(requests.RequestException):
            if key := _key(client, base, secret)[0]:
                found[base] = key
    return found


def _key(client: Client, base: str, secret: Secret) -> tuple[dict[str, str], int]:
    """The header that lets in, empty where the secret path gives none, and the status of its answer."""
    let_in = client.answer(f"{base.rstrip('/')}/{secret.reveal()}")
    cookie = re.search(rf"{COOKIE}=[^;]+", let_in.headers.get("Set-Cookie", ""))
    return ({"Cookie": cookie[0]} if cookie else {}), let_in.status


def _through(client: Client, base: str, usual: Route, secret: Secret) -> Reading:
    name, started = f"{usual.name} by the secret path", time.monotonic()
    try:
        key, status = _key(client, base, secret)
        answer = client.answer(base.rstrip("/") + usual.path, key)
    except requests.RequestException as error:
        return Reading(name, base, False, printable(mask(f"no answer: {error}"), 120), time.monotonic() - started)
    ok = bool(key) and answer.status == usual.status
    saw = str(answer.status) if key else f"the secret path gives no cookie, and answers {status}"
    return Reading(name, base, ok, saw, time.monotonic() - started, answer.status)


def _route(environment: Environment, on: bool, headers: Sequence[tuple[str, str]]) -> Route:
    smoke = environment.checks.smoke
    usual = Route.of(smoke[0]) if smoke else Route("home page", "/")
    return Route(usual.name, usual.path, usual.method, status=503, headers=tuple(headers)) if on else usual
