"""Whether people could be told: templates, secrets and urls of channels, without sending anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runbook_lib.config import Communication
from runbook_lib.errors import RunbookError
from runbook_lib.incident.apprise_channel import AppriseChannel
from runbook_lib.incident.messages import template
from runbook_lib.incident.telling import channel_name


def check(communication: Communication, root: Path) -> Iterator[tuple[str, str, str]]:
    """Audience, channel or template, and what is wrong with it or an empty string. root: of relative paths."""
    for name, audience in communication.audiences.items():
        for reference in audience.channels:
            channel = channel_name(reference)
            try:
                AppriseChannel(channel, reference.resolve(root), communication.timeout).check()
                yield name, channel, ""
            except RunbookError as error:
                yield name, channel, error.message
        for phase in audience.phases:
            try:
                template(communication, name, phase, root)
            except RunbookError as error:
                yield name, f"template {phase}", error.message
