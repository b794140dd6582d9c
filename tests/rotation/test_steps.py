"""The order of a rotation: at every step there is a value that lets the application in, and one way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import StepFailedError
from runbook_lib.rotation.kinds.base import Facts, Reply
from runbook_lib.rotation.places.command import CommandPlace
from runbook_lib.rotation.steps import Rotating, merged
from runbook_lib.rotation.values import Values
from runbook_lib.rotation.vault import Vault
from runbook_lib.run.plan import Step
from tests.rotation.places.test_command import ODD, place, store

__all__ = ["store"]

NEW = "another-v4lue"


@dataclass
class Lock:
    """A kind whose server is a set of values that it lets in. broken: it takes no new ones."""

    opens: set[str] = field(default_factory=lambda: {ODD})
    broken: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    proves_before: bool = True

    def facts(self, old: Values) -> Facts:
        return {}

    def warnings(self, facts: Facts) -> list[str]:
        return []

    def make(self, old: Values, facts: Facts) -> Values:
        return {"value": NEW}

    def introduced_by(self, facts: Facts) -> str:
        return "a second value"

    def introduce(self, old: Values, new: Values, facts: Facts) -> str:
        self.opens |= set() if self.broken else {new["value"]}
        return ""

    def withdraw(self, old: Values, new: Values, facts: Facts) -> str:
        self.opens -= {new["value"]}
        return ""

    def try_out(self, values: Values) -> Reply:
        return Reply("accepted" if values["value"] in self.opens else "refused", "asked")

    def lives_on(self, facts: Facts) -> str:
        return ""

    def retired_by(self, facts: Facts) -> str:
        return "the old value ends"

    def retire(self, old: Values, new: Values, facts: Facts) -> str:
        self.opens -= {old["value"]}
        return ""

    def restore(self, old: Values, new: Values, facts: Facts) -> str:
        self.opens |= {old["value"]}
        return ""

    def no_restore(self, facts: Facts) -> str:
        return ""


def rotating(lock: Lock, *places: CommandPlace, leaked: bool = False) -> Rotating:
    folder = Path(places[0].folder)

    def effect(prefix: str) -> Sequence[Step]:
        return (Step(f"{prefix}.restart", "restart", lambda: "", lambda: None, no_undo="it is over"),)

    vault = Vault(folder / "state", "run-1", "production")
    return Rotating("production", "KEY", lock, places, vault, {}, effect, leaked)


def ids(steps: Sequence[Step]) -> list[str]:
    return [step.id.removeprefix("production.") for step in steps]


def lets_in(lock: Lock, command: CommandPlace) -> bool:
    return command.read()["value"] in lock.opens


def test_what_the_application_has_lets_it_in_after_every_step(store: Path) -> None:
    lock, command = Lock(), place(store.parent)
    rotation = rotating(lock, command)
    steps = [*rotation.forward(), *rotation.retire(), *rotation.end()]
    assert ids(steps) == ["take", "introduce", "prove", "local.command-1.write", "restart", "retire", "forget"]
    for step in steps:
        step.do()
        assert lets_in(lock, command), step.id
    assert lock.opens == {NEW}
    assert command.read() == {"value": NEW}
    assert list((store.parent / "state/secrets").iterdir()) == []


@pytest.mark.parametrize("reached", range(1, 6))
def test_from_wherever_it_was_left_the_way_back_leads_to_what_was(store: Path, reached: int) -> None:
    lock, command = Lock(), place(store.parent)
    rotation = rotating(lock, command)
    begun = rotation.forward()[:reached]
    for step in begun:
        step.do()
    done = {step.id for step in begun}
    for step in rotation.back():
        if step.undoes in done:
            step.do()
            assert lets_in(lock, command), step.id
    assert (lock.opens, command.read()) == ({ODD}, {"value": ODD})
    assert list((store.parent / "state/secrets").iterdir()) == []


def test_a_value_that_is_not_accepted_is_not_written(store: Path) -> None:
    lock, command = Lock(broken=True), place(store.parent)
    take, introduce, prove, *_ = rotating(lock, command).forward()
    take.do()
    introduce.do()
    with pytest.raises(StepFailedError, match="the new value of KEY is refused") as caught:
        prove.do()
    assert NEW not in str(caught.value)
    assert command.read() == {"value": ODD}


def test_another_process_goes_on_with_the_same_value(store: Path) -> None:
    first = rotating(Lock(), place(store.parent)).forward()[0]
    first.do()
    (again, *_) = rotating(Lock(), place(store.parent)).forward()
    assert again.done() is True
    assert rotating(Lock(), place(store.parent)).new == {"value": NEW}


def test_a_leaked_value_is_not_made_valid_again(store: Path) -> None:
    def retire(leaked: bool) -> Any:
        return rotating(Lock(), place(store.parent), leaked=leaked).retire()[0]

    assert (retire(True).undo, retire(True).no_undo) == (None, "the old value leaked")
    assert retire(False).undo is not None


def test_places_that_differ_are_not_guessed_about(store: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "store").write_text("something else")
    with pytest.raises(StepFailedError, match="hold different values") as caught:
        merged([place(store.parent), place(other)])
    assert "something else" not in str(caught.value)
