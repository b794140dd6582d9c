"""The repository of an environment's backups."""

from __future__ import annotations

from runbook_lib.backups.repository import Folder, Repository
from runbook_lib.config import Target
from runbook_lib.errors import ConfigurationError


def repository_of(target: Target) -> Repository:
    """Where an environment's backups are kept. ConfigurationError where no table backups is configured, or its password
    cannot be had."""
    backups = target.environment.backups
    if backups is None:
        raise ConfigurationError(
            f"{target.label} has no table backups", next_step="add it to runbooks.toml; the example shows its keys"
        )
    if backups.folder is not None:
        return Folder(target.resolve(backups.folder) / target.service_name / target.name)
    from runbook_lib.backups.restic import Resticked

    restic = backups.restic
    assert restic is not None  # noqa: S101 - the table refuses neither
    env = {**target.secrets_resolved(restic.env), "RESTIC_PASSWORD": restic.password.resolve(target.root)}
    return Resticked(restic.repository, target.label, env, restic.options)
