"""The recommended way, in the order: code only; shim; down; restore or forward; and whatever is unknown asks first."""

from __future__ import annotations

from runbook_lib.migrations.assessment import Assessment, MigrationAssessment
from runbook_lib.migrations.rules import Verdict


def way(assessment: Assessment) -> str:
    """What to do about the whole set, in one paragraph."""
    if not assessment.migrations:
        return "The database has nothing that the older release lacks: code only."
    unseen = f" Not looked at: {'; '.join(assessment.unseen)}." if assessment.unseen else ""
    return _WAYS[assessment.verdict](assessment) + unseen


def _names(found: list[MigrationAssessment]) -> str:
    names = [migration.name for migration in found[:4]]
    return ", ".join(names) + (f" and {len(found) - 4} more" if len(found) > 4 else "")


def _safe(assessment: Assessment) -> str:
    return "Code only: put the older release live and leave the schema ahead. No down()."


def _shim(assessment: Assessment) -> str:
    kinds = ", ".join(dict.fromkeys(f"{shim.kind} on {shim.table}" for shim in assessment.shims))
    return f"Shim, then code: {kinds}; then put the older release live and leave the rest of the schema ahead."


def _down(assessment: Assessment) -> str:
    down = assessment.of(Verdict.DOWN)
    first = assessment.migrations.index(down[0])
    after = [m for m in assessment.migrations[first:] if m.reversible.loses]
    also = f" Rolling back by step takes the later ones down too, and loses: {_names(after)}." if after else ""
    shims = " Shims come first." if assessment.shims else ""
    return (
        f"Stop writes, back up, run down() of {_names(down)} from the release that brought it, then code."
        f"{also}{shims} Count first what the checks name: with none it may run as it is."
    )


def _loss(assessment: Assessment) -> str:
    return (
        f"Data is gone or would be: {_names(assessment.of(Verdict.LOSS))}. Stop writes and back up; then export the "
        "affected data or restore it, or fix forward. A column added back lets older code run without its values."
    )


def _unknown(assessment: Assessment) -> str:
    verdicts = [o.verdict for m in assessment.migrations for o in m.operations if o.verdict is not Verdict.UNKNOWN]
    worst = max(verdicts, default=Verdict.SAFE)
    rest = f" Whatever the answer, the rest of them takes: {worst}." if worst is not Verdict.SAFE else ""
    names = _names(assessment.of(Verdict.UNKNOWN))
    return f"Ask: {names} cannot be judged from the text.{rest}"


_WAYS = {
    Verdict.SAFE: _safe, Verdict.SHIM: _shim, Verdict.DOWN: _down, Verdict.LOSS: _loss, Verdict.UNKNOWN: _unknown,
}  # fmt: skip
