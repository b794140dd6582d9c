"""Whose tokens and sessions: everybody's, or those of some users, or those made since a time. Only checked values reach
SQL: the statement is text by then."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from runbook_lib.command import printable
from runbook_lib.errors import ParameterError

_ID = re.compile(r"[0-9]{1,20}|[0-9a-fA-F-]{36}|[0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{26}")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}")


@dataclass(frozen=True)
class Selection:
    """ids, emails: of users, both empty: everybody. since: made at this time or later, in UTC."""

    ids: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    since: datetime | None = None

    @classmethod
    def of(cls, users: str, since: str) -> Selection:
        """Read a notebook's parameters. users: ids and e-mail addresses, separated by commas or spaces; since: ISO
        8601, in UTC unless it says otherwise. ParameterError."""
        words = [word for word in re.split(r"[,\s]+", users) if word]
        for word in words:
            if not (_ID.fullmatch(word) or _EMAIL.fullmatch(word)):
                raise ParameterError(
                    f"users: {printable(word, 80)!r} is neither an id nor an e-mail address",
                    next_step="-p users '12, ada@shop.example'",
                )
        ids = tuple(word for word in words if "@" not in word)
        return cls(ids, tuple(word for word in words if "@" in word), _time(since))

    @property
    def everybody(self) -> bool:
        return not self.ids and not self.emails

    def __str__(self) -> str:
        who = "everybody" if self.everybody else f"{len(self.ids) + len(self.emails)} users"
        return who + (f", since {self.since:%Y-%m-%d %H:%M:%S} UTC" if self.since else "")

    def of_users(self) -> str:
        """A condition on the users' own table. MySQL refuses to change a table that a condition asks."""
        choices = [*_among("id", self.ids)]
        if self.emails:
            choices.append(f"email IN ({_literals(self.emails)})")
        return _any(choices)

    def by_id(self, column: str, users: str) -> str:
        """A condition on a column that holds users' ids. users: their table."""
        choices = [*_among(column, self.ids)]
        if self.emails:
            choices.append(f"{column} IN (SELECT id FROM {users} WHERE email IN ({_literals(self.emails)}))")
        return _any(choices)

    def by_email(self, column: str, users: str) -> str:
        """A condition on a column that holds users' e-mail addresses."""
        choices = [f"{column} IN ({_literals(self.emails)})"] if self.emails else []
        if self.ids:
            choices.append(f"{column} IN (SELECT email FROM {users} WHERE {_any([*_among('id', self.ids)])})")
        return _any(choices)

    def missing(self, found: Iterable[Mapping[str, Any]]) -> list[str]:
        """Those that are none of the users. found: rows with id and email."""
        known = {str(row[name]).lower() for row in found for name in ("id", "email")}
        ids = [one for one in self.ids if (str(int(one)) if one.isdecimal() else one.lower()) not in known]
        return [*ids, *(one for one in self.emails if one.lower() not in known)]

    def made_since(self, column: str) -> str:
        """A condition on a column with a time, in UTC."""
        return f"{column} >= '{self.since:%Y-%m-%d %H:%M:%S}'" if self.since else ""

    def active_since(self, column: str) -> str:
        """A condition on a column with a Unix time."""
        return f"{column} >= {int(self.since.timestamp())}" if self.since else ""


def _among(column: str, ids: tuple[str, ...]) -> Iterator[str]:
    """Conditions that a column holds one of the ids."""
    numbers = tuple(one for one in ids if one.isdecimal())
    others = tuple(one.lower() for one in ids if not one.isdecimal())
    if numbers:
        yield f"{column} IN ({_literals(numbers)})"
    if others:
        # As text: MySQL takes the number at the begin of a UUID for the id of somebody else.
        yield f"LOWER(CAST({column} AS CHAR(36))) IN ({_literals(others)})"


def _any(choices: Sequence[str]) -> str:
    return f"({' OR '.join(choices)})" if len(choices) > 1 else "".join(choices)


def _literals(values: tuple[str, ...]) -> str:
    # None of them holds a backslash, so doubling is enough for every database.
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)


def _time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ParameterError(
            f"since: {printable(text, 40)!r} is no time", next_step="-p since '2026-11-24 03:00'"
        ) from error
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
