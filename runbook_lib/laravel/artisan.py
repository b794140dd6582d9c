"""Artisan's commands as values, and what their output means where the exit status does not say it.

Nothing is run here: each method of `Artisan` returns a Command for a connector, in the spelling of the application's
Laravel version; each function below reads the Result of one. Checked against the source of 8.83 and, for what came
later, against the pull requests to laravel/framework that are named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from runbook_lib.command import Command, Result, Secret, printable
from runbook_lib.errors import CommandError

LOCKED_OUT = 75

Cache = Literal["config", "route", "view", "event"]
CACHES: tuple[Cache, ...] = ("config", "route", "view", "event")

CACHE_CLEAR_ERASES = (
    "every entry of the cache store, of this application and of all that share it",
    "on Redis the whole database (FLUSHDB): sessions and queued jobs, too, where they share its number",
    "queue:restart signals, rate limits and locks (withoutOverlapping, onOneServer, unique jobs, --isolated)",
    "maintenance mode, where its driver is the cache: the application is up again",
)

# Artisan takes a secret as an option only, and options are in the process list. So it is put there inside PHP.
_DOWN = (
    '$_SERVER["argv"][0] = "artisan"; $_SERVER["argv"][] = "--secret=" . getenv("MAINTENANCE_SECRET"); '
    'require getcwd() . "/artisan";'
)

_STAMPED = re.compile(r"^\s*(\d{4}_\d{2}_\d{2}_\d{4,6}_\w+)(.*)$")
_ENDED = re.compile(r"(?:^|\s)(DONE|FAIL|SKIPPED)\s*$")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Artisan:
    """The commands of one release of an application.

    folder: that holds the file artisan. version: Laravel's major version, 8 to 13. php: how PHP is called; a wrapper
    among these words has to hand on environment variables and the working folder.
    """

    folder: str
    version: int
    php: tuple[str, ...] = ("php",)

    def _command(self, name: str, *options: str, timeout: float = 120.0) -> Command:
        return Command.of(*self.php, "artisan", name, "--no-interaction", *options, cwd=self.folder, timeout=timeout)

    # -- maintenance mode ---------------------------------------------------------------------------------------------

    def down(
        self,
        *,
        refresh: int | None = None,
        retry: int | None = None,
        secret: Secret | None = None,
        render: str = "",
    ) -> Command:
        """Maintenance mode on this host, or on all of them where its driver is the cache (9 and later).

        refresh, retry: seconds in the headers Refresh and Retry-After. secret: the path that lets a person in.
        render: view that is shown, rendered now.

        When the application is down already, nothing is changed and the status is 0: the options of before stay
        (`already_down`). From 11.41 on (#54389), with a secret, they are overwritten instead. From 10 on (#49171) the
        secret is printed; as it is a Secret, outputs mask it.
        """
        options = [
            *([] if refresh is None else [f"--refresh={refresh}"]),
            *([] if retry is None else [f"--retry={retry}"]),
            *([f"--render={render}"] if render else []),
        ]
        if secret is None:
            return self._command("down", *options)
        words = (*self.php, "-r", _DOWN, "--", "down", "--no-interaction", *options)
        return Command.of(*words, cwd=self.folder, env={"MAINTENANCE_SECRET": secret}, timeout=120.0)

    def up(self) -> Command:
        """End maintenance mode, on this host or wherever `down` reached."""
        return self._command("up")

    # -- migrations ---------------------------------------------------------------------------------------------------

    def migrate(self, *, step: bool = False, isolated: bool = False, pretend: bool = False) -> Command:
        """Run what is pending. step: each migration a batch of its own, so that each can be undone alone.

        isolated: only where no other host does so at this moment; one that is locked out ends with status LOCKED_OUT
        instead of 0. Since 9.38 (#44743); the lock is in the cache, which all hosts must share.
        """
        if isolated and self.version < 9:
            raise self._lacks("migrate --isolated", "run it on one host only")
        options = ["--force"]
        options += ["--step"] if step else []
        options += [f"--isolated={LOCKED_OUT}"] if isolated else []
        options += ["--pretend"] if pretend else []
        return self._command("migrate", *options, timeout=3600.0)

    def migrate_status(self, *, pending: bool = False) -> Command:
        """Which migrations ran. It lists the files of this release: what a newer one brought is not seen from here.

        pending: only what did not run; since 9.52 (#46089). Read with `migrations`.
        """
        if pending and self.version < 9:
            raise self._lacks("migrate:status --pending", "read the whole status")
        return self._command("migrate:status", *(["--pending"] if pending else []))

    def migrate_rollback(self, *, step: int | None = None, batch: int | None = None, pretend: bool = False) -> Command:
        """Undo the newest `step` migrations, or those of one batch. Has to run in the release that brought them.

        Without either, artisan takes the whole last batch, whatever is in it; so one must be named. batch: since 10
        (#41150). pretend: prints SQL and changes nothing; what a migration reads then comes back empty, so loops and
        guards show the wrong branch. Read with `rollback_problem`: the status is 0 also when nothing was undone.
        """
        chosen = [(name, number) for name, number in (("step", step), ("batch", batch)) if number is not None]
        if len(chosen) != 1 or chosen[0][1] < 1:
            raise CommandError(
                "migrate:rollback without a number of 1 or more undoes the whole last batch",
                next_step="name step or batch, one of them",
            )
        if batch is not None and self.version < 10:
            raise self._lacks("migrate:rollback --batch", "count the migrations and use step")
        [(name, number)] = chosen
        options = [f"--{name}={number}", *(["--pretend"] if pretend else [])]
        return self._command("migrate:rollback", "--force", *options, timeout=3600.0)

    # -- caches -------------------------------------------------------------------------------------------------------

    def clear(self, cache: Cache) -> Command:
        """Forget one of the caches that are compiled from the code. `optimize:clear` would empty the cache store,
        too."""
        return self._command(f"{cache}:clear")

    def clears(self) -> tuple[Command, ...]:
        """Forget all caches that are compiled from the code, one by one."""
        return tuple(self.clear(cache) for cache in CACHES)

    def config_cache(self) -> Command:
        """Compile the configuration anew, with what the environment holds now."""
        return self._command("config:cache")

    def cache_clear(self, store: str = "") -> Command:
        """Empty a cache store, the default one unless named. CACHE_CLEAR_ERASES says what goes with it."""
        return self._command("cache:clear", *([store] if store else []))

    # -- processes ----------------------------------------------------------------------------------------------------

    def queue_restart(self) -> Command:
        """Workers end after their job, and their supervisor starts them with the new code. The signal is kept in the
        cache: with the driver file it reaches this host only, with array nobody."""
        return self._command("queue:restart")

    def octane_reload(self) -> Command:
        """Octane's workers load the code again, from the folder in which they were started: a link that was switched
        is not followed; then the server has to be restarted."""
        return self._command("octane:reload")

    def horizon_terminate(self) -> Command:
        """Horizon ends after its jobs; its supervisor starts it with the new code."""
        return self._command("horizon:terminate")

    def version_asked(self) -> Command:
        """Ask for the version; read with `version_of`."""
        return Command.of(*self.php, "artisan", "--version", "--no-ansi", cwd=self.folder, timeout=60.0)

    def composer_install_no_dev(self, composer: Sequence[str] = ("composer",)) -> Command:
        """Install exactly what composer.lock names, without what only development needs."""
        options = ("--no-dev", "--no-interaction", "--no-progress", "--optimize-autoloader")
        return Command.of(*composer, "install", *options, cwd=self.folder, timeout=900.0)

    def _lacks(self, what: str, instead: str) -> CommandError:
        return CommandError(f"Laravel {self.version} has no {what}", next_step=instead)


def fpm_reload(argv: Sequence[str]) -> Command:
    """Reload PHP-FPM, with the system's own command ("systemctl", "reload", "php8.2-fpm"). Without it, opcache serves
    the old code or a mix of both."""
    return Command.of(*argv, timeout=60.0)


# -- what the output says ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Migration:
    """One line of migrate:status. batch: None where it did not run."""

    name: str
    ran: bool
    batch: int | None = None


def rolled_back(result: Result) -> list[str]:
    """Names of the migrations that migrate:rollback undid, in that order."""
    return _ended(result, "Rolled back:")


def migrated(result: Result) -> list[str]:
    """Names of the migrations that migrate ran, in that order."""
    return _ended(result, "Migrated:")


def not_found(result: Result) -> list[str]:
    """Names of the migrations that migrate:rollback was to undo and for which this release has no file. They are
    skipped, and the status is 0."""
    found = [
        re.match(r"Migration not found: (\S+)|\s*(\S+) \.*\s*Migration not found", line) for line in _lines(result)
    ]
    return [match[1] or match[2] for match in found if match]


def nothing_to_roll_back(result: Result) -> bool:
    """Whether migrate:rollback had nothing to undo; the status is 0."""
    return "Nothing to rollback" in result.output


def nothing_to_migrate(result: Result) -> bool:
    """Whether migrate found nothing pending; the status is 0."""
    return "Nothing to migrate" in result.output


def locked_out(result: Result) -> bool:
    """Whether --isolated kept migrate from running. The status is 0 unless --isolated=NUMBER asked for another."""
    return "command is already running" in result.output


def already_down(result: Result) -> bool:
    """Whether `down` found the application down and left everything as it was; the status is 0."""
    return "Application is already down" in result.output


def rollback_problem(result: Result, planned: Collection[str]) -> str:
    """Why a migrate:rollback did not do what was planned, or nothing: exactly these migrations were undone."""
    missing = not_found(result)
    if missing:
        return f"this release has no file for {', '.join(missing)}: run it in the release that brought them"
    undone = rolled_back(result)
    if not result.ok:
        return (
            f"it ended with status {result.code} after undoing {', '.join(undone) or 'nothing'}: "
            f"{printable(result.last_line, 200)}"
        )
    left = [name for name in planned if name not in undone]
    more = [name for name in undone if name not in planned]
    problems = [f"not undone: {', '.join(left)}"] if left else []
    problems += [f"undone, but not planned: {', '.join(more)}"] if more else []
    return "; ".join(problems)


def migrations(result: Result) -> list[Migration]:
    """What migrate:status lists, in order. CommandError when it failed or is in no form that is known."""
    text = result.output
    if not result.ok:
        raise CommandError(
            f"migrate:status ended with status {result.code}: {printable(result.last_line, 200)}",
            next_step="check the application's connection to its database",
        )
    found = [migration for line in _lines(result) if (migration := _listed(line))]
    if not found and not re.search(r"No (pending )?migrations", text):
        raise CommandError(
            f"migrate:status says nothing that is understood: {printable(text, 200)}", next_step="run it by hand"
        )
    return found


def version_of(result: Result) -> int:
    """Laravel's major version in the output of `artisan --version`."""
    match = re.search(r"Laravel Framework (?:Lumen )?v?(\d+)\.", _COLOUR.sub("", result.output))
    if not result.ok or not match:
        raise CommandError(
            f"artisan does not tell its version: {printable(result.last_line, 200)}",
            next_step="run `php artisan --version` in the application's folder",
        )
    return int(match[1])


def locked_version(composer_lock: str) -> int | None:
    """Laravel's major version in the text of a composer.lock, or None where it does not name one."""
    try:
        packages = json.loads(composer_lock)["packages"]
        locked = next(package["version"] for package in packages if package["name"] == "laravel/framework")
        match = re.match(r"v?(\d+)\.", locked)
    except (ValueError, KeyError, TypeError, StopIteration):
        return None
    return int(match[1]) if match else None


def _listed(line: str) -> Migration | None:
    """One migration of migrate:status: `| Yes  | name | 1 |` in 8, `name ..... [1] Ran` since 9."""
    if line.lstrip().startswith("|"):
        ran, name, batch = [*(cell.strip() for cell in line.strip().strip("|").split("|")), "", ""][:3]
        return Migration(name, ran == "Yes", int(batch) if batch.isdigit() else None) if ran in ("Yes", "No") else None
    match = re.match(r"^\s*(\S+) \.*\s*(?:\[(\d+)\] )?(Ran|Pending)\s*$", line)
    return Migration(match[1], match[3] == "Ran", int(match[2]) if match[2] else None) if match else None


def _ended(result: Result, word: str) -> list[str]:
    """The migrations that came to their end: `Rolled back:  name (1.20ms)` in 8, `name ..... 1.20ms DONE` since 9,
    where what a migration prints itself stands between its name and DONE."""
    names: list[str] = []
    begun = ""
    for line in _lines(result):
        if line.startswith(word):
            names += line.removeprefix(word).split()[:1]
        named = _STAMPED.match(line)
        if named:
            begun = named[1]
        end = _ENDED.search(line)
        if end and begun:
            names += [begun] if end[1] == "DONE" else []
            begun = ""
    return names


def _lines(result: Result) -> list[str]:
    return [_COLOUR.sub("", line) for line in result.output.splitlines()]
