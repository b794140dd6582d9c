"""Moments as a person writes them."""

from __future__ import annotations

from datetime import UTC, datetime

from runbook_lib.command import printable
from runbook_lib.errors import ParameterError


def unix_time(text: str) -> float | None:
    """Unix time of ISO 8601, "2026-01-31T14:05" or "2026-01-31 14:05:09.5+02:00"; without a zone it is UTC, as all that
    the runbooks show is. None for nothing. ParameterError."""
    text = text.strip().removesuffix(" UTC")
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        # In UTC it must be one, too.
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).timestamp()
    except (ValueError, OverflowError) as error:
        raise ParameterError(
            f"{printable(text, 40)!r} is no time", next_step="write it as 2026-01-31T14:05 (UTC) or with a zone"
        ) from error
