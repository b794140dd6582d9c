"""Which release answers, by the word of its own version route."""

from __future__ import annotations

from functools import partial

from runbook_lib.command import mask, printable
from runbook_lib.config import Environment
from runbook_lib.probes.http import Answer, Client, places
from runbook_lib.probes.together import together

LIMIT = 80


def served(environment: Environment, timeout: float, seconds: float) -> dict[str, str]:
    """What the version route says at each place that answers it with 200, text from outside. timeout: for one request;
    seconds: for all."""
    asked = {
        base: partial(Client(timeout).answer, base.rstrip("/") + environment.checks.version)
        for base in dict.fromkeys(places(environment))
    }
    found = together(asked, seconds)
    said = {base: one.body for base, one in found.items() if isinstance(one, Answer) and one.status == 200}
    return {base: printable(mask(body.strip()), LIMIT) for base, body in said.items()}
