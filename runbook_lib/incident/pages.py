"""The status pages that show an environment: the one made from the record, and those elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runbook_lib.config import Component, Loaded, StatusPage, Target
from runbook_lib.incident.channels import Channel
from runbook_lib.incident.components import State, components
from runbook_lib.incident.messages import Message
from runbook_lib.incident.pages_elsewhere import CachetPage, Page, StatuspagePage

OWN = "page"


@dataclass(frozen=True)
class OwnPage:
    """The status page that is made from the record: what stands in the journal is on it."""

    name = OWN

    def send(self, message: Message, reference: str) -> str:
        return ""


def is_shown(loaded: Loaded, target: Target) -> bool:
    """Whether the status page has a line for this environment."""
    return any(component.environment == target.label for component in components(loaded))


def channels(loaded: Loaded, target: Target, state: State) -> list[tuple[str, Callable[[], Channel]]]:
    """Name and maker of every page that shows this environment, the own one first. state: that its component gets."""
    own: list[tuple[str, Callable[[], Channel]]] = [(OWN, OwnPage)] if is_shown(loaded, target) else []
    return [*own, *elsewhere(loaded, target, state)]


def elsewhere(loaded: Loaded, target: Target, state: State) -> list[tuple[str, Callable[[], Page]]]:
    """Name and maker of the pages elsewhere that show this environment."""
    page, found = loaded.configuration.status_page, []
    for component in page.components:
        if component.environment == target.label:
            found += _of(loaded, page, component, state, target)
    return found


def _of(
    loaded: Loaded, page: StatusPage, component: Component, state: State, target: Target
) -> list[tuple[str, Callable[[], Page]]]:
    seconds = target.communication.timeout if target.communication else 10.0
    found: list[tuple[str, Callable[[], Page]]] = []
    statuspage, cachet = page.statuspage, page.cachet
    if statuspage is not None and component.statuspage:
        found.append((StatuspagePage.name, lambda: _statuspage(loaded, page, component, state, seconds)))
    if cachet is not None and component.cachet:
        found.append((CachetPage.name, lambda: _cachet(loaded, page, component, state, seconds)))
    return found


def _statuspage(loaded: Loaded, page: StatusPage, component: Component, state: State, seconds: float) -> Page:
    there = page.statuspage
    assert there is not None  # noqa: S101 - asked for where there is one
    key = there.key.resolve(loaded.root)
    return StatuspagePage.at(
        there.url, key, there.page, component.statuspage, state, notify=there.notify, timeout=seconds
    )


def _cachet(loaded: Loaded, page: StatusPage, component: Component, state: State, seconds: float) -> Page:
    there = page.cachet
    assert there is not None  # noqa: S101 - asked for where there is one
    key = there.key.resolve(loaded.root)
    return CachetPage.at(there.url, key, component.cachet, state, notify=there.notify, timeout=seconds)
