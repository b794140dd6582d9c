"""Maintenance mode of a Laravel application, on and off, on every host, and proven on a route that it closes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from runbook_lib.actions.procedure import Procedure, begin, target_of
from runbook_lib.actions.release import doors
from runbook_lib.actions.release.doors import WHAT
from runbook_lib.command import Command, printable
from runbook_lib.config import Laravel, Target
from runbook_lib.errors import ConfigurationError, PlatformError, StepFailedError
from runbook_lib.laravel.artisan import Artisan
from runbook_lib.laravel.steps import artisan, on_host
from runbook_lib.platforms import platform_of
from runbook_lib.platforms.base import Platform
from runbook_lib.probes.http import Reading
from runbook_lib.run.plan import Plan, Section, Snapshot, Step, Verdict

RUNBOOK = "maintenance_mode"
_ELSEWHERE = (
    "install what it lacks (`composer install --no-dev` in its folder), or close the site before it reaches PHP: "
    "a lever of your own that has the web server answer 503 (levers.commands, mitigate.ipynb); rollback.ipynb needs no "
    "maintenance mode"
)


@dataclass
class Maintenance(Procedure):
    """The procedure of maintenance_mode.ipynb, a method for each of its sections."""

    on: bool
    refresh: int | None
    retry: int | None

    @classmethod
    def open(
        cls,
        mode: Literal["on", "off"],
        service: str = "",
        environment: str = "production",
        refresh: int | None = None,
        retry: int | None = None,
        approve: str = "",
        incident: str = "",
        dry_run: bool = False,
    ) -> Maintenance:
        """Begin, or continue the unfinished run of the same command.

        mode: what is wanted. service: empty when there is only one. environment: where. refresh, retry: seconds for
        the headers Refresh and Retry-After. approve: digest of a plan approved beforehand. incident:
        that it belongs to. dry_run: plan only.
        Raises ConfigurationError where no table laravel is configured, LockHeldError, JournalError.
        """
        if mode not in ("on", "off"):
            raise ConfigurationError(f"maintenance mode cannot be {printable(mode, 40)!r}", next_step="it is on or off")
        target = target_of(service, environment)
        if target.environment.laravel is None:
            raise ConfigurationError(
                f"{target.label} has no table laravel", next_step="add it to runbooks.toml; the example shows its keys"
            )
        parameters = {"mode": mode, "refresh": refresh, "retry": retry}
        run = begin(RUNBOOK, target, parameters, same=tuple(parameters), incident=incident, dry_run=dry_run)
        return cls(run, target, approve, mode == "on", refresh, retry)

    def switch(self) -> str:
        """Do it on every host and prove it; what is put in force is written down first, what is lifted when proven."""
        return self.run.apply(self.target.name)

    def close(self) -> str:
        """End the run; after `on` the summary names how to end maintenance mode."""
        if self.on:
            self.run.suggest(f"end it with: {self._undo}")
        return self.run.close()

    @property
    def _undo(self) -> str:
        return doors.undo(self.target)

    @property
    def _is_in_force(self) -> bool:
        return doors.is_in_force(self.run.journal, self.target)

    @property
    def _noted(self) -> tuple[Step, ...]:
        return (doors.noted(self.run, self.target, f"{self.target.name}.note"),) if self.on else ()

    @cached_property
    def _platform(self) -> Platform:
        return platform_of(self.target)

    @cached_property
    def _laravel(self) -> Laravel:
        laravel = self.target.environment.laravel
        assert laravel is not None  # noqa: S101 - open refuses an environment without it
        return laravel

    def _read(self) -> Snapshot:
        live = {host: release.facts for host, release in self._platform.current().items()}
        for host in live if self.on else ():
            self._refuse_what_does_not_start(host)
        return {"hosts": live, "in_force": self._is_in_force}

    def _refuse_what_does_not_start(self, host: str) -> None:
        connector, command = self._platform.live(artisan(self._laravel).version_asked(), host)
        result = connector.read(command)
        if not result.ok:
            raise PlatformError(
                f"what is live on {host} cannot run artisan: {printable(result.last_line, 200)}", next_step=_ELSEWHERE
            )

    def _build(self, snapshot: Snapshot) -> Plan:
        hosts = list(snapshot["hosts"])
        # Asked for again, its options of before stay, and what served before a failure is maintenance mode itself.
        again = self.on and bool(snapshot["in_force"])
        before = again or not self.on
        section = Section(
            self.target.name,
            self.target.label,
            f"{WHAT} {'on' if self.on else 'off'}",
            steps=(*self._noted, *self._steps(hosts, "" if self.on else ".off", on=self.on)),
            back=tuple(self._steps(hosts, ".back", on=before)),
            verify=lambda: self._verify(headers=not again),
            verified_back=lambda: self._verify_back(on=before),
        )
        warnings = [] if snapshot["in_force"] == (not self.on) else [self._already]
        return Plan(f"{section.title} in {self.target.label}", (section,), snapshot, tuple(warnings), self.run.id)

    @property
    def _already(self) -> str:
        if self.on:
            return f"{WHAT} is in force already; its options stay until it is ended"
        return f"the record knows of no {WHAT} in force; it is ended all the same"

    def _steps(self, hosts: list[str], suffix: str, *, on: bool) -> Iterator[Step]:
        builders: Artisan = artisan(self._laravel)
        for host in hosts:
            name, command = ("down", self._down(builders)) if on else ("up", builders.up())
            prefix, risk = f"{self.target.name}{suffix}", doors.CLOSED if on else ""
            yield on_host(self._platform, host, prefix, self.run.id, name, f"artisan {name}", command, risk)

    def _down(self, builders: Artisan) -> Command:
        return builders.down(refresh=self.refresh, retry=self.retry, secret=doors.bypass(self.target))

    def _verify(self, *, headers: bool) -> Verdict:
        """503 on a route other than /up, which stays 200, with the headers that were asked for; or its usual answer."""
        readings = self._look(on=self.on, headers=headers)
        wrong = [str(reading) for reading in readings if not reading.ok]
        numbers = {"readings": len(readings), "failing": len(wrong)}
        if wrong:
            return Verdict("FAIL", tuple(wrong[:5]), numbers)
        if not self.on:
            doors.lift(self.run, self.target)
        return Verdict("PASS", tuple(_words(readings)), numbers)

    def _verify_back(self, *, on: bool) -> str:
        """After going back: the state of before, seen; what was put in force is lifted."""
        wrong = [str(reading) for reading in self._look(on=on, headers=False) if not reading.ok]
        if wrong:
            raise StepFailedError(f"{WHAT} is not as it was: {wrong[0]}", next_step=f"see it through: {self._undo}")
        if not on:
            doors.lift(self.run, self.target)
        return f"{WHAT} is {'on' if on else 'off'} as before"

    def _look(self, *, on: bool, headers: bool) -> list[Reading]:
        options = (("Refresh", self.refresh), ("Retry-After", self.retry)) if headers and on else ()
        asked = [(name, str(value)) for name, value in options if value]
        readings = doors.look(self.target.environment, on=on, headers=asked)
        secret = doors.bypass(self.target) if on else None
        # Asked for again, the secret of before stays.
        return [*readings, *doors.look_through(self.target.environment, secret)] if secret and headers else readings


def is_closed(target: Target) -> bool | None:
    """Whether users are turned away now: the route that maintenance mode closes answers 503 everywhere; None when it
    does not answer at all."""
    statuses = {reading.status for reading in doors.look(target.environment, on=True)}
    return None if 0 in statuses else statuses == {503}


def _words(readings: list[Reading]) -> list[str]:
    return [f"{reading.name} at {reading.place} answers {reading.saw}" for reading in readings]
