"""Names of the two users of a database between which an application goes back and forth."""

from __future__ import annotations

SUFFIXES = ("__a", "__b")


def base_of(user: str) -> str:
    """The name that both are made from."""
    return next((user.removesuffix(suffix) for suffix in SUFFIXES if user.endswith(suffix)), user)


def other(user: str, base: str) -> str:
    """The user whose turn it is after `user`."""
    first, second = (f"{base}{suffix}" for suffix in SUFFIXES)
    return second if user == first else first
