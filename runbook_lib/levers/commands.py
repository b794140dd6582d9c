"""Commands of the configuration: where they run, what is filled in, and steps made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from runbook_lib.command import Command, Result, printable
from runbook_lib.config import Target
from runbook_lib.connectors import connector_to
from runbook_lib.connectors.base import Connector
from runbook_lib.errors import CommandError, ParameterError
from runbook_lib.levers.base import At
from runbook_lib.platforms import platform_of
from runbook_lib.platforms.command_step import Bench, in_short
from runbook_lib.run.plan import Step

HERE = "local"
LOOK_TIMEOUT = 30.0
LONGEST_VALUE = 200


def places(target: Target, where: str) -> list[str]:
    """The names of the hosts on which a command runs: this machine, or where the application is live. Read now."""
    if where == "here":
        return [HERE]
    hosts = list(platform_of(target).current())
    return hosts[:1] if where == "first" else hosts


def way(target: Target, where: str, place: str, command: Command) -> tuple[Connector, Command]:
    """`command` as it has to be run at a place, and the connector that runs it. Pure. Here: in the folder of
    runbooks.toml; else in the folder of the application."""
    if where == "here":
        here = Command(command.argv, str(target.root), command.env, command.timeout)
        return connector_to("local", target.state), here
    laravel = target.environment.laravel
    folder = laravel.folder if laravel and laravel.folder else "."
    return platform_of(target).live(Command(command.argv, folder, command.env, command.timeout), place)


def asked(target: Target, where: str, place: str, argv: Sequence[str], timeout: float = LOOK_TIMEOUT) -> Result:
    """The end of a read-only command at a place. CommandError when it could not be run."""
    connector, command = way(target, where, place, Command.of(*argv, timeout=timeout))
    return connector.read(command)


def says_yes(target: Target, where: str, at: Sequence[str], argv: Sequence[str]) -> bool:
    """Whether a read-only command exits 0 at every place. CommandError when it could not be run."""
    return all(asked(target, where, place, argv).ok for place in at)


def objection(target: Target, where: str, at: Sequence[str], argv: Sequence[str]) -> str:
    """What the first place says at which a read-only command does not exit 0, or nothing."""
    for place in at:
        try:
            result = asked(target, where, place, argv)
        except CommandError as error:
            return error.message
        if not result.ok:
            last = printable(result.last_line, 200) or "no output"
            return f"`{in_short(argv)}` at {place} ended with status {result.code}: {last}"
    return ""


def steps(
    target: Target,
    where: str,
    at_places: Sequence[str],
    at: At,
    name: str,
    argv: Sequence[str],
    *,
    timeout: float = 600.0,
    holds: Callable[[str], bool] | None = None,
    repeatable: bool = False,
    no_undo: str = "",
) -> Iterator[Step]:
    """One step of a command at each place. holds: whether its effect is there at a place."""
    for place in at_places:
        connector, command = way(target, where, place, Command.of(*argv, env={"RUNBOOK_RUN": at.run}, timeout=timeout))
        yield Bench(connector, f"{at.prefix}.{place}", at.run).step(
            name,
            f"{name.replace('-', ' ')}: {in_short(argv)}",
            command,
            holds=(lambda place=place: holds(place)) if holds else None,  # type: ignore[misc]
            repeatable=repeatable,
            no_undo=no_undo,
        )


def filled(argv: Sequence[str], name: str, value: str) -> list[str]:
    """The words with {name} replaced by a value; a word stays one word whatever the value is."""
    return [word.replace("{" + name + "}", value) for word in argv]


def takes(argv: Sequence[str], name: str) -> bool:
    """Whether a command has a word with {name}."""
    return any("{" + name + "}" in word for word in argv)


def checked_value(value: str) -> str:
    """A value that can be a word of a command. ParameterError otherwise."""
    if len(value) > LONGEST_VALUE or value != printable(value, LONGEST_VALUE + 1):
        raise ParameterError(
            f"the value {printable(value, 40)!r} is too long or holds control characters",
            next_step=f"give up to {LONGEST_VALUE} printable characters",
        )
    if value.startswith("-"):
        raise ParameterError(
            f"the value {printable(value, 40)!r} would be an option of the command", next_step="begin it otherwise"
        )
    return value
