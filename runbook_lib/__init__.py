"""Runbooks that people trust at three in the morning: the names that a notebook uses."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runbook_lib.actions.backup_and_restore import BackupAndRestore
    from runbook_lib.actions.communicate import Communication
    from runbook_lib.actions.data_concern import DataConcern
    from runbook_lib.actions.incident import Incident
    from runbook_lib.actions.maintenance import Maintenance
    from runbook_lib.actions.mitigation import Mitigation
    from runbook_lib.actions.review import Review
    from runbook_lib.actions.rollback import Rollback
    from runbook_lib.actions.rotate_secrets import Rotation
    from runbook_lib.actions.scenario import HighErrorRate, HighLatency, SiteDown
    from runbook_lib.actions.suspected_breach import Breach
    from runbook_lib.actions.triage import Triage
    from runbook_lib.actions.verification import Verification
    from runbook_lib.notebook.desk import desk

__all__ = [
    "BackupAndRestore",
    "Breach",
    "Communication",
    "DataConcern",
    "HighErrorRate",
    "HighLatency",
    "Incident",
    "Maintenance",
    "Mitigation",
    "Review",
    "Rollback",
    "Rotation",
    "SiteDown",
    "Triage",
    "Verification",
    "desk",
]

# Imported when first used: the papermill plug-in and the command line start without them.
_HOMES = {
    "BackupAndRestore": "runbook_lib.actions.backup_and_restore",
    "Breach": "runbook_lib.actions.suspected_breach",
    "Communication": "runbook_lib.actions.communicate",
    "DataConcern": "runbook_lib.actions.data_concern",
    "HighErrorRate": "runbook_lib.actions.scenario",
    "HighLatency": "runbook_lib.actions.scenario",
    "Incident": "runbook_lib.actions.incident",
    "Maintenance": "runbook_lib.actions.maintenance",
    "Mitigation": "runbook_lib.actions.mitigation",
    "Review": "runbook_lib.actions.review",
    "Rollback": "runbook_lib.actions.rollback",
    "Rotation": "runbook_lib.actions.rotate_secrets",
    "SiteDown": "runbook_lib.actions.scenario",
    "Triage": "runbook_lib.actions.triage",
    "Verification": "runbook_lib.actions.verification",
    "desk": "runbook_lib.notebook.desk",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
