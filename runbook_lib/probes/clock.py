"""Whether a host's clock agrees with this machine's."""

from __future__ import annotations

import re

# Busybox knows no fraction and leaves the %N.
SCRIPT = "date +%s.%N"


def skew(text: str, before: float, after: float) -> tuple[float | None, float]:
    """Seconds by which a host's clock is ahead of this machine's, and how exact that is. text: what SCRIPT printed;
    before, after: Unix times here around it. None where it printed no time."""
    match = re.match(r"(\d{9,})(\.\d+)?", text.strip())
    if match is None:
        return None, 0.0
    fraction = match[2]
    there = float(match[1]) + (float(fraction) if fraction else 0.5)
    return there - (before + after) / 2, (after - before) / 2 + (0.0 if fraction else 0.5)
