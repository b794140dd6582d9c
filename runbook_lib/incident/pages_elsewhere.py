"""Status pages of others that are kept in step: Atlassian Statuspage (API v1) and Cachet (API of version 2).

Each message becomes an incident there or an update of it, and the component gets the state that the record gives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import requests

from runbook_lib.command import Secret
from runbook_lib.incident.channels import Channel, ChannelError, refused
from runbook_lib.incident.components import State
from runbook_lib.incident.messages import Message

# https://developer.statuspage.io/: statuses of components and incidents.
_STATUSPAGE_STATES: dict[State, str] = {
    "operational": "operational",
    "maintenance": "under_maintenance",
    "degraded": "degraded_performance",
    "partial outage": "partial_outage",
    "major outage": "major_outage",
}
_STATUSPAGE_PHASES = {
    "started": "investigating",
    "update": "identified",
    "mitigated": "monitoring",
    "verified": "resolved",
}
_IMPACTS = {"SEV1": "critical", "SEV2": "major", "SEV3": "minor", "SEV4": "none"}

# Cachet 2: operational, performance issues, partial outage, major outage; investigating, identified, watching, fixed.
# It has no state for maintenance of a component.
_CACHET_STATES: dict[State, int] = {
    "operational": 1, "maintenance": 2, "degraded": 2, "partial outage": 3, "major outage": 4,
}  # fmt: skip
_CACHET_PHASES = {"started": 1, "update": 2, "mitigated": 3, "verified": 4}


class Page(Channel, Protocol):
    """A status page elsewhere."""

    def show(self, state: State) -> None:
        """Give the component this state. ChannelError."""
        ...


@dataclass(frozen=True)
class _Api:
    """One HTTP API. url: base; headers: with the key, which is shown nowhere."""

    url: str
    header: str
    key: Secret
    prefix: str
    timeout: float

    def ask(self, method: str, path: str, body: dict[str, Any]) -> Any:
        """The answer's JSON. ChannelError for anything but 2xx with JSON."""
        headers = {self.header: f"{self.prefix}{self.key.reveal()}"}
        try:
            answer = requests.request(
                method, f"{self.url.rstrip('/')}{path}", json=body, headers=headers, timeout=self.timeout,
                allow_redirects=False,
            )  # fmt: skip
        except requests.ReadTimeout as error:
            raise ChannelError("it took the message and did not answer in time", sure=False) from error
        except requests.ConnectionError as error:
            raise ChannelError("it could not be reached", again=True, sure="NewConnection" in repr(error)) from error
        except requests.RequestException as error:
            raise ChannelError(f"it could not be asked: {type(error).__name__}") from error
        if not 200 <= answer.status_code < 300:
            raise refused(answer.status_code, answer.headers.get("Retry-After"), answer.text[:120].strip())
        try:
            return answer.json()
        except ValueError as error:
            raise ChannelError(f"it answers {answer.status_code} with something that is no JSON", sure=False) from error


@dataclass(frozen=True)
class StatuspagePage:
    """A component of a page at Statuspage. state: that the component gets; notify: whether subscribers are told."""

    api: _Api
    page: str
    component: str
    state: State
    notify: bool

    name = "statuspage"

    @classmethod
    def at(
        cls, url: str, key: Secret, page: str, component: str, state: State, *, notify: bool, timeout: float
    ) -> StatuspagePage:
        return cls(_Api(url, "Authorization", key, "OAuth ", timeout), page, component, state, notify)

    def send(self, message: Message, reference: str) -> str:
        """Open an incident there, or add an update to it; see Channel."""
        incident: dict[str, Any] = {
            "status": _STATUSPAGE_PHASES[message.phase],
            "body": message.text,
            "deliver_notifications": self.notify,
            "components": {self.component: _STATUSPAGE_STATES[self.state]},
        }
        if reference:
            self.api.ask("PATCH", f"/pages/{self.page}/incidents/{reference}", {"incident": incident})
            return reference
        incident |= {
            "name": message.title,
            "impact_override": _IMPACTS[message.severity],
            "component_ids": [self.component],
            "metadata": {"runbooks": {"incident": message.incident}},
        }
        return _id(self.api.ask("POST", f"/pages/{self.page}/incidents", {"incident": incident}))

    def show(self, state: State) -> None:
        """Give the component this state. ChannelError."""
        body = {"component": {"status": _STATUSPAGE_STATES[state]}}
        self.api.ask("PATCH", f"/pages/{self.page}/components/{self.component}", body)


@dataclass(frozen=True)
class CachetPage:
    """A component of a Cachet. state: that the component gets; notify: whether subscribers are told."""

    api: _Api
    component: int
    state: State
    notify: bool

    name = "cachet"

    @classmethod
    def at(cls, url: str, key: Secret, component: int, state: State, *, notify: bool, timeout: float) -> CachetPage:
        return cls(_Api(f"{url.rstrip('/')}/api/v1", "X-Cachet-Token", key, "", timeout), component, state, notify)

    def send(self, message: Message, reference: str) -> str:
        """Open an incident there, or add an update to it; see Channel."""
        status = _CACHET_PHASES[message.phase]
        if reference:
            body: dict[str, Any] = {"status": status, "message": message.text}
            self.api.ask("POST", f"/incidents/{reference}/updates", body)
            # Updates of Cachet 2 leave the component as it is.
            self.show(self.state)
            return reference
        body = {
            "name": message.title,
            "message": message.text,
            "status": status,
            "visible": 1,
            "notify": self.notify,
            "component_id": self.component,
            "component_status": _CACHET_STATES[self.state],
        }
        return _id(self.api.ask("POST", "/incidents", body).get("data"))

    def show(self, state: State) -> None:
        """Give the component this state. ChannelError."""
        self.api.ask("PUT", f"/components/{self.component}", {"status": _CACHET_STATES[state]})


def _id(answer: Any) -> str:
    found = answer.get("id") if isinstance(answer, dict) else None
    if not isinstance(found, str | int) or found == "":
        raise ChannelError("its answer names no incident", sure=False)
    return str(found)
