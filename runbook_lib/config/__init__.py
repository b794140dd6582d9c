"""runbooks.toml: what is operated and how. Every key is documented here, once; the example file, the error
messages and the reference are made from these descriptions."""

from __future__ import annotations

from runbook_lib.config.backups import Backups, DataCheck, Encryption, Keep, Recovery, Restic
from runbook_lib.config.checks import Approval, Checks, Observation, Smoke
from runbook_lib.config.communication import (
    PLACEHOLDERS,
    Audience,
    Communication,
    MessageTemplate,
    Phase,
    Severity,
    placeholders,
)
from runbook_lib.config.deployment import Docker, Git, Hook, Hooks
from runbook_lib.config.drilling import Breaking, Drilling
from runbook_lib.config.hosts import Hosts
from runbook_lib.config.laravel import AfterSwitch, Backup, Laravel
from runbook_lib.config.levers import Levers
from runbook_lib.config.loading import FILE_NAME, Loaded, Target, find, home, load, project_root, state_folder
from runbook_lib.config.rotation import Leaks, Revocation, RotatedSecret, Rotation, SecretCheck, SecretPlace
from runbook_lib.config.service import STATE_FOLDER, Configuration, Environment, Service
from runbook_lib.config.status_page import Cachet, Component, Review, StatusPage, Statuspage
from runbook_lib.config.stores import Database, DatabaseKind, Queues, Redis
from runbook_lib.config.values import SecretReference, Table

__all__ = [
    "FILE_NAME",
    "PLACEHOLDERS",
    "STATE_FOLDER",
    "AfterSwitch",
    "Approval",
    "Audience",
    "Backup",
    "Backups",
    "Breaking",
    "Cachet",
    "Checks",
    "Communication",
    "Component",
    "Configuration",
    "DataCheck",
    "Database",
    "DatabaseKind",
    "Docker",
    "Drilling",
    "Encryption",
    "Environment",
    "Git",
    "Hook",
    "Hooks",
    "Hosts",
    "Keep",
    "Laravel",
    "Leaks",
    "Levers",
    "Loaded",
    "MessageTemplate",
    "Observation",
    "Phase",
    "Queues",
    "Recovery",
    "Redis",
    "Restic",
    "Review",
    "Revocation",
    "RotatedSecret",
    "Rotation",
    "SecretCheck",
    "SecretPlace",
    "SecretReference",
    "Service",
    "Severity",
    "Smoke",
    "StatusPage",
    "Statuspage",
    "Table",
    "Target",
    "find",
    "home",
    "load",
    "placeholders",
    "project_root",
    "state_folder",
]
