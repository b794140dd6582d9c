"""APP_KEY of a Laravel application. From version 11 on, the old key is kept in APP_PREVIOUS_KEYS and still decrypts; a
key that leaked is not, for whoever has it could go on forging what the application believes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex

from runbook_lib.command import Command, Result, Secret, mask, printable
from runbook_lib.config import Laravel, RotatedSecret, Target
from runbook_lib.errors import ConfigurationError, RunbookError, StepFailedError
from runbook_lib.laravel import keys
from runbook_lib.platforms.base import Platform
from runbook_lib.rotation.calls import call
from runbook_lib.rotation.kinds.base import Facts, Reply
from runbook_lib.rotation.values import Values, known

_FILES_SHOWN = 5


@dataclass(frozen=True)
class AppKey:
    """The key of an application. hosts: where it is live. run: the run's id. leaked: the old one is not kept.
    accept_loss: go on although what is stored encrypted could not be read any more."""

    secret: RotatedSecret
    target: Target
    laravel: Laravel
    platform: Platform
    hosts: Sequence[str]
    run: str
    leaked: bool
    accept_loss: bool

    @property
    def variables(self) -> dict[str, str]:
        return {"APP_KEY": "value", "APP_PREVIOUS_KEYS": "previous"}

    @property
    def proves_before(self) -> bool:
        return False

    def facts(self, old: Values) -> Facts:
        version = keys.version_in(self._read(keys.version_command(self.laravel), self.hosts[0]))
        kept = version >= keys.PREVIOUS_KEYS and not self.leaked
        files = [] if kept else self._encrypting()
        if files and not self.secret.convert and not self.accept_loss:
            raise ConfigurationError(
                f"what these files store encrypted could not be read any more: {', '.join(files[:_FILES_SHOWN])}",
                next_step="name `convert`, which encrypts it anew, in runbooks.toml; or -p accept_loss true",
            )
        return {
            "version": version,
            "kept": kept,
            "leaked": self.leaked,
            "previous": len(_listed(old)),
            "encrypting": files,
            "usable": self.try_out(old).answer,
        }

    def _encrypting(self) -> list[str]:
        # The key's own tests of an application that is no Laravel say nothing of its files.
        result = self._read(keys.encrypting_command(self.laravel), self.hosts[0])
        return sorted(printable(line, 80) for line in result.output.splitlines() if result.ok and line)

    def warnings(self, facts: Facts) -> list[str]:
        lines = [] if facts["usable"] == "accepted" else [f"the present key is {facts['usable']} by the application"]
        if facts["kept"]:
            return [*lines, "the old key stays in APP_PREVIOUS_KEYS: it still decrypts, and encrypts no more"]
        why = "the old key leaked" if facts["leaked"] else f"Laravel {facts['version']} knows no previous keys"
        lines.append(f"{why}: sessions, cookies, signed links and queued encrypted jobs of before become invalid")
        if facts["leaked"] and facts["previous"]:
            lines.append(f"{facts['previous']} keys in APP_PREVIOUS_KEYS stood beside it and are taken out, too")
        if facts["encrypting"]:
            loss = "is encrypted anew by `convert`" if self.secret.convert else "CANNOT BE READ ANY MORE"
            lines.append(f"what is stored by {', '.join(facts['encrypting'][:_FILES_SHOWN])} {loss}")
        return lines

    def make(self, old: Values, facts: Facts) -> Values:
        new = {"value": keys.new_key()}
        if facts["kept"]:
            new["previous"] = ",".join(dict.fromkeys([old["value"], *_listed(old)]))
        elif facts["previous"]:
            new["previous"] = "" if facts["leaked"] else ",".join(_listed(old))
        return known(new)

    def introduced_by(self, facts: Facts) -> str:
        return ""

    def introduce(self, old: Values, new: Values, facts: Facts) -> str:
        return ""

    def withdraw(self, old: Values, new: Values, facts: Facts) -> str:
        return ""

    def try_out(self, values: Values) -> Reply:
        """Accepted: every host decrypts what the key encrypted; refused: none does."""
        if self.secret.check is not None:
            return call(self.secret.check, values["value"], self.target)
        try:
            each = [
                keys.taken(self._read(keys.try_command(self.laravel, values["value"]), host)) for host in self.hosts
            ]
        except RunbookError as error:
            return Reply("unknown", printable(mask(error.message), 160))
        reads = [one.decrypts for one in each]
        saw = f"{sum(reads)} of {len(each)} hosts decrypt with it, {sum(one.encrypts for one in each)} encrypt"
        return Reply("accepted" if all(reads) else "unknown" if any(reads) else "refused", saw)

    def lives_on(self, facts: Facts) -> str:
        return "it is kept in APP_PREVIOUS_KEYS, to decrypt what it encrypted" if facts["kept"] else ""

    def retired_by(self, facts: Facts) -> str:
        return f"{self.secret.convert[0]} encrypts anew what is stored" if self.secret.convert else ""

    def retire(self, old: Values, new: Values, facts: Facts) -> str:
        command = Command.of(
            *self.secret.convert, cwd=self.laravel.folder or ".", timeout=3600, input=Secret(old["value"])
        )
        connector, inside = self.platform.live(command, self.hosts[0])
        mark = f"{self.run}/{self.target.name}.convert.{token_hex(4)}"
        result = connector.change(inside, mark, repeatable=True)
        if not result.ok:
            raise StepFailedError(
                f"`convert` ended with status {result.code}: {printable(result.last_line, 200)}",
                next_step="mend the cause, then run the same command again: the old key is still kept for it",
            )
        return printable(result.last_line, 80)

    def restore(self, old: Values, new: Values, facts: Facts) -> str:
        raise StepFailedError(self.no_restore(facts))

    def no_restore(self, facts: Facts) -> str:
        return "what was encrypted anew needs the new key"

    def _read(self, command: Command, host: str) -> Result:
        connector, inside = self.platform.live(command, host)
        return connector.read(inside)


def _listed(values: Values) -> list[str]:
    return [key for key in values.get("previous", "").split(",") if key]
