"""A step that is one or more commands on a host."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib.command import Command, Secret, printable
from runbook_lib.connectors.base import Connector
from runbook_lib.errors import StepFailedError
from runbook_lib.run.plan import Step


@dataclass(frozen=True)
class Bench:
    """Where the command steps of one host are made.

    prefix: of the step ids ("production.web-1"). run: the run's id; with the step's id it marks each execution.
    env: variables for every command.
    """

    connector: Connector
    prefix: str
    run: str
    env: Mapping[str, str | Secret] = field(default_factory=dict)

    def step(
        self,
        name: str,
        title: str,
        *commands: Command,
        holds: Callable[[], bool] | None = None,
        repeatable: bool = False,
        undo: Callable[[], str] | None = None,
        no_undo: str = "",
    ) -> Step:
        """A step of commands that are run in order until one fails.

        holds: a probe for the effect; without one, the recorded ends of the commands are asked. repeatable: the
        commands may be started again when nothing tells how they ended.
        """
        identity = f"{self.prefix}.{name}"
        marks = [f"{self.run}/{identity}.{number}" for number in range(1, len(commands) + 1)]

        def do() -> str:
            last = ""
            for command, mark in zip(commands, marks, strict=True):
                result = self.connector.change(command, mark, repeatable=repeatable)
                if not result.ok:
                    raise StepFailedError(
                        f"`{command}` on {self.connector.host} ended with status {result.code}: "
                        f"{printable(result.last_line, 300) or 'no output'}",
                        next_step="mend the cause; what served before is put back",
                    )
                last = result.last_line
            return printable(last, 80)

        def ended_well() -> bool:
            outcomes = (self.connector.outcome(mark) for mark in marks)
            return all(outcome is not None and outcome.ok for outcome in outcomes)

        return Step(
            id=identity,
            title=title,
            host=self.connector.host,
            do=do,
            done=holds or ended_well,
            shows=tuple(str(command) for command in commands),
            repeatable=repeatable,
            undo=undo,
            no_undo=no_undo,
        )

    def own(self, name: str, argvs: Sequence[Sequence[str]], folder: Path) -> Iterator[Step]:
        """A step for each of the environment's own commands of one kind (install, clear, restart); these are made
        to be run any number of times."""
        for number, argv in enumerate(argvs, 1):
            suffix = f"{name}.{number}" if len(argvs) > 1 else name
            command = Command.of(*argv, cwd=folder, env=self.env)
            yield self.step(suffix, f"{name}: {printable(' '.join(argv), 60)}", command, repeatable=True)
