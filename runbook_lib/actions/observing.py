"""What an observation saw, as a table and a chart."""

from __future__ import annotations

from runbook_lib.config import Environment
from runbook_lib.display import Chart, Table
from runbook_lib.probes.metrics import Traffic
from runbook_lib.run.plan import Verdict

HEAD = ("", "release", "requests", "failed", "p95")


def observed(environment: Environment, release: str, verdict: Verdict | None, before: Traffic | None = None) -> Table:
    """The verdict with its numbers. before: traffic of what was live until then, shown beside it."""
    if verdict is None:
        return Table("Observation", (), (), ("nothing was changed, so there is nothing to observe",))
    numbers = verdict.numbers
    rows = [("after", release, *_words(numbers["requests"], numbers["error_rate"], numbers["p95_ms"]))]
    if before is not None and before.requests:
        p95 = before.quantile(0.95)
        words = _words(before.requests, before.error_rate, p95 * 1000 if p95 else None)
        rows.insert(0, ("before", "what was live", *words))
    chart = Chart("slowest answer", numbers["series"], limit=environment.observation.max_p95_ms)
    return Table(f"{verdict.result}: {'; '.join(verdict.reasons)}", HEAD, rows, chart=chart)


def _words(requests: float, error_rate: float | None, p95_ms: float | None) -> tuple[str, str, str]:
    return (
        f"{requests:.0f}",
        "unknown" if error_rate is None else f"{error_rate:.1%}",
        "unknown" if p95_ms is None else f"{p95_ms:.0f} ms",
    )
