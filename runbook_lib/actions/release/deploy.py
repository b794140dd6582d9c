"""Putting a release live in one environment: hooks, the platform's switch, verification, and the way back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from runbook_lib.actions.release.behind_doors import BehindDoors
from runbook_lib.actions.release.workers import Workers
from runbook_lib.command import Command
from runbook_lib.config import Hook, Target
from runbook_lib.connectors import connector_to
from runbook_lib.errors import PlanDriftError, StepFailedError
from runbook_lib.laravel.steps import after_switch
from runbook_lib.observation.health import health
from runbook_lib.platforms import platform_of
from runbook_lib.platforms.base import Platform, Release
from runbook_lib.platforms.command_step import Bench, in_short
from runbook_lib.run.plan import Section, Snapshot, Step, Verdict


@dataclass(frozen=True)
class Deployment:
    """One release to be made live in one environment. run: the run's id. closed: maintenance mode keeps users out, and
    stays in force."""

    target: Target
    release: Release
    run: str
    closed: bool = False

    @cached_property
    def platform(self) -> Platform:
        return platform_of(self.target)

    def readings(self) -> Snapshot:
        """What the section is built from, read now; refuses what the platform refuses."""
        return self.platform.readings(self.release)

    def section(self, readings: Snapshot, skipped: str = "", seconds: float = 0.0) -> Section:
        """The section of a plan that makes the release live; pure."""
        name, label = self.target.name, self.target.label
        title = f"make {self.release} live in {label}"
        if skipped:
            return Section(name, label, title, skipped=skipped, release=self.release.facts)
        switch = self.platform.switch(self.release, readings, name, self.run)
        hooks = self.target.environment.hooks
        before, after = self._hooks("before", hooks.before), self._hooks("after", hooks.after)
        return Section(
            name,
            label,
            title,
            steps=(*before, *switch.steps, *self._noted(readings), *self._take_effect(readings, name), *after),
            back=(
                *self._undone("after", hooks.after),
                *switch.back,
                *self._take_effect(readings, f"{name}.back"),
                *self._undone("before", hooks.before),
            ),
            ready=lambda begun: self._refuse_drift(readings, begun),
            verify=lambda: self._verify(readings),
            verified_back=lambda: self._what_serves(readings),
            release=self.release.facts,
            seconds=seconds,
        )

    def _take_effect(self, readings: Snapshot, prefix: str) -> Iterator[Step]:
        """What a Laravel application needs so that its processes and caches follow the code."""
        laravel = self.target.environment.laravel
        if laravel is not None:
            yield from after_switch(laravel, self.platform, list(readings["hosts"]), prefix, self.run)

    def _noted(self, readings: Snapshot) -> Iterator[Step]:
        for workers in self._workers(readings):
            yield from workers.noted()

    def _workers(self, readings: Snapshot) -> Iterator[Workers]:
        """The workers of a Laravel application; of another one nothing is known."""
        laravel = self.target.environment.laravel
        if laravel is not None:
            yield Workers(self.target, self.platform, laravel, list(readings["hosts"]), self.run)

    def _verify(self, readings: Snapshot) -> Verdict:
        doors = BehindDoors(self.target, self.platform, self.release) if self.closed else None
        verdict = doors.verdict() if doors else health(self.target.environment, self.platform, self.release)
        for workers in self._workers(readings):
            verdict = workers.seen(verdict)
        return verdict

    def _refuse_drift(self, readings: Snapshot, begun: bool) -> None:
        """The environment must run what the plan saw; in a continued run, that or the target."""
        if not begun:
            if self.platform.readings(self.release) != readings:
                raise _drifted(self.target.label, "is not as the plan saw it")
            return
        expected = {self.release.id, *_live_before(readings)}
        strangers = [str(live) for live in self.platform.current().values() if live.id not in expected]
        if strangers:
            raise _drifted(self.target.label, f"now runs {', '.join(strangers)}, which this plan does not know")

    def _what_serves(self, readings: Snapshot) -> str:
        """After going back: that what served before serves again on every replica."""
        current = self.platform.current()
        before = _live_before(readings)
        strangers = [f"{host} runs {live}" for host, live in current.items() if live.id not in before]
        if strangers:
            raise StepFailedError(
                f"{self.target.label} is not back: {', '.join(strangers)}", next_step="put it right by hand"
            )
        served = ", ".join(sorted({str(live) for live in current.values()}))
        return f"what served before serves again: {served}"

    def _hooks(self, when: str, hooks: Sequence[Hook]) -> Iterator[Step]:
        for number, hook in enumerate(hooks, 1):
            probe = self._hook_command(hook.done, hook) if hook.done else None
            yield self._bench.step(
                f"{when}.{number}",
                f"{when}: {in_short(hook.run)}",
                self._hook_command(hook.run, hook),
                holds=partial(self._says_yes, probe) if probe else None,
                # do() is only reached when the probe says that the effect does not hold: then once more is right.
                repeatable=hook.repeatable or probe is not None,
                no_undo="" if hook.undo else "the hook has no undo",
            )

    def _undone(self, when: str, hooks: Sequence[Hook]) -> Iterator[Step]:
        """The undo of the hooks that were begun, last first."""
        for number, hook in reversed(list(enumerate(hooks, 1))):
            if hook.undo:
                undo = self._hook_command(hook.undo, hook)
                title = f"undo {when}: {in_short(hook.run)}"
                step = self._bench.step(f"{when}.{number}.undo", title, undo, repeatable=True)
                yield replace(step, undoes=step.id.removesuffix(".undo"))

    def _says_yes(self, probe: Command) -> bool:
        return self._bench.connector.read(probe).ok

    def _hook_command(self, argv: list[str], hook: Hook) -> Command:
        env = {
            "RUNBOOK_RUN": self.run,
            "RUNBOOK_SERVICE": self.target.service_name,
            "RUNBOOK_ENVIRONMENT": self.target.name,
            "RUNBOOK_RELEASE": self.release.tag,
            "RUNBOOK_RELEASE_ID": self.release.id,
        }
        return Command.of(*argv, cwd=self._folder, env={**self._bench.env, **env}, timeout=hook.timeout)

    @cached_property
    def _bench(self) -> Bench:
        """Where the hooks run: on the first host of a Git environment, else on this machine."""
        git = self.target.environment.git
        host = git.hosts[0] if git else "local"
        env = self.target.secrets_resolved(git.env) if git else {}
        return Bench(connector_to(host, self.target.state), f"{self.target.name}.hook", self.run, env)

    @cached_property
    def _folder(self) -> Path:
        git = self.target.environment.git
        if git is None:
            return self.target.root
        path = self.target.resolve(git.path)
        return path if git.layout == "in-place" else path / "current"


def _live_before(readings: Snapshot) -> set[str]:
    """The ids of the releases that were live when the plan was made."""
    return {reading["live"]["id"] for reading in readings["hosts"].values()}


def _drifted(label: str, what: str) -> PlanDriftError:
    return PlanDriftError(f"{label} {what}", next_step="run the same command again for a new plan")
