"""What is in force, and what its probe says of it: a mitigation may have been undone by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runbook_lib.actions.maintenance import is_closed
from runbook_lib.actions.release.doors import WHAT as MAINTENANCE
from runbook_lib.command import printable
from runbook_lib.config import Levers, Loaded, Target
from runbook_lib.errors import ConfigurationError, RunbookError
from runbook_lib.levers import lever_of
from runbook_lib.levers.base import Lever, Request
from runbook_lib.run.in_force import InForce


@dataclass(frozen=True)
class Seen:
    """What a probe says of one mitigation. holds: whether it is in effect; None: nothing can tell, and says why."""

    item: InForce
    holds: bool | None
    says: str

    @property
    def facts(self) -> dict[str, Any]:
        """As plain data, without what was noted for taking it back."""
        item = self.item
        named = {"what": item.what, "environment": item.environment, "since": item.since, "run": item.run}
        action: dict[str, Any] = {name: item.facts[name] for name in ("action", "value") if name in item.facts}
        return {**named, "undo": item.undo, **action, "in_effect": self.holds, "says": self.says}


def lever_in_force(target: Target, item: InForce) -> Lever:
    """The lever of a mitigation as it was configured when it was put in force."""
    facts = item.facts
    return lever_of(Request(target, facts["action"], Levers.model_validate(facts["levers"]), facts["value"]))


def is_in_effect(target: Target, item: InForce) -> Seen:
    """One quick look at a mitigation that the record has as in force. Whatever goes wrong is an answer, too."""
    try:
        holds = _looked(target, item)
    except RunbookError as error:
        return Seen(item, None, f"cannot be told: {printable(error.message, 200)}")
    if holds is None:
        return Seen(item, None, "cannot be told: nothing shows it")
    return Seen(item, holds, "in effect" if holds else "not in effect: undone by hand, or never come to be")


def _looked(target: Target, item: InForce) -> bool | None:
    if item.what == MAINTENANCE:
        return is_closed(target)
    if "action" not in item.facts:
        return None
    return lever_in_force(target, item).holds(item.facts["before"])


def all_in_effect(loaded: Loaded | None, items: list[InForce]) -> list[Seen]:
    """The same for each of several, wherever they are. loaded: the configuration, where there is one."""
    return [_seen(loaded, item) for item in items]


def _seen(loaded: Loaded | None, item: InForce) -> Seen:
    service, _, environment = item.environment.partition("/")
    try:
        if loaded is None:
            raise ConfigurationError("there is no runbooks.toml")
        return is_in_effect(loaded.target(service, environment), item)
    except ConfigurationError as error:
        return Seen(item, None, f"cannot be told: {printable(error.message, 200)}")
