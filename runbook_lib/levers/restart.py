"""The application started anew, on one host or replica after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from runbook_lib.command import Command, printable
from runbook_lib.config import Docker
from runbook_lib.config.levers import Restart
from runbook_lib.errors import CommandError, PlatformError, StepFailedError
from runbook_lib.levers.base import At, Lever, Once, Request, no_value, not_configured, wrong_after
from runbook_lib.levers.health import failing_routes, healthy
from runbook_lib.platforms import platform_of
from runbook_lib.platforms.command_step import Bench, in_short
from runbook_lib.platforms.docker_containers import Containers
from runbook_lib.platforms.docker_engine import Client, connect, reported
from runbook_lib.platforms.docker_health import wait_until_up
from runbook_lib.run.plan import Snapshot, Step, Verdict

WHAT = "application restarted"
TIMEOUT = 120.0
NO_UNDO = "what ran before is gone"


def restart(request: Request) -> Lever:
    """The lever of an environment: its own command, git.restart, or the restart of its containers. ConfigurationError
    where there is none."""
    no_value(request)
    table, environment = request.levers.restart, request.target.environment
    if table is None and environment.docker is not None:
        return RestartContainers(request)
    own = [table.run] if table else environment.git.restart if environment.git else []
    if not own:
        raise not_configured(request, "restart", "git.restart is empty")
    return RestartByCommand(request, own, table)


def no_worse(request: Request, act: Callable[[], str], where: str) -> str:
    """Act on one host, then wait until no health route fails that did not fail before. StepFailedError when one does:
    the other hosts are left alone. What failed before may need the restart of them all."""
    environment = request.target.environment
    before = set(failing_routes(environment))
    remark = act()

    def look() -> str:
        worse = {key: saw for key, saw in failing_routes(environment).items() if key not in before}
        return next(iter(worse.values()), "")

    if wrong := wrong_after(look, environment.checks.within):
        raise StepFailedError(f"after the restart on {where}: {wrong}", next_step="look at its log")
    return remark


@dataclass(frozen=True)
class RestartByCommand(Once):
    """Commands on each host, in the folder that is live there."""

    request: Request
    commands: list[list[str]]
    table: Restart | None
    what: str = WHAT

    def read(self) -> Snapshot:
        hosts = list(platform_of(self.request.target).current())
        return {"hosts": {host: self._identity(host) for host in hosts}}

    def pull(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return tuple(step for host in before["hosts"] for step in self._steps(host, before, at))

    def effect(self, before: Snapshot) -> Verdict:
        same = [host for host, identity in before["hosts"].items() if identity and self._identity(host) == identity]
        if same:
            return Verdict("FAIL", (f"the process at {', '.join(same)} is the one from before",))
        return healthy(self.request.target.environment)

    def _steps(self, host: str, before: Snapshot, at: At) -> Iterator[Step]:
        platform, timeout = platform_of(self.request.target), self.table.timeout if self.table else TIMEOUT
        for number, argv in enumerate(self.commands, 1):
            connector, command = platform.live(Command.of(*argv, timeout=timeout), host)
            bench = Bench(connector, f"{at.prefix}.{host}", at.run)
            step = bench.step(
                f"restart.{number}", f"restart: {in_short(argv)}", command, repeatable=True, no_undo=NO_UNDO
            )
            if number == len(self.commands):
                step = replace(step, do=lambda do=step.do: no_worse(self.request, do, host))  # type: ignore[misc]
            yield step

    def _identity(self, host: str) -> str:
        if self.table is None or not self.table.identity:
            return ""
        connector, command = platform_of(self.request.target).live(Command.of(*self.table.identity, timeout=30), host)
        result = connector.read(command)
        # A process that is not there has no identity, and that is no reason not to restart it.
        return printable(result.output.strip(), 200) if result.ok else ""


@dataclass(frozen=True)
class RestartContainers(Once):
    """Containers stopped and started by the engine."""

    request: Request
    what: str = WHAT

    def read(self) -> Snapshot:
        with reported("looking at the containers"):
            serving = Containers(self._docker).serving(self._client)
            return {"containers": {name: [item["Id"], self._started(item["Id"])] for name, item in serving.items()}}

    def pull(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return tuple(self._step(name, facts[0], facts[1], at) for name, facts in before["containers"].items())

    def effect(self, before: Snapshot) -> Verdict:
        same = [name for name, facts in before["containers"].items() if not self._restarted(*facts)]
        if same:
            return Verdict("FAIL", (f"{', '.join(same)} runs since before",))
        return healthy(self.request.target.environment)

    def _step(self, name: str, container: str, started: str, at: At) -> Step:
        patience = round(self._docker.stop_timeout)

        def act() -> str:
            with reported(f"restarting {name}", StepFailedError):
                self._client.restart(container, timeout=patience)
                wait_until_up(self._client, container, name, self.request.target.environment.checks.within)
            return f"{name} was restarted"

        return Step(
            f"{at.prefix}.{name}.restart",
            f"restart the container {name}",
            lambda: no_worse(self.request, act, name),
            lambda: self._restarted(container, started),
            host=name,
            shows=(f"docker restart --time {patience} {name}",),
            repeatable=True,
            no_undo=NO_UNDO,
        )

    @cached_property
    def _docker(self) -> Docker:
        docker = self.request.target.environment.docker
        if docker is None:
            raise PlatformError(f"{self.request.target.label} is not run by docker", next_step="give it a table docker")
        return docker

    @cached_property
    def _client(self) -> Client:
        return connect(self._docker.engine)

    def _started(self, container: str) -> str:
        return str(self._client.inspect_container(container)["State"]["StartedAt"])

    def _restarted(self, container: str, started: str) -> bool:
        with reported("looking at a container", CommandError):
            state = self._client.inspect_container(container)["State"]
            return bool(state["Running"]) and str(state["StartedAt"]) != started
