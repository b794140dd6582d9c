"""Messages to people as steps of a plan."""

from __future__ import annotations

from runbook_lib.config import Approval, Target
from runbook_lib.incident.delivery import Post
from runbook_lib.incident.telling import Errand
from runbook_lib.run.plan import Step


def approval_of_words(target: Target) -> Approval:
    """Who approves what people are told, and how: as communication.approval, else the environment, says."""
    table = target.communication
    return (table.approval if table else None) or target.environment.approval


def message_step(name: str, title: str, errand: Errand, post: Post, *, again: bool = False) -> Step:
    """Send one message over one channel. The ledger sends nothing twice, however often it is asked, and one that fails
    stops no other. again: send also what was perhaps sent."""
    said = errand.message
    return Step(
        name,
        title,
        lambda: errand.sent(post, again=again),
        lambda: post.standing(said, errand.channel) == "sent" or None,
        host=errand.channel,
        shows=(said.text,),
        repeatable=True,
        no_undo="what was said was said",
        stops=False,
    )
