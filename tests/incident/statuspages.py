"""Status pages as their published descriptions say that they behave: Atlassian Statuspage (API v1) and Cachet 2."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

KEY = "ThisKeyIsSecret123"


class RefusalError(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Api(Protocol):
    failing: list[tuple[int, dict[str, str]]]

    def answer(self, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[int, Any]: ...


@dataclass
class StatuspageServer:
    """https://developer.statuspage.io: components and incidents of one page. failing: answered first, status and
    headers."""

    components: dict[str, str] = field(default_factory=lambda: {"c0mp": "operational"})
    incidents: dict[str, dict[str, Any]] = field(default_factory=dict)
    failing: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    STATES = ("operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage")
    STATUSES = ("investigating", "identified", "monitoring", "resolved")

    def answer(self, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[int, Any]:
        if headers.get("Authorization") != f"OAuth {KEY}":
            raise RefusalError(401, "Could not authenticate")
        found = re.fullmatch(r"/pages/p4ge/(components|incidents)(?:/(\w+))?", path)
        match (method, found and found[1], found and found[2]):
            case "PATCH", "components", str(name) if name in self.components:
                self._component(name, body["component"]["status"])
                return 200, {"id": name, "status": self.components[name]}
            case "POST", "incidents", None:
                return 201, self._incident(f"inc{len(self.incidents) + 1}", body["incident"], {"incident_updates": []})
            case "PATCH", "incidents", str(name) if name in self.incidents:
                return 200, self._incident(name, body["incident"], self.incidents[name])
        raise RefusalError(404, "not found")

    def _component(self, name: str, state: str) -> None:
        if state not in self.STATES:
            raise RefusalError(422, f"{state} is not a valid status")
        self.components[name] = state

    def _incident(self, name: str, given: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
        if given["status"] not in self.STATUSES or not (given.get("name") or before.get("name")):
            raise RefusalError(422, "not a valid incident")
        if given.get("impact_override", "none") not in ("none", "minor", "major", "critical"):
            raise RefusalError(422, "not a valid impact")
        for component, state in given.get("components", {}).items():
            self._component(component, state)
        update = {"status": given["status"], "body": given["body"]}
        after = {**before, **given, "id": name, "incident_updates": [update, *before["incident_updates"]]}
        self.incidents[name] = after
        return after


@dataclass
class CachetServer:
    """Cachet 2.4's API: components, incidents and their updates."""

    components: dict[int, int] = field(default_factory=lambda: {7: 1})
    incidents: dict[int, dict[str, Any]] = field(default_factory=dict)
    failing: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[int, Any]:
        if headers.get("X-Cachet-Token") != KEY:
            raise RefusalError(401, "You are not authorized to view this content.")
        match (method, path.removeprefix("/api/v1").strip("/").split("/")):
            case "PUT", ["components", number] if int(number) in self.components:
                self._component(int(number), body["status"])
                return 200, {"data": {"id": int(number), "status": body["status"]}}
            case "POST", ["incidents"]:
                return 200, {"data": self._incident(body)}
            case "POST", ["incidents", number, "updates"] if int(number) in self.incidents:
                return 200, {"data": self._update(self.incidents[int(number)], body)}
        raise RefusalError(404, "not found")

    def _component(self, number: int, status: int) -> None:
        if status not in (0, 1, 2, 3, 4):
            raise RefusalError(400, "The status is invalid")
        self.components[number] = status

    def _incident(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["status"] not in (0, 1, 2, 3, 4) or body["visible"] not in (0, 1) or not body["name"]:
            raise RefusalError(400, "invalid incident")
        self._component(body["component_id"], body["component_status"])
        number = len(self.incidents) + 1
        self.incidents[number] = {**body, "id": number, "updates": []}
        return self.incidents[number]

    def _update(self, incident: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        if body["status"] not in (1, 2, 3, 4):
            raise RefusalError(400, "invalid status")
        incident["updates"].append(body)
        incident["status"] = body["status"]
        return {"id": len(incident["updates"]), "incident_id": incident["id"], **body}


@contextlib.contextmanager
def served(api: Api) -> Iterator[str]:
    """The address at which one of them is reached until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            more: dict[str, str] = {}
            try:
                if api.failing:
                    status, more = api.failing.pop(0)
                    said: Any = {"error": "not now"}
                else:
                    status, said = api.answer(self.command, self.path, dict(self.headers), body)
            except RefusalError as refusal:
                status, said = refusal.status, {"error": str(refusal)}
            text = json.dumps(said).encode()
            self.send_response(status)
            for name, value in {**more, "Content-Type": "application/json", "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_PUT = do_PATCH = _take  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
