"""A rate limit in nginx: a file that its http block includes, checked by `nginx -t` before it is taken."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from runbook_lib.command import Command, printable
from runbook_lib.config.levers import RateLimit
from runbook_lib.connectors import connector_to
from runbook_lib.connectors.base import Connector
from runbook_lib.errors import CommandError, PlatformError
from runbook_lib.levers import limit_probe
from runbook_lib.levers.base import At, Request
from runbook_lib.platforms.command_step import Bench
from runbook_lib.run.plan import Snapshot, Step, Verdict

# A burst of one second is let through at once, then the rate: users' pages come with several requests.
SNIPPET = """\
# Written by a runbook (rate_limit) and taken away with it. Included in the http block of nginx.
limit_req_zone {key} zone={zone}:10m rate={rate}r/s;
limit_req zone={zone} burst={rate} nodelay;
limit_req_status 429;
"""
_KEYS = {"client": "$binary_remote_addr", "all": "$server_name"}
LOOK_TIMEOUT = 30.0
LARGEST = 65_536

# Written beside it and moved over it, so that nginx never reads half of it; words of the command are data.
_WRITE = 'umask 022; printf %s "$2" > "$1.new" && mv -f "$1.new" "$1"'
_READ = '[ ! -e "$1" ] || { printf "there:"; cat "$1"; }'


@dataclass(frozen=True)
class NginxLimit:
    """rate: requests a second."""

    request: Request
    table: RateLimit
    rate: int

    stays: ClassVar[bool] = True
    several: ClassVar[bool] = False

    @property
    def what(self) -> str:
        return limit_probe.what(self.rate)

    def read(self) -> Snapshot:
        """What the file holds now. Refuses when nginx' configuration is broken already: it would take no change."""
        tested = self._connector.read(Command.of(*self.table.test, timeout=LOOK_TIMEOUT))
        if not tested.ok:
            raise PlatformError(
                f"nginx refuses its configuration as it is: {printable(tested.last_line, 300)}",
                next_step=f"mend it until `{' '.join(self.table.test)}` passes",
            )
        return {"was": self._content()}

    def warnings(self, before: Snapshot) -> tuple[str, ...]:
        whose = "each client's own" if self.table.per == "client" else "everybody's together"
        return (f"the limit is {whose}; a server or location of nginx with a limit_req of its own does not take it",)

    def pull(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return self._takes(self._snippet, at)

    def undo(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return self._takes(before["was"], at)

    def effect(self, before: Snapshot) -> Verdict:
        return limit_probe.limited(self.request.target.environment, self.table, self.rate)

    def undone(self, before: Snapshot) -> Verdict:
        if (wrong := self._differs(before["was"])) or before["was"] is not None:
            return Verdict("FAIL" if wrong else "PASS", (wrong or "the file is as it was",))
        return limit_probe.unlimited(self.request.target.environment, self.table, self.rate)

    def holds(self, before: Snapshot) -> bool | None:
        if self._content() != self._snippet:
            return False
        return limit_probe.holds(self.request.target.environment, self.table, self.rate)

    @property
    def _snippet(self) -> str:
        # Environments that share an nginx must not share a zone.
        zone = "runbook_" + hashlib.sha256(self.request.target.label.encode()).hexdigest()[:8]
        return SNIPPET.format(key=_KEYS[self.table.per], rate=self.rate, zone=zone)

    @property
    def _file(self) -> str:
        return str(self.request.target.resolve(self.table.file)) if self.table.file else ""

    @cached_property
    def _connector(self) -> Connector:
        return connector_to(self.table.host, self.request.target.state)

    def _content(self) -> str | None:
        """What the file holds; None when there is none."""
        result = self._connector.read(Command.of("sh", "-c", _READ, "runbook", self._file, timeout=LOOK_TIMEOUT))
        if not result.ok or len(result.output) > LARGEST:
            raise CommandError(
                f"{self._file} cannot be read: {printable(result.last_line, 200)}", next_step="check levers.rate_limit"
            )
        return result.output.removeprefix("there:") if result.output else None

    def _differs(self, wanted: str | None) -> str:
        return "" if self._content() == wanted else f"{self._file} is not as it was"

    def _takes(self, content: str | None, at: At) -> tuple[Step, ...]:
        """Write the file, let nginx check it, let it take it."""
        bench = Bench(self._connector, f"{at.prefix}.{self.table.host}", at.run)
        if content is None:
            write = Command.of("rm", "-f", self._file, timeout=LOOK_TIMEOUT)
            title = f"remove {self._file}"
        else:
            write = Command.of("sh", "-c", _WRITE, "runbook", self._file, content, timeout=LOOK_TIMEOUT)
            title = f"write {self._file}"
        test = Command.of(*self.table.test, timeout=LOOK_TIMEOUT)
        reload = Command.of(*self.table.reload, timeout=LOOK_TIMEOUT)
        return (
            bench.step("file", title, write, holds=lambda: self._content() == content),
            bench.step("check", "let nginx check its configuration", test, repeatable=True, no_undo="it only reads"),
            bench.step("reload", "let nginx take it", reload, repeatable=True),
        )
