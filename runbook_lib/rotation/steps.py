"""The steps of one rotation: the new value comes to be beside the old one, the application takes it, and only when it
is healthy with it the old one dies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runbook_lib.errors import StepFailedError
from runbook_lib.rotation.kinds.base import Facts, Kind, Reply
from runbook_lib.rotation.places.base import Place
from runbook_lib.rotation.values import Values
from runbook_lib.rotation.vault import Vault
from runbook_lib.run.plan import Step

PUT_BACK = "the way back puts what was there before"


@dataclass(frozen=True)
class Rotating:
    """One secret in one environment. section: prefix of the step ids; name: the secret's; facts: what the kind read;
    effect: the steps that make the application take what was written, by their prefix; leaked: the old value must not
    be made valid again."""

    section: str
    name: str
    kind: Kind
    places: Sequence[Place]
    vault: Vault
    facts: Facts
    effect: Callable[[str], Sequence[Step]]
    leaked: bool

    # -- the new value ------------------------------------------------------------------------------------------------

    def forward(self) -> tuple[Step, ...]:
        """The steps up to the application with the new value."""
        return (
            self._take(),
            *self._beside(),
            *self._prove(),
            *(self._write(place) for place in self.places),
            *self.effect(self.section),
        )

    def back(self) -> tuple[Step, ...]:
        """The steps that put the value of before in force again."""
        first = f"{self.section}.{self.places[0].name}.write"
        return (
            *(self._put_back(place) for place in reversed(self.places)),
            *(replace(step, undoes=first) for step in self.effect(f"{self.section}.back")),
            *self._withdraw(),
            self._step("back.forget", "remove the values that were kept", self.vault.forget, undoes=self._id("take")),
        )

    def _take(self) -> Step:
        def do() -> str:
            old = merged(self.places)
            new = self.kind.make(old, self.facts)
            self.vault.keep(old=old, new=new, kept={place.name: place.keep() for place in self.places})
            return "kept for this run, readable for its owner only"

        return self._step("take", f"make the new value of {self.name}", do, lambda: "new" in self.vault)

    def _beside(self) -> Iterator[Step]:
        title = self.kind.introduced_by(self.facts)
        if title:
            yield self._step("introduce", title, lambda: self.kind.introduce(self.old, self.new, self.facts))

    def _withdraw(self) -> Iterator[Step]:
        if self.kind.introduced_by(self.facts):
            yield self._step(
                "back.introduce",
                "make the new value invalid",
                lambda: self.kind.withdraw(self.old, self.new, self.facts),
                undoes=self._id("introduce"),
            )

    def _prove(self) -> Iterator[Step]:
        def do() -> str:
            reply = self.kind.try_out(self.new)
            if reply.answer != "accepted":
                raise StepFailedError(f"the new value of {self.name} is {reply}", next_step="see why, and make another")
            return reply.saw

        if self.kind.proves_before:
            yield self._step("prove", "show that the new value is accepted", do)

    def _write(self, place: Place) -> Step:
        return self._step(
            f"{place.name}.write",
            f"write it to {place.title}",
            lambda: place.write(self.new),
            lambda: place.holds(self.new),
            host=place.host,
        )

    def _put_back(self, place: Place) -> Step:
        return self._step(
            f"back.{place.name}.write",
            f"put back {place.title}",
            lambda: place.put_back(self.vault.other("kept")[place.name]),
            host=place.host,
            undoes=self._id(f"{place.name}.write"),
        )

    # -- the old value ------------------------------------------------------------------------------------------------

    def retire(self) -> tuple[Step, ...]:
        """The steps that make the old value invalid; none where nothing needs to."""
        title = self.kind.retired_by(self.facts)
        if not title:
            return ()
        why = "the old value leaked" if self.leaked else self.kind.no_restore(self.facts)
        return (
            self._step(
                "retire",
                title,
                lambda: self.kind.retire(self.old, self.new, self.facts),
                undo=None if why else lambda: self.kind.restore(self.old, self.new, self.facts),
                no_undo=why,
                risk="whoever still has the old value is refused",
            ),
        )

    def end(self) -> tuple[Step, ...]:
        """The steps that remove what was kept to go back to."""
        kept = [step for place in self.places for step in place.retire(self.section)]
        forget = self._step(
            "forget", "remove the values that were kept", self.vault.forget, no_undo="from here on nothing leads back"
        )
        return (*kept, forget)

    # -- looking ------------------------------------------------------------------------------------------------------

    def try_new(self) -> Reply:
        return self.kind.try_out(self.new)

    def try_old(self) -> Reply | None:
        """Call with the old value; None where it is not known here."""
        return self.kind.try_out(self.old) if self.old else None

    def try_present(self) -> Reply | None:
        """Call with what the places hold now; None where that cannot be read."""
        present = merged(self.places)
        return self.kind.try_out(present) if present else None

    @property
    def old(self) -> Values:
        return self.vault.values("old")

    @property
    def new(self) -> Values:
        return self.vault.values("new")

    def _id(self, name: str) -> str:
        return f"{self.section}.{name}"

    def _step(
        self, name: str, title: str, do: Callable[[], str], done: Callable[[], bool | None] = lambda: None, **more: Any
    ) -> Step:
        more.setdefault("no_undo", "" if more.get("undo") else PUT_BACK)
        return Step(self._id(name), title, do, done, repeatable=True, **more)


def merged(places: Sequence[Place]) -> Values:
    """What all places hold. StepFailedError where they differ: then it is not known which one the application has."""
    found: Values = {}
    where: dict[str, str] = {}
    for place in places:
        for part, value in place.read().items():
            if found.setdefault(part, value) != value:
                raise StepFailedError(
                    f"{place.title} on {place.host} and {where[part]} hold different values",
                    next_step="see to it that all places hold the one that works, then run the same command again",
                )
            where.setdefault(part, f"{place.title} on {place.host}")
    return found
