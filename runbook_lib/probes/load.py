"""How busy a host is: processes that want to run for each processor, and memory that is left."""

from __future__ import annotations

import re
from dataclasses import dataclass

SCRIPT = """
cat /proc/loadavg 2>/dev/null
echo "processors $(grep -c ^processor /proc/cpuinfo 2>/dev/null)"
grep -E '^Mem(Total|Available):' /proc/meminfo 2>/dev/null
"""


@dataclass(frozen=True)
class Load:
    """queue: processes that run or wait for a processor, on average over the last minute, for each processor; free:
    share of the memory that is available."""

    queue: float
    free: float

    def __str__(self) -> str:
        return f"{self.queue:.1f} processes for each processor, {self.free:.0%} of the memory available"


def load(text: str) -> Load | None:
    """What SCRIPT printed; None where the system does not tell."""
    average = re.search(r"^(\d+\.\d+) \d+\.\d+ ", text, re.MULTILINE)
    numbers = {name: int(value) for name, value in re.findall(r"^(processors|Mem\w+):? +(\d+)", text, re.MULTILINE)}
    if average is None or not numbers.get("processors") or not numbers.get("MemTotal"):
        return None
    free = numbers.get("MemAvailable", numbers["MemTotal"]) / numbers["MemTotal"]
    return Load(float(average[1]) / numbers["processors"], free)
