"""The procedures of backup_and_restore.ipynb: take, list, verify, recover, restore, confirm or undo, prune."""

from __future__ import annotations

from typing import Any, Literal, get_args

from runbook_lib.actions.data.backing_up import (
    RUNBOOK,
    BackingUp,
    BackupProcedure,
    Listing,
    Pruning,
)
from runbook_lib.actions.data.moments import unix_time
from runbook_lib.actions.data.recovering import Moments, Recovering
from runbook_lib.actions.data.restoring import Restoring
from runbook_lib.actions.data.settling import Settling
from runbook_lib.actions.data.verifying import Verifying
from runbook_lib.actions.procedure import begin, target_of
from runbook_lib.backups.place import repository_of
from runbook_lib.command import nearest, printable
from runbook_lib.errors import ParameterError

Action = Literal["list", "take", "verify", "restore", "confirm", "undo", "prune", "time", "recover"]


class BackupAndRestore:
    """Opens the procedure of an action."""

    @staticmethod
    def open(
        action: Action,
        service: str = "",
        environment: str = "production",
        backup: str = "",
        part: str = "database",
        tables: str = "",
        added: Literal["keep", "remove"] = "keep",
        approve: str = "",
        incident: str = "",
        dry_run: bool = False,
        to: str = "",
    ) -> BackupProcedure:
        """Begin, or continue the unfinished run of the same command.

        action: what is wanted. service: empty when there is only one. environment: where. backup: id or its beginning,
        empty: the newest. part: database, or the name of a folder. tables: restore only these, separated by commas.
        added: whether rows of them that came after the backup stay. approve: digest of a plan approved beforehand.
        incident: that it belongs to. dry_run: plan only. to: the moment to recover to, ISO 8601, UTC or with a zone.
        Raises ParameterError, ConfigurationError where no table backups is configured, LockHeldError, JournalError.
        """
        if action not in get_args(Action):
            close = nearest(str(action), get_args(Action)) or get_args(Action)
            raise ParameterError(
                f"there is no action {printable(str(action), 40)!r}", next_step=f"use {', '.join(close)}"
            )
        names = tuple(dict.fromkeys(name.strip() for name in tables.split(",") if name.strip()))
        moment = _moment(action, to)
        target = target_of(service, environment)
        repository = repository_of(target)
        parameters: dict[str, Any] = {
            "action": action,
            "backup": backup,
            "part": part,
            "tables": tables,
            "added": added,
            "to": to,
        }
        run = begin(RUNBOOK, target, parameters, same=tuple(parameters), incident=incident, dry_run=dry_run)
        common = (run, target, approve, repository)
        made: dict[str, BackupProcedure] = {
            "list": Listing(*common),
            "take": BackingUp(*common),
            "verify": Verifying(*common, backup),
            "restore": Restoring(*common, backup, names, added, part),
            "confirm": Settling(*common, "confirm"),
            "undo": Settling(*common, "undo"),
            "prune": Pruning(*common),
            "time": Moments(*common),
            "recover": Recovering(*common, moment),
        }
        return made[action]


def _moment(action: Action, to: str) -> float:
    """Unix time of the moment that is wanted; 0 where the action is about none. ParameterError."""
    moment = unix_time(to)
    if action != "recover" and moment is not None:
        raise ParameterError(
            f"action {action} takes no moment",
            next_step=f"make a backup of that moment first: -p action recover -p to {to!r}; then restore that one",
        )
    if action == "recover" and moment is None:
        raise ParameterError(
            "recover needs the moment", next_step="-p to 2026-01-31T14:05; -p action time shows which can be reached"
        )
    return moment or 0.0
