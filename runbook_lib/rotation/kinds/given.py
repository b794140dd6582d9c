"""Secrets that are made elsewhere (mail, Stripe, other third parties) or by a command of your own."""

from __future__ import annotations

from dataclasses import dataclass
from secrets import token_hex

from runbook_lib.command import MASK, Command, Secret, printable
from runbook_lib.config import RotatedSecret, SecretCheck, Target
from runbook_lib.connectors import connector_to
from runbook_lib.connectors.base import Connector
from runbook_lib.errors import ConfigurationError, StepFailedError
from runbook_lib.rotation.asking import given, must_be_had
from runbook_lib.rotation.calls import call
from runbook_lib.rotation.kinds.base import Facts, Reply
from runbook_lib.rotation.values import Values, generated, known
from runbook_lib.run.gate import can_ask


@dataclass(frozen=True)
class OwnSecret:
    """A secret by configuration. name: of its table; run: the run's id. Its check shows whether it is good or dead."""

    name: str
    secret: RotatedSecret
    target: Target
    run: str

    @property
    def variables(self) -> dict[str, str]:
        return {self.name: "value"}

    def facts(self, old: Values) -> Facts:
        if self.secret.kind == "given":
            must_be_had(self.name, self.secret, self.target)
        if self.secret.retire_steps and not can_ask() and not self.secret.retire:
            raise ConfigurationError(
                f"nobody is here to make the old value of {self.name} invalid",
                next_step=f"run it at a terminal or in JupyterLab, or name `retire` of {self.name} in runbooks.toml",
            )
        return {"usable": self.try_out(old).answer if old else "not known here"}

    def warnings(self, facts: Facts) -> list[str]:
        lines = [] if facts["usable"] == "accepted" else [f"the present value of {self.name} is {facts['usable']}"]
        if not self.secret.retire and not self.secret.retire_steps:
            lines.append(f"nothing here makes the old value of {self.name} invalid; it is only looked at")
        return lines

    def make(self, old: Values, facts: Facts) -> Values:
        value = given(self.name, self.secret, self.target) if self.secret.kind == "given" else self._made()
        new = known({"value": value})
        if value == old.get("value"):
            raise StepFailedError(
                f"the new value of {self.name} is the one of before", next_step="make a new one where it is made"
            )
        return new

    def _made(self) -> str:
        if not self.secret.make:
            return generated()
        # Read, for the outcome of a change stays on disk.
        result = self._here.read(self._command(self.secret.make, None))
        value = result.output.rstrip("\r\n")
        if MASK in value:
            raise StepFailedError(
                f"`make` of {self.name} gave a value that is known here already", next_step="have it make a new one"
            )
        if not result.ok or not value or "\n" in value:
            raise StepFailedError(
                f"`make` of {self.name} ended with status {result.code} and gave no value of one line",
                next_step="try that command by hand",
            )
        return value

    def introduced_by(self, facts: Facts) -> str:
        return ""

    def introduce(self, old: Values, new: Values, facts: Facts) -> str:
        return ""

    def withdraw(self, old: Values, new: Values, facts: Facts) -> str:
        return ""

    def try_out(self, values: Values) -> Reply:
        return call(self._check, values["value"], self.target)

    @property
    def proves_before(self) -> bool:
        return self.secret.kind == "given" or bool(self.secret.make)

    @property
    def _check(self) -> SecretCheck:
        assert self.secret.check is not None  # noqa: S101 - the table refuses these kinds without it
        return self.secret.check

    def lives_on(self, facts: Facts) -> str:
        return ""

    def retired_by(self, facts: Facts) -> str:
        if self.secret.retire:
            return f"{self.secret.retire[0]} makes the old value invalid"
        return "a person makes the old value invalid: " + "; ".join(self.secret.retire_steps) if self._asks else ""

    @property
    def _asks(self) -> bool:
        return bool(self.secret.retire_steps)

    def retire(self, old: Values, new: Values, facts: Facts) -> str:
        if self.secret.retire:
            command = self._command(self.secret.retire, Secret(old.get("value", "")))
            mark = f"{self.run}/{self.target.name}.{self.name}.retire.{token_hex(4)}"
            result = self._here.change(command, mark, repeatable=True)
            if not result.ok:
                raise StepFailedError(
                    f"`retire` of {self.name} ended with status {result.code}: {printable(result.last_line, 200)}",
                    next_step="make the old value invalid, then run the same command again",
                )
            return printable(result.last_line, 80)
        for line in self.secret.retire_steps:
            print(f"  {line}")
        input("Press Enter when it is done: ")
        return "said to be done"

    def restore(self, old: Values, new: Values, facts: Facts) -> str:
        raise StepFailedError(self.no_restore(facts))

    def no_restore(self, facts: Facts) -> str:
        return f"the old value of {self.name} cannot be made valid again from here"

    def _command(self, argv: list[str], given: Secret | None) -> Command:
        return Command.of(*argv, cwd=self.target.root, timeout=self._check.timeout + 60, input=given)

    @property
    def _here(self) -> Connector:
        return connector_to("local", self.target.state)
