"""The drills there are: a line each. Every runbook has one."""

from __future__ import annotations

from runbook_lib.command import nearest, printable
from runbook_lib.drills.base import Drill
from runbook_lib.drills.evidence import On
from runbook_lib.errors import DrillError

_REASON = "nothing newer is needed"
_TAKE_BACKUP = ("papermill", "backup_and_restore.ipynb", "-p", "action", "take")
_VERIFY_BACKUP = ("papermill", "backup_and_restore.ipynb", "-p", "action", "verify")
_BACKED_UP = (_TAKE_BACKUP, _VERIFY_BACKUP)

# Beside practice, where the configuration says how the fault is brought about.
_EVERYWHERE: tuple[On, ...] = ("practice", "docker", "laravel")

_ALL = (
    # -- triage names the cause of each fault, and what it recommends ends it ------------------------------------------
    Drill("quiet", "triage", places=_EVERYWHERE),
    Drill("bad-release", "triage", "bad-release", ("bad-release",), places=_EVERYWHERE),
    Drill("down", "triage", "down", ("process-down",), places=_EVERYWHERE),
    Drill("hang", "triage", "hang", ("process-hung",), places=_EVERYWHERE),
    Drill("database-down", "triage", "database-down", ("database-down",), places=_EVERYWHERE),
    Drill("cache-down", "triage", "cache-down", ("cache-down",), places=_EVERYWHERE),
    Drill("cache-hang", "triage", "cache-hang", ("cache-down",), places=_EVERYWHERE),
    Drill("slow-query", "triage", "slow-query", ("slow-query",), places=_EVERYWHERE),
    Drill("lock", "triage", "lock", ("database-lock",), places=_EVERYWHERE),
    Drill("queue-backlog", "triage", "queue-backlog", ("queue-backlog",), places=_EVERYWHERE),
    Drill("workers-down", "triage", "workers-down", ("workers-down",), places=_EVERYWHERE),
    Drill("disk-full", "triage", "disk-full", ("disk-full",), places=_EVERYWHERE),
    Drill("error-spike", "triage", "error-spike", ("third-party", "error-spike")),
    Drill("slow-provider", "triage", "slow-provider", ("third-party",)),
    Drill("corrupt-rows", "triage", "corrupt-rows", ("corrupt-rows",), before=_BACKED_UP),
    Drill("missing-column", "triage", "missing-column", ("schema-mismatch",), before=_BACKED_UP),
    Drill("leaked-key", "triage", "leaked-key", ("leaked-key",)),
    Drill("configuration-change", "triage", "configuration-change", ("configuration-change",)),
    Drill("wrong-host", "triage", "wrong-host", ("configuration-change", "name-unresolved")),
    Drill("wrong-credential", "triage", "wrong-credential", ("configuration-change", "credential-refused")),
    Drill("queue-paused", "triage", "queue-paused", ("halted",)),
    Drill("port-taken", "triage", "port-taken", ("port-taken",)),
    Drill("maintenance-left-on", "triage", "maintenance-left-on", ("maintenance-left-on",)),
    # -- the scenarios ------------------------------------------------------------------------------------------------
    Drill("site-down", "site_down", "down", ("process-down",), {"action": "recommended"}, places=_EVERYWHERE),
    Drill("site-hangs", "site_down", "hang", ("process-hung",), places=_EVERYWHERE),
    Drill("high-error-rate", "high_error_rate", "bad-release", ("bad-release",), places=_EVERYWHERE),
    Drill("high-latency", "high_latency", "slow-query", ("slow-query",), {"action": "recommended"}, places=_EVERYWHERE),
    Drill("data-concern", "data_concern", "corrupt-rows", ("corrupt-rows",), before=_BACKED_UP),
    Drill("suspected-breach", "suspected_breach", "leaked-key", ("leaked-key",)),
    # -- the runbooks that change something ---------------------------------------------------------------------------
    Drill("rollback", "rollback", "bad-release", (), {"tag": "{good}"}, places=_EVERYWHERE),
    Drill("mitigate", "mitigate", "workers-down", (), {"action": "restart_workers"}),
    Drill("mitigate-and-lift", "mitigate", "", (), {"action": "read_only"}),
    Drill(
        "rollback-migrations",
        "rollback_migrations",
        "bad-migration",
        (),
        {"tag": "{good}", "migrations": "down", "migrations_reason": _REASON},
        then=(
            ("papermill", "rollback.ipynb", "-p", "tag", "{good}"),
            ("papermill", "maintenance_mode.ipynb", "-p", "mode", "off", "-p", "environment", "staging"),
        ),
    ),
    Drill("verify", "verify", places=_EVERYWHERE),
    Drill("maintenance-mode", "maintenance_mode", "", (), {"mode": "on", "refresh": 15}),
    Drill("backup", "backup_and_restore", "", (), {"action": "take"}, after=(_VERIFY_BACKUP,)),
    Drill("rotate-secrets", "rotate_secrets", "", (), {"secret": "APP_KEY"}),
    # -- the runbooks about people ------------------------------------------------------------------------------------
    Drill("communicate", "communicate", "", (), {"phase": "started", "incident": "{incident}"}),
    Drill(
        "review",
        "review",
        "",
        (),
        {"incident": "{incident}", "propose": False},
        before=(("runbook", "incident", "close", "--incident", "{incident}", "--reason", "it is a drill"),),
    ),
)

DRILLS: dict[str, Drill] = {drill.name: drill for drill in _ALL}


def drill_named(name: str) -> Drill:
    """DrillError for a name that there is not, with those near it."""
    if name in DRILLS:
        return DRILLS[name]
    close = nearest(name, list(DRILLS))
    raise DrillError(
        f"there is no drill {printable(name, 80)!r}",
        next_step=(f"did you mean {close[0]}? " if close else "") + "`runbook drill --list` names them",
    )


def without_drill(runbooks: list[str]) -> list[str]:
    """The runbooks that no drill proves."""
    drilled = {drill.runbook for drill in DRILLS.values()}
    return [name for name in runbooks if name not in drilled]
