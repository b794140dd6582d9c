"""A step that is one or more commands on a host."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path, PurePosixPath

from runbook_lib.command import Command, Result, Secret, printable
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
        risk: str = "",
    ) -> Step:
        """A step of commands that are run in order until one fails.

        holds: a probe for the effect; without one, the recorded ends of the commands are asked. repeatable: the
        commands may be started again when they failed before or nothing tells how they ended. With a probe they may,
        too: do() is only reached when it says that the effect does not hold.
        """
        identity = f"{self.prefix}.{name}"
        attempts = _Attempts(self.connector, f"{self.run}/{identity}", commands)

        def do() -> str:
            return attempts.last_line(again=repeatable or holds is not None)

        return Step(
            id=identity,
            title=title,
            host=self.connector.host,
            do=do,
            done=holds or attempts.ended_well,
            shows=tuple(str(command) for command in commands),
            repeatable=repeatable,
            undo=undo,
            no_undo=no_undo,
            risk=risk,
        )

    def own(self, name: str, argvs: Sequence[Sequence[str]], folder: Path, risk: str = "") -> Iterator[Step]:
        """A step for each of the environment's own commands of one kind (install, clear, restart); these are made
        to be run any number of times. risk: of each."""
        for number, argv in enumerate(argvs, 1):
            suffix = f"{name}.{number}" if len(argvs) > 1 else name
            command = Command.of(*argv, cwd=folder, env=self.env)
            yield self.step(suffix, f"{name}: {in_short(argv)}", command, repeatable=True, risk=risk)


def in_short(argv: Sequence[str]) -> str:
    """An argv for a title: folders left out, cut to what fits in a line."""
    return printable(" ".join(PurePosixPath(word).name if word.startswith("/") else word for word in argv), 60)


@dataclass(frozen=True)
class _Attempts:
    """The executions of one step's commands. name: of the step within the journal."""

    connector: Connector
    name: str
    commands: Sequence[Command]

    def last_line(self, again: bool) -> str:
        """Run the commands, or take up the attempt that was under way, and return the last line that they said.

        again: an attempt that failed before is followed by another one, from the first command.
        """
        for attempt in count():
            before = self._outcomes(attempt)
            if again and before and not before[-1].ok:
                continue
            try:
                return self._carry_out(attempt, again)
            except StepFailedError:
                # What was cut off in the middle need not bear to be taken up there.
                if not again or not before:
                    raise
        raise AssertionError("count() does not end")

    def ended_well(self) -> bool:
        """Whether some attempt's commands all ended well."""
        for attempt in count():
            outcomes = self._outcomes(attempt)
            if not outcomes:
                return False
            if len(outcomes) == len(self.commands) and outcomes[-1].ok:
                return True
        raise AssertionError("count() does not end")

    def _carry_out(self, attempt: int, again: bool) -> str:
        last = ""
        for command, mark in zip(self.commands, self._marks(attempt), strict=True):
            result = self.connector.change(command, mark, repeatable=again)
            if not result.ok:
                raise StepFailedError(
                    f"`{command.short}` on {self.connector.host} ended with status {result.code}: "
                    f"{printable(result.last_line, 300) or 'no output'}",
                    next_step="mend the cause; what served before is put back",
                )
            last = result.last_line
        return printable(last, 80)

    def _outcomes(self, attempt: int) -> list[Result]:
        """The ends that are known, up to the first that is not or that is none to go on from."""
        outcomes: list[Result] = []
        for mark in self._marks(attempt):
            outcome = self.connector.outcome(mark)
            if outcome is None:
                break
            outcomes.append(outcome)
            if not outcome.ok:
                break
        return outcomes

    def _marks(self, attempt: int) -> list[str]:
        name = f"{self.name}.again-{attempt}" if attempt else self.name
        return [f"{name}.{number}" for number in range(1, len(self.commands) + 1)]
