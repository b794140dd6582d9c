"""Docker Swarm secrets. One cannot be changed, so a new one is made beside it and the services take it under the same
file name; the old one is removed in the end. The engine never tells a value."""

from __future__ import annotations

import copy
import hashlib
import time
from dataclasses import dataclass
from typing import Any

from runbook_lib.config import SecretPlace
from runbook_lib.errors import ConfigurationError, StepFailedError
from runbook_lib.platforms.docker_engine import Client, connect, reported
from runbook_lib.rotation.values import Values
from runbook_lib.run.plan import Step

WITHIN = 300.0
LOOK_EVERY = 0.3
_RUN_LABEL = "runbook.run"
_GAVE_UP = ("paused", "rollback_completed", "rollback_paused")


@dataclass(frozen=True)
class SwarmSecret:
    """One secret of a swarm and the services that use it. run: the run's id."""

    table: SecretPlace
    run: str

    host = "swarm"

    @property
    def name(self) -> str:
        return f"swarm.{self.table.secret}"

    @property
    def title(self) -> str:
        return f"the secret {self.table.secret} of {', '.join(self.table.services)}"

    @property
    def warnings(self) -> list[str]:
        return ["a swarm does not tell values: where it is the only place, nothing shows that the old one is dead"]

    def facts(self) -> dict[str, Any]:
        client = self._client
        with reported("reading the swarm's services"):
            return {service: self._used(client, service) for service in self.table.services}

    def read(self) -> Values:
        return {}

    def keep(self) -> Any:
        return self.facts()

    def write(self, values: Values) -> str:
        client = self._client
        with reported(f"giving {self.table.secret} a new value", StepFailedError):
            fresh = self._find(client) or self._make(client, values)
            for service in self.table.services:
                self._point(client, service, {"SecretID": fresh, "SecretName": self._fresh_name})
        return f"{self._fresh_name} serves"

    def holds(self, values: Values) -> bool:
        client = self._client
        with reported("reading the swarm's services"):
            return all(
                self._used(client, service)["SecretName"] == self._fresh_name and self._settled(client, service)
                for service in self.table.services
            )

    def put_back(self, kept: Any) -> str:
        client = self._client
        with reported(f"putting {self.table.secret} back", StepFailedError):
            for service, reference in kept.items():
                self._point(client, service, reference)
            fresh = self._find(client)
            if fresh:
                client.remove_secret(fresh)
        return "the secret of before serves"

    def retire(self, section: str) -> tuple[Step, ...]:
        return (
            Step(
                f"{section}.{self.name}.retire",
                f"remove what is no longer used of {self.table.secret}",
                self._remove_unused,
                lambda: None,
                host=self.host,
                repeatable=True,
                no_undo="a swarm does not tell values",
            ),
        )

    def _remove_unused(self) -> str:
        """Remove the secrets of this name, and those that runs made for it, that no service uses."""
        client = self._client
        with reported(f"removing the old {self.table.secret}", StepFailedError):
            services = [service["Spec"]["TaskTemplate"]["ContainerSpec"] for service in client.services()]
            used = {item["SecretID"] for spec in services for item in spec.get("Secrets") or []}
            old = [one for one in client.secrets() if self._ours(one["Spec"]) and one["ID"] not in used]
            for one in old:
                client.remove_secret(one["ID"])
        return f"{len(old)} removed"

    def _ours(self, spec: dict[str, Any]) -> bool:
        name = self.table.secret
        made = (spec.get("Labels") or {}).get(_RUN_LABEL) is not None and spec["Name"].startswith(f"{name}.")
        return spec["Name"] == name or made

    @property
    def _fresh_name(self) -> str:
        return f"{self.table.secret}.{hashlib.sha256(self.run.encode()).hexdigest()[:8]}"

    def _find(self, client: Client) -> str:
        found = [one["ID"] for one in client.secrets() if one["Spec"]["Name"] == self._fresh_name]
        return str(found[0]) if found else ""

    def _make(self, client: Client, values: Values) -> str:
        data = values[self.table.part].encode()
        return str(client.create_secret(self._fresh_name, data, labels={_RUN_LABEL: self.run})["ID"])

    def _used(self, client: Client, service: str) -> dict[str, str]:
        """How a service refers to the secret now. ConfigurationError when it does not."""
        reference = self._reference(client.inspect_service(service)["Spec"]["TaskTemplate"])
        if reference:
            return reference
        raise ConfigurationError(
            f"the service {service} has no secret under the file name {self.table.secret}",
            next_step="check secret and services of the place in runbooks.toml",
        )

    def _point(self, client: Client, service: str, reference: dict[str, str]) -> None:
        """Let a service take a secret under the file name of before, and wait until its tasks run with it."""
        if self._used(client, service) != reference:
            seen = client.inspect_service(service)
            template = copy.deepcopy(seen["Spec"]["TaskTemplate"])
            for item in template["ContainerSpec"]["Secrets"]:
                if item.get("File", {}).get("Name", "").rpartition("/")[2] == self.table.secret:
                    item |= reference
            client.update_service(seen["ID"], seen["Version"]["Index"], task_template=template, fetch_current_spec=True)
        self._wait(client, service)

    def _reference(self, template: dict[str, Any]) -> dict[str, str]:
        """How a service's or a task's specification refers to the secret; empty when it does not."""
        for item in template["ContainerSpec"].get("Secrets") or []:
            if item.get("File", {}).get("Name", "").rpartition("/")[2] == self.table.secret:
                return {"SecretID": item["SecretID"], "SecretName": item["SecretName"]}
        return {}

    def _wait(self, client: Client, service: str) -> None:
        deadline = time.monotonic() + WITHIN
        while not self._settled(client, service):
            about = client.inspect_service(service).get("UpdateStatus") or {}
            if about.get("State", "") in _GAVE_UP or time.monotonic() > deadline:
                raise StepFailedError(
                    f"the service {service} does not come up with the secret: {about.get('Message', 'too slow')}",
                    next_step=f"docker service ps --no-trunc {service}",
                )
            time.sleep(LOOK_EVERY)

    def _settled(self, client: Client, service: str) -> bool:
        """Whether all tasks run with the secret that the service names. Right after an update its status is still the
        one of the update before, so the tasks are looked at."""
        seen = client.inspect_service(service)
        if (seen.get("UpdateStatus") or {}).get("State", "completed") not in ("completed", "rollback_completed"):
            return False
        wanted = self._reference(seen["Spec"]["TaskTemplate"])
        tasks = client.tasks(filters={"service": service, "desired-state": "running"})
        return all(task["Status"]["State"] == "running" and self._reference(task["Spec"]) == wanted for task in tasks)

    @property
    def _client(self) -> Client:
        return connect(self.table.engine)
