"""The gate: a stop that asks, and the answer's validity. An answer is for one plan digest and for a limited time."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from runbook_lib.errors import ApprovalPendingError, GateError
from runbook_lib.run import live
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


class Gate:
    """The gate of one run. record: writes an event of the run; opener: who opened it."""

    def __init__(self, journal: Journal, run: str, record: Callable[..., Event], opener: str) -> None:
        self._journal = journal
        self._run = run
        self._record = record
        self._opener = opener

    def approval(self, digest: str, terms: Terms) -> Event | None:
        """The newest valid approval of a plan, or None."""
        return approval(self._journal, self._run, digest, self._opener, terms)

    def passed(self, digest: str, terms: Terms, given: str) -> Event:
        """The approval, asked for where there is none. GateError when it is refused, ApprovalPendingError when nobody
        answers within terms.wait seconds."""
        return self.approval(digest, terms) or self._ask(digest, terms, given)

    def _ask(self, digest: str, terms: Terms, given: str) -> Event:
        beforehand = given_for(digest, given)
        if terms.policy == "none":
            return self._record("approved", **answer("policy none", digest))
        if beforehand:
            self._record("approved", **answer("parameter", digest))
        elif terms.policy == "confirm" and can_ask():
            if not typed(terms, digest):
                raise GateError("the plan was not approved", next_step="run the same command again")
            self._record("approved", **answer("typed", digest))
        return self.approval(digest, terms) or self._await(digest, terms)

    def _await(self, digest: str, terms: Terms) -> Event:
        self._record("approval asked", digest=digest, policy=terms.policy, wait=terms.wait, expires=terms.expires)
        deadline = time.monotonic() + terms.wait
        while (found := self.approval(digest, terms)) is None:
            if time.monotonic() >= deadline:
                somebody = "somebody else" if terms.policy == "second-person" else "somebody"
                raise ApprovalPendingError(
                    f"nobody approved plan {digest[:12]} of run {self._run}",
                    next_step=f"{somebody} runs `runbook approve {self._run}`; then run the same command again",
                )
            time.sleep(POLL_SECONDS)
        live.tell(found)
        return found
