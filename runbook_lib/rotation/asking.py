"""A new value that somebody gives: from its reference, or typed without being shown."""

from __future__ import annotations

from getpass import getpass

from runbook_lib.config import RotatedSecret, Target
from runbook_lib.errors import ConfigurationError, StepFailedError
from runbook_lib.run.gate import can_ask


def must_be_had(name: str, secret: RotatedSecret, target: Target) -> None:
    """ConfigurationError when nobody could give the new value: it says so before anything happens."""
    if secret.new is None and not can_ask():
        raise ConfigurationError(
            f"nobody is here to give the new value of {name}",
            next_step=f"run it at a terminal or in JupyterLab, or name `new` of {name} in runbooks.toml",
        )
    if secret.new is not None:
        secret.new.resolve(target.root)


def given(name: str, secret: RotatedSecret, target: Target) -> str:
    """The new value, one line of text. StepFailedError when none is given."""
    if secret.new is not None:
        return secret.new.resolve(target.root).reveal()
    for line in secret.steps:
        print(f"  {line}")
    value = getpass(f"New value of {name} (not shown): ").strip()
    if not value:
        raise StepFailedError(f"no new value of {name} was given", next_step="run the same command again")
    return value
