"""The gate: a stop that asks, and the answer's validity. An answer is for one plan digest and for a limited time."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import Any, Literal

from runbook_lib.errors import GateError
from runbook_lib.run.journal import Event, Journal
from runbook_lib.run.lock import actor, host

Policy = Literal["none", "confirm", "second-person"]
INTERACTIVE_VARIABLE = "RUNBOOK_INTERACTIVE"
POLL_SECONDS = 0.25
TRIES = 3
MIN_DIGEST = 8


@dataclass(frozen=True)
class Terms:
    """What a gate asks for. expires: seconds an approval is valid; wait: seconds a headless run waits; word: what a
    person types to confirm."""

    policy: Policy
    expires: float
    wait: float
    word: str


def approval(journal: Journal, run: str, digest: str, opener: str, terms: Terms) -> Event | None:
    """The newest valid approval of this plan in the journal, or None."""
    valid = [event for event in journal.events(run, "approved") if _valid(event, digest, opener, terms)]
    return valid[-1] if valid else None


def _valid(event: Event, digest: str, opener: str, terms: Terms) -> bool:
    # An approval from the future means that the clock went back: its age is unknown, so it does not count.
    fresh = 0 <= time.time() - event.at <= terms.expires
    somebody_else = terms.policy != "second-person" or event.data.get("by") != opener
    return event.data.get("digest") == digest and fresh and somebody_else


def answer(how: str, digest: str, by: str = "") -> dict[str, Any]:
    """The data of an `approved` event. how: "typed", "parameter", "command", "policy"; by: default, who is at work."""
    return {"digest": digest, "by": by or actor(), "host": host(), "uid": os.getuid(), "how": how}


def given_for(digest: str, given: str) -> bool:
    """Whether a digest that was given beforehand (`-p approve DIGEST`) is this plan's; GateError when it is of
    another plan."""
    if not given:
        return False
    if len(given) >= MIN_DIGEST and digest.startswith(given):
        return True
    raise GateError(
        f"the approval was given for plan {given[:64]!r}, this is plan {digest[:12]}",
        next_step="look at this plan (-p dry_run true) and approve its digest",
    )


def can_ask() -> bool:
    """Whether somebody can be asked here: a notebook front end that takes input, or a terminal.

    RUNBOOK_INTERACTIVE=0 or 1 overrides what is found.
    """
    if os.environ.get(INTERACTIVE_VARIABLE) in ("0", "1"):
        return os.environ[INTERACTIVE_VARIABLE] == "1"
    shell = _shell()
    if shell is None:
        return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    kernel = getattr(shell, "kernel", None)
    # ipykernel keeps what the front end said with its last request; nbclient and papermill say no.
    return bool(kernel is not None and getattr(kernel, "_allow_stdin", False))


def _shell() -> Any:
    """The IPython shell that runs this code, or None."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def typed(terms: Terms, digest: str) -> bool:
    """Ask the person here to type the word. False when they answer nothing; GateError after wrong answers."""
    for _ in range(TRIES):
        text = input(f"Type {terms.word} to approve plan {digest[:12]}, or nothing to stop: ").strip()
        if text == terms.word:
            return True
        if not text:
            return False
        print(f"{text!r} is not {terms.word!r}")
    raise GateError("the plan was not confirmed", next_step="run the same command again")
