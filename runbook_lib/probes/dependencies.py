"""Third parties that the application calls, asked from this machine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import requests

from runbook_lib.config.dependencies import Dependency
from runbook_lib.probes.http import Client, no_answer
from runbook_lib.probes.together import together

# One that fails once may have been unlucky.
TIMES = 2
PAUSE = 0.5


@dataclass(frozen=True)
class DependencyState:
    """What was seen of a third party. wrong: what is wrong each time that it was asked, or empty; slow: whether it took
    longer than it may each time; seconds: of the last answer; feature: that can be switched off while it is not well,
    or empty."""

    name: str
    wrong: str = ""
    slow: bool = False
    seconds: float = 0.0
    feature: str = ""

    @property
    def well(self) -> bool:
        return not self.wrong and not self.slow

    def __str__(self) -> str:
        return f"{self.name}: {self.wrong or f'answers in {self.seconds * 1000:.0f} ms'}"


def states(dependencies: Mapping[str, Dependency], timeout: float, seconds: float) -> list[DependencyState]:
    """Ask all of them at once. timeout: seconds for one request; seconds: for everything."""
    looks = {name: partial(_state, name, one, timeout) for name, one in dependencies.items()}
    seen = together(looks, seconds)
    return [
        one if isinstance(one, DependencyState) else DependencyState(name, one.why, feature=dependencies[name].feature)
        for name, one in seen.items()
    ]


def _state(name: str, about: Dependency, timeout: float) -> DependencyState:
    """Asked again only where it was not well."""
    found = _asked(name, about, timeout)
    for _ in range(TIMES - 1):
        if found.well:
            return found
        time.sleep(PAUSE)
        found = _asked(name, about, timeout)
    return found


def _asked(name: str, about: Dependency, timeout: float) -> DependencyState:
    began = time.monotonic()
    try:
        status, wrong = Client(timeout).answer(about.url).status, ""
        if status >= 500 or (about.status and status != about.status):
            wrong = f"answers {status}"
    except requests.RequestException as error:
        wrong = no_answer(error, time.monotonic() - began)
    seconds = time.monotonic() - began
    return DependencyState(name, wrong, seconds * 1000 > about.max_ms, seconds, about.feature)
