"""Sessions of a database: what tells one apart, and what each server has to answer about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Session:
    """One session. id: of the server's; began: what tells it apart from a later one of that id; since: Unix time of its
    statement or transaction; blocks: how many wait for it; query: its last statement, text from outside."""

    id: int
    began: str
    user: str
    state: str
    since: int
    blocks: int
    query: str

    def is_still(self, other: Session) -> bool:
        """Whether it is the same session, at the same statement or transaction. Some servers tell its age in whole
        seconds, so its beginning may seem to be a second off."""
        return (self.id, self.began) == (other.id, other.began) and abs(self.since - other.since) <= 1


class Sitting(Protocol):
    """The sessions of one database."""

    def to_end(self, older: float, spare: list[str]) -> list[Session]:
        """Those that others wait for, and those whose statement or transaction lasts longer than `older` seconds. Never
        our own, those of replication, of superusers, or of users to be spared."""

    def end(self, session: Session) -> None:
        """End it. PlatformError when that is not allowed."""
