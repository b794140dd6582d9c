"""runbooks.toml: what is operated and how. Every key is documented here, once; the example file, the error
messages and the reference are made from these descriptions."""

from __future__ import annotations

from runbook_lib.config.checks import Approval, Checks, Observation, Smoke
from runbook_lib.config.deployment import Docker, Git, Hook, Hooks
from runbook_lib.config.hosts import Hosts
from runbook_lib.config.laravel import AfterSwitch, Backup, Laravel
from runbook_lib.config.levers import Levers
from runbook_lib.config.loading import FILE_NAME, Loaded, Target, find, load, project_root
from runbook_lib.config.rotation import Leaks, Revocation, RotatedSecret, Rotation, SecretCheck, SecretPlace
from runbook_lib.config.service import STATE_FOLDER, Configuration, Environment, Service
from runbook_lib.config.stores import Database, DatabaseKind, Queues, Redis
from runbook_lib.config.values import SecretReference, Table

__all__ = [
    "FILE_NAME",
    "STATE_FOLDER",
    "AfterSwitch",
    "Approval",
    "Backup",
    "Checks",
    "Configuration",
    "Database",
    "DatabaseKind",
    "Docker",
    "Environment",
    "Git",
    "Hook",
    "Hooks",
    "Hosts",
    "Laravel",
    "Leaks",
    "Levers",
    "Loaded",
    "Observation",
    "Queues",
    "Redis",
    "Revocation",
    "RotatedSecret",
    "Rotation",
    "SecretCheck",
    "SecretPlace",
    "SecretReference",
    "Service",
    "Smoke",
    "Table",
    "Target",
    "find",
    "load",
    "project_root",
]
