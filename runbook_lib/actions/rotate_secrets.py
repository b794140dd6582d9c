"""Changing a secret: staging first; new beside old, the application healthy with the new one, then the old one dead."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from runbook_lib.actions.procedure import Procedure, begin, target_of
from runbook_lib.command import Command, printable
from runbook_lib.config import Laravel, RotatedSecret, Target
from runbook_lib.display import Table
from runbook_lib.errors import ConfigurationError
from runbook_lib.laravel.keys import SIZE
from runbook_lib.laravel.steps import artisan, on_host
from runbook_lib.observation.health import health, look
from runbook_lib.platforms import platform_of
from runbook_lib.platforms.base import Platform, Release
from runbook_lib.platforms.command_step import Bench, in_short
from runbook_lib.rotation.kinds import Circumstances, kind_of
from runbook_lib.rotation.kinds.base import Kind
from runbook_lib.rotation.places import Ground, places_of
from runbook_lib.rotation.steps import Rotating, merged
from runbook_lib.rotation.vault import Vault, sweep
from runbook_lib.run.plan import Plan, Section, Snapshot, Step, Verdict

RUNBOOK = "rotate_secrets"
BEFORE = "health before"
# What is told at one place may take a moment to be known at another.
PATIENCE = 10.0
LOOK_EVERY = 0.5


@dataclass
class Rotation(Procedure):
    """The procedure of rotate_secrets.ipynb, a method for each of its sections."""

    secret: str
    leaked: bool
    accept_loss: bool
    _platforms: dict[str, Platform] = field(default_factory=dict)

    expected = "under a minute, without waiting for people"

    @classmethod
    def open(
        cls,
        secret: str,
        service: str = "",
        environment: str = "production",
        leaked: bool = False,
        accept_loss: bool = False,
        approve: str = "",
        incident: str = "",
        dry_run: bool = False,
    ) -> Rotation:
        """Begin, or continue the unfinished run of the same command.

        secret: its name in runbooks.toml. service: empty when there is only one. environment: where. leaked: somebody
        else has the old value, so nothing keeps it. accept_loss: APP_KEY: go on although what is stored encrypted could
        not be read any more. approve: digest of a plan approved beforehand. incident: that it belongs to. dry_run: plan
        only.
        Raises ConfigurationError for a secret that is not configured, LockHeldError, JournalError.
        """
        target = target_of(service, environment)
        refuse_unknown(secret, target)
        parameters = {"secret": secret, "leaked": leaked, "accept_loss": accept_loss}
        run = begin(RUNBOOK, target, parameters, same=tuple(parameters), incident=incident, dry_run=dry_run)
        sweep(target.state, {record.run for record in run.journal.runs(1000, unfinished=True)})
        return cls(run, target, approve, secret, leaked, accept_loss)

    def plan(self) -> Table:
        """Take the readings, make the plan, write it down and show it, with what is bad already."""
        table = super().plan()
        with self.run.guarded():
            if not list(self.run.journal.events(self.run.id, BEFORE)):
                self.run.record(BEFORE, bad={target.name: self._bad_now(target) for target in self._targets})
        bad = [f"{name}: bad already: {', '.join(names)}" for name, names in self._bad_before.items() if names]
        return replace(table, notes=(*bad, *table.notes))

    def _bad_now(self, target: Target) -> list[str]:
        release = next(iter(self._platform(target).current().values()))
        readings = look(target.environment, self._platform(target), release)
        return sorted({reading.name for reading in readings if not reading.ok})

    def rotate(self) -> str:
        """Carry out all sections: staging, then the environment; each is verified or taken back."""
        return self.apply()

    def close(self) -> str:
        if self.leaked:
            self.run.suggest(f"what was let in by the old value: {self.target.command('suspected_breach')}")
        return self.run.close()

    # -- readings ---------------------------------------------------------------------------------------------------

    def _read(self) -> Snapshot:
        return {"environments": {target.name: self._read_one(target) for target in self._targets}}

    @property
    def _targets(self) -> list[Target]:
        """Staging first, where it has this secret, too."""
        staging = self.target.staging
        return [staging, self.target] if staging and self.secret in _secrets(staging) else [self.target]

    def _read_one(self, target: Target) -> dict[str, Any]:
        live = {host: release.facts for host, release in self._platform(target).current().items()}
        kind = self._kind(target, list(live))
        places = places_of(_secrets(target)[self.secret], self._ground(target, kind, list(live), {}))
        facts = {place.name: place.facts() for place in places}
        read = kind.facts(merged(places))
        warnings = [*kind.warnings(read), *(line for place in places for line in place.warnings)]
        return {"live": live, "places": facts, "kind": read, "warnings": warnings}

    # -- the plan ---------------------------------------------------------------------------------------------------

    def _build(self, snapshot: Snapshot) -> Plan:
        each = snapshot["environments"]
        sections = [section for target in self._targets for section in self._sections(target, each[target.name])]
        warnings = [f"{name}: {line}" for name, read in each.items() for line in read["warnings"]]
        warnings += self._of_this_run()
        title = f"Change {self.secret} of {self.target.label}" + (", which leaked" if self.leaked else "")
        return Plan(title, tuple(sections), snapshot, tuple(warnings), self.run.id)

    def _of_this_run(self) -> Iterator[str]:
        yield "until the end of the run both values are kept in the state folder, readable for its owner only"
        if self.target.staging and len(self._targets) == 1:
            yield f"{self.target.staging.label} has no secret {self.secret}: this goes directly"
        if self.leaked:
            yield "the old value is not made valid again once it is invalid, whatever happens then"

    def _sections(self, target: Target, read: dict[str, Any]) -> Iterator[Section]:
        rotating = self._rotating(target, read)

        def section(name: str, title: str, steps: Sequence[Step], **more: Any) -> Section:
            # Without the release: that a secret was changed proves nothing of it.
            return Section(name, target.label, title, tuple(steps), **more)

        yield section(
            target.name,
            f"{self.secret}: the application gets the new value",
            rotating.forward(),
            back=rotating.back(),
            verify=lambda: self._new_serves(target, rotating, read),
            verified_back=lambda: f"the value of before is in force: {rotating.try_present() or 'not looked at'}",
        )
        yield section(
            f"{target.name}-old",
            f"{self.secret}: the old value dies",
            rotating.retire(),
            verify=lambda: self._old_is_dead(target, rotating, read),
            verified_back=lambda: f"the new value serves on; the old one is {rotating.try_old() or 'not known here'}",
        )
        yield section(f"{target.name}-end", f"{self.secret}: nothing is kept", rotating.end())

    def _rotating(self, target: Target, read: dict[str, Any]) -> Rotating:
        hosts = list(read["live"])
        kind = self._kind(target, hosts)
        places = places_of(_secrets(target)[self.secret], self._ground(target, kind, hosts, read["places"]))
        vault = Vault(target.state, self.run.id, f"{target.name}.{self.secret}")
        return Rotating(
            target.name,
            self.secret,
            kind,
            places,
            vault,
            read["kind"],
            lambda prefix: tuple(self._effect(target, hosts, prefix)),
            self.leaked,
        )

    def _effect(self, target: Target, hosts: Sequence[str], prefix: str) -> Iterator[Step]:
        """The application reads its configuration anew, and its processes and workers start anew."""
        platform, laravel, rotation = self._platform(target), target.environment.laravel, target.environment.rotation
        for host in hosts:
            for name, command in _artisan(laravel, rotation.config) if laravel else ():
                told = replace(command, env={**command.env, **SIZE})
                yield on_host(platform, host, prefix, self.run.id, name, f"artisan {name.replace('-', ':')}", told)
            for number, argv in enumerate(rotation.restart, 1):
                connector, inside = platform.live(Command.of(*argv, cwd="."), host)
                bench = Bench(connector, f"{prefix}.{host}", self.run.id)
                yield bench.step(
                    f"restart.{number}",
                    f"restart: {in_short(argv)}",
                    inside,
                    repeatable=True,
                    no_undo="it is made anew",
                )

    # -- looking ----------------------------------------------------------------------------------------------------

    def _new_serves(self, target: Target, rotating: Rotating, read: dict[str, Any]) -> Verdict:
        reply = _until("accepted", rotating.try_new)
        if reply.answer != "accepted":
            return Verdict("FAIL", (f"the new value is {reply}",))
        return _with(self._health(target, read), f"the new value is {reply}")

    def _old_is_dead(self, target: Target, rotating: Rotating, read: dict[str, Any]) -> Verdict:
        healthy, lives_on = self._health(target, read), rotating.kind.lives_on(read["kind"])
        if not healthy.passed or lives_on:
            return _with(healthy, f"the old value: {lives_on}") if lives_on else healthy
        reply = _until("refused", rotating.try_old)
        if reply is None:
            return _with(healthy, "the old value is not known here, so nothing shows that it is dead")
        if reply.answer == "refused":
            return _with(healthy, f"the old value is {reply}")
        return Verdict("FAIL" if reply.answer == "accepted" else "INCONCLUSIVE", (f"the old value is {reply}",))

    def _health(self, target: Target, read: dict[str, Any]) -> Verdict:
        release = Release(**next(iter(read["live"].values())))
        bad = self._bad_before.get(target.name, [])
        verdict = health(target.environment, self._platform(target), release, bad)
        return _with(verdict, f"bad before already: {', '.join(bad)}") if bad else verdict

    @property
    def _bad_before(self) -> dict[str, list[str]]:
        """What was bad when the plan was made: in an incident, a secret must not wait until all is well."""
        found: dict[str, list[str]] = next(self.run.journal.events(self.run.id, BEFORE)).data["bad"]
        return found

    # -- what it is made of -----------------------------------------------------------------------------------------

    def _platform(self, target: Target) -> Platform:
        return self._platforms.setdefault(target.name, platform_of(target))

    def _kind(self, target: Target, hosts: Sequence[str]) -> Kind:
        secret = _secrets(target)[self.secret]
        return kind_of(
            Circumstances(
                self.secret, secret, target, self._platform(target), hosts, self.leaked, self.accept_loss, self.run.id
            )
        )

    def _ground(self, target: Target, kind: Kind, hosts: Sequence[str], facts: dict[str, Any]) -> Ground:
        return Ground(target, self._platform(target), hosts, kind.variables, self.run.id, facts)


def _artisan(laravel: Laravel, config: str) -> Iterator[tuple[str, Command]]:
    builders = artisan(laravel)
    yield f"config-{config}", builders.config_cache() if config == "cache" else builders.clear("config")
    yield "queue-restart", builders.queue_restart()


def _secrets(target: Target) -> dict[str, RotatedSecret]:
    return target.environment.rotation.secrets


def refuse_unknown(secret: str, target: Target) -> None:
    """ConfigurationError when an environment has no such secret that can be changed."""
    known = _secrets(target)
    if secret not in known:
        raise ConfigurationError(
            f"{target.label} has no secret {printable(secret, 60)!r} that can be changed",
            next_step=f"use one of: {', '.join(known)}" if known else "add it to the table rotation in runbooks.toml",
        )


def _until(wanted: str, ask: Callable[[], Any]) -> Any:
    """The answer, asked again for a while as long as it is another than the one that is wanted."""
    deadline = time.monotonic() + PATIENCE
    while True:
        reply = ask()
        if reply is None or reply.answer == wanted or time.monotonic() >= deadline:
            return reply
        time.sleep(LOOK_EVERY)


def _with(verdict: Verdict, reason: str) -> Verdict:
    return Verdict(verdict.result, (*verdict.reasons, reason), verdict.numbers)
