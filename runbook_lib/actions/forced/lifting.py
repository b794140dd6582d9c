"""Taking mitigations back, from what was recorded when they were put in force: by anybody, with any configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runbook_lib.actions.forced.in_effect import is_in_effect, lever_in_force
from runbook_lib.actions.procedure import Procedure
from runbook_lib.command import printable
from runbook_lib.errors import ParameterError
from runbook_lib.levers import TAKEN_BACK_BY_ANYBODY, lever_of
from runbook_lib.levers.base import At, Request
from runbook_lib.run.in_force import InForce, in_force
from runbook_lib.run.plan import Plan, Section, Snapshot, Step, Verdict


@dataclass
class Lifting(Procedure):
    """The procedure of mitigate.ipynb with undo. value: which of several; empty: all of the action."""

    action: str
    value: str

    def close(self) -> str:
        """End the run; the summary names what comes next."""
        self.run.suggest("look whether the service bears it: verify.ipynb")
        return self.run.close()

    def _read(self) -> Snapshot:
        chosen = [item for item in self._standing() if self._is_meant(item)]
        if not chosen and (found := self._found_by_hand()):
            return {"items": [found]}
        if not chosen:
            value = f" with the value {printable(self.value, 40)!r}" if self.value else ""
            raise ParameterError(
                f"no {printable(self.action, 60)}{value} is in force in {self.target.label}",
                next_step="see what is: `runbook in-force`",
            )
        return {"items": [{"what": item.what, "run": item.run, "by_hand": self._by_hand(item)} for item in chosen]}

    def _found_by_hand(self) -> Snapshot:
        """What holds though no run of a runbook put it in force, with all that its way back needs; or nothing."""
        if self.action not in TAKEN_BACK_BY_ANYBODY or self.value:
            return {}
        levers = self.target.environment.levers
        lever = lever_of(Request(self.target, self.action, levers))
        before = lever.read()
        if not lever.holds(before):
            return {}
        configured = levers.model_dump(mode="json", exclude_defaults=True)
        found = {"action": self.action, "value": "", "levers": configured, "before": before}
        return {"what": lever.what, "run": "", "by_hand": False, "found": found}

    def _standing(self) -> list[InForce]:
        return in_force(self.run.journal, self.target.label)

    def _is_meant(self, item: InForce) -> bool:
        meant = [value.strip() for value in self.value.split(",")] if self.value else [item.facts.get("value")]
        return item.facts.get("action") == self.action and item.facts.get("value") in meant

    def _by_hand(self, item: InForce) -> bool:
        """Whether somebody undid all of it. What cannot be told, and what was left half-way, is taken back."""
        if is_in_effect(self.target, item).holds is not False:
            return False
        return lever_in_force(self.target, item).undone(item.facts["before"]).passed

    def _build(self, snapshot: Snapshot) -> Plan:
        sections = tuple(self._section(number, facts) for number, facts in enumerate(snapshot["items"], 1))
        what = ", ".join(facts["what"] for facts in snapshot["items"])
        return Plan(f"{self.target.label}: take back {what}", sections, snapshot, run=self.run.id)

    def _section(self, number: int, facts: Snapshot) -> Section:
        name = self.target.name if number == 1 else f"{self.target.name}-{number}"
        if facts["by_hand"]:
            return Section(name, self.target.label, "undone by hand", tuple(self._noted(name, facts)))
        item = self._item(facts)
        lever, before = lever_in_force(self.target, item), item.facts["before"]

        def verify() -> Verdict:
            verdict = lever.undone(before)
            if verdict.passed:
                self._lift(facts["what"])
            return verdict

        return Section(
            name,
            self.target.label,
            f"take back {item.what}",
            steps=lever.undo(before, At(name, self.run.id, item.run)),
            verify=verify,
            verified_back=lambda: f"{item.what} stays in the record as in force",
        )

    def _item(self, facts: Snapshot) -> InForce:
        """What was put in force by a run, also when this one was killed after lifting it; or by hand."""
        if "found" in facts:
            return InForce(facts["what"], self.target.label, 0.0, "", "", facts["found"])
        for event in self.run.journal.events(facts["run"], "put in force"):
            data = event.data
            if data["what"] == facts["what"]:
                return InForce(data["what"], data["environment"], event.at, event.run, data["undo"], data)
        raise ParameterError(f"the record of run {facts['run']} has no {facts['what']}")

    def _noted(self, name: str, facts: Snapshot) -> Iterator[Step]:
        def note() -> str:
            self._lift(facts["what"], by="was undone by hand")
            return "was undone by hand"

        yield Step(
            f"{name}.lift",
            f"note that {facts['what']} was undone by hand",
            note,
            lambda: not self._is_standing(facts["what"]),
            repeatable=True,
            no_undo="it only writes down what is so",
        )

    def _is_standing(self, what: str) -> bool:
        return any(item.what == what for item in self._standing())

    def _lift(self, what: str, **more: str) -> None:
        if self._is_standing(what):
            self.run.record("lifted", what=what, environment=self.target.label, **more)
