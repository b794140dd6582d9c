"""The configured call that shows whether a value is accepted: a request, or a command of your own."""

from __future__ import annotations

import base64

from runbook_lib.command import Command, Secret, mask, printable
from runbook_lib.config import SecretCheck, Target
from runbook_lib.connectors import connector_to
from runbook_lib.errors import CommandError
from runbook_lib.platforms.command_step import in_short
from runbook_lib.rotation.kinds.base import Reply
from runbook_lib.rotation.values import mask_always

REFUSED = 1


def call(check: SecretCheck, value: str, target: Target) -> Reply:
    """Ask with a value. Whatever is no clear yes or no is unknown."""
    return _ask(check, value) if check.url else _run(check, value, target)


def _ask(check: SecretCheck, value: str) -> Reply:
    import requests

    basic = base64.b64encode(value.encode()).decode()
    mask_always(basic)
    headers = {name: text.replace("{value}", value).replace("{basic}", basic) for name, text in check.headers.items()}
    try:
        answer = requests.request(
            check.method,
            check.url or "",
            headers={name: text.encode() for name, text in headers.items()},
            timeout=check.timeout,
            allow_redirects=False,
            stream=True,
        )
        status = answer.status_code
        answer.close()
    except (requests.RequestException, ValueError) as error:
        return Reply("unknown", f"{check.url}: {printable(mask(str(error)), 160)}")
    said = f"{check.url} answers {status}"
    if status in check.accepted:
        return Reply("accepted", said)
    return Reply("refused" if status in check.refused else "unknown", said)


def _run(check: SecretCheck, value: str, target: Target) -> Reply:
    command = Command.of(*check.run, cwd=target.root, timeout=check.timeout, input=Secret(value))
    try:
        result = connector_to("local", target.state).read(command)
    except CommandError as error:
        return Reply("unknown", printable(mask(error.message), 160))
    if result.ok:
        return Reply("accepted", f"{in_short(check.run[:1])} ended with 0")
    said = printable(result.last_line, 120)
    words = f"{in_short(check.run[:1])} ended with {result.code}" + (f": {said}" if said else "")
    return Reply("refused" if result.code == REFUSED else "unknown", words)
