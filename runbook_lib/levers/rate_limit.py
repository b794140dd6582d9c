"""Fewer requests a second are let through: by nginx, by HAProxy, or by a command of your own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.command import printable
from runbook_lib.config.levers import RateLimit
from runbook_lib.errors import ParameterError
from runbook_lib.levers import commands, limit_probe
from runbook_lib.levers.base import At, Lever, Request, not_configured
from runbook_lib.levers.haproxy import HaproxyLimit
from runbook_lib.levers.nginx import NginxLimit
from runbook_lib.run.plan import Snapshot, Step, Verdict

HIGHEST = 100_000
_RATE = re.compile("[1-9][0-9]{0,5}", re.ASCII)


def rate_limit(request: Request) -> Lever:
    """The lever of the balancer that is configured. ConfigurationError where none is, ParameterError for a value that
    is no rate."""
    table = request.levers.rate_limit
    if table is None:
        raise not_configured(request, "rate_limit")
    rate = rate_of(request.value)
    if table.by == "nginx":
        return NginxLimit(request, table, rate)
    if table.by == "haproxy":
        return HaproxyLimit(request, table, rate)
    return CommandedLimit(request, table, rate)


def rate_of(value: str) -> int:
    """A whole number of requests a second. ParameterError when it is none, or more than could ever be meant."""
    if not _RATE.fullmatch(value) or int(value) > HIGHEST:
        raise ParameterError(
            f"{printable(value, 40)!r} is no rate", next_step=f"give whole requests a second, 1 to {HIGHEST}"
        )
    return int(value)


@dataclass(frozen=True)
class CommandedLimit:
    """Two commands of your own."""

    request: Request
    table: RateLimit
    rate: int

    stays: ClassVar[bool] = True
    several: ClassVar[bool] = False

    @property
    def what(self) -> str:
        return limit_probe.what(self.rate)

    def read(self) -> Snapshot:
        return {}

    def warnings(self, before: Snapshot) -> tuple[str, ...]:
        return ("what the limit was before is not known: taking it back runs levers.rate_limit.undo",)

    def pull(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return self._steps("limit", commands.filled(self.table.run, "rate", str(self.rate)), at)

    def undo(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return self._steps("unlimit", self.table.undo, at)

    def effect(self, before: Snapshot) -> Verdict:
        return limit_probe.limited(self.request.target.environment, self.table, self.rate)

    def undone(self, before: Snapshot) -> Verdict:
        return limit_probe.unlimited(self.request.target.environment, self.table, self.rate)

    def holds(self, before: Snapshot) -> bool | None:
        return limit_probe.holds(self.request.target.environment, self.table, self.rate)

    def _steps(self, name: str, argv: list[str], at: At) -> tuple[Step, ...]:
        return tuple(
            commands.steps(self.request.target, "here", [commands.HERE], at, name, argv, timeout=60, repeatable=True)
        )
