"""What halting queues and halting the scheduler have in common: commands of artisan, of Horizon or of your own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runbook_lib.command import Command
from runbook_lib.config.levers import Pause
from runbook_lib.errors import PlatformError
from runbook_lib.levers import commands
from runbook_lib.levers.base import At, Request, not_configured
from runbook_lib.platforms.command_step import Bench, in_short
from runbook_lib.run.plan import Snapshot, Step


@dataclass(frozen=True)
class Halt:
    """The two directions of one lever. key: of its table; artisan: its commands, which halt and which resume."""

    request: Request
    table: Pause
    key: str
    halting: Sequence[Sequence[str]]
    resuming: Sequence[Sequence[str]]

    @classmethod
    def of(cls, request: Request, table: Pause | None, key: str, artisan: tuple[Sequence[str], Sequence[str]]) -> Halt:
        """ConfigurationError where there is no lever, or artisan is to be used and it is no Laravel application.
        artisan: words after artisan, one command each, that halt and that resume."""
        if table is None:
            raise not_configured(request, key)
        if table.by == "command":
            return cls(request, table, key, [table.pause], [table.resume])
        laravel = request.target.environment.laravel
        if laravel is None:
            raise not_configured(request, key, f'by = "{table.by}" needs the table laravel')
        ways = (["horizon:pause"], ["horizon:continue"]) if table.by == "horizon" else artisan
        halting, resuming = ([[*laravel.php, "artisan", *word.split(" ")] for word in words] for words in ways)
        return cls(request, table, key, halting, resuming)

    @property
    def where(self) -> str:
        """Horizon's commands reach the processes of their own host only."""
        return "each" if self.table.by == "horizon" else self.table.where

    def places(self) -> list[str]:
        """Where the commands run. PlatformError when artisan has no such command there: then it could not be taken back
        either."""
        found = commands.places(self.request.target, self.where)
        if self.table.by != "command":
            for argv in (*self.halting, *self.resuming):
                self._refuse_unknown(found[0], argv)
        return found

    def _refuse_unknown(self, place: str, argv: Sequence[str]) -> None:
        at = argv.index("artisan") + 1
        if not commands.asked(self.request.target, self.where, place, [*argv[:at], "help", argv[at]]).ok:
            raise PlatformError(
                f"the application at {place} has no `artisan {argv[at]}`",
                next_step=f'stop what works by a command of your own: levers.{self.key}.by = "command"',
            )

    def steps(self, before: Snapshot, at: At, *, halt: bool) -> Iterator[Step]:
        for place in before["places"]:
            for number, argv in enumerate(self.halting if halt else self.resuming, 1):
                command = Command.of(*argv, timeout=120)
                connector, inside = commands.way(self.request.target, self.where, place, command)
                bench = Bench(connector, f"{at.prefix}.{place}", at.run)
                name = f"{'halt' if halt else 'resume'}.{number}"
                yield bench.step(name, f"{'halt' if halt else 'resume'}: {in_short(argv)}", inside, repeatable=True)

    def says(self, before: Snapshot) -> bool | None:
        """What the command `paused` says; None where there is none."""
        if not self.table.paused:
            return None
        return commands.says_yes(self.request.target, self.where, before["places"], self.table.paused)
