"""Which backups stay and which go: a pure function of the records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from runbook_lib.backups.record import Backup
from runbook_lib.config import Keep


def kept(backups: Sequence[Backup], keep: Keep) -> dict[str, str]:
    """Ids of those that stay, each with the reason. The newest verified one always does; while none is verified, all
    do: nobody knows which of them can be restored. Evidence stays until somebody removes it by hand. What was recovered
    to a moment takes no other's place: as many of the newest stay as of the others."""
    apart = {backup.id: "evidence of a concern" for backup in backups if backup.evidence}
    recovered = sorted((backup for backup in backups if backup.recovered), key=lambda backup: (backup.ended, backup.id))
    apart |= {backup.id: f"one of the last {keep.last} recovered" for backup in recovered[-keep.last :]}
    backups = [backup for backup in backups if not backup.evidence and not backup.recovered]
    newest = sorted(backups, key=lambda backup: (backup.began, backup.id), reverse=True)
    verified = [backup for backup in newest if backup.verified]
    if not verified:
        return {**apart, **{backup.id: "none is verified yet" for backup in newest}}
    reasons = {**apart, verified[0].id: "the newest verified one"}
    for backup in newest[: keep.last]:
        reasons.setdefault(backup.id, f"one of the last {keep.last}")
    for backup in _newest_of(newest, lambda at: at.date().isoformat(), keep.daily):
        reasons.setdefault(backup.id, "the newest of its day")
    for backup in _newest_of(newest, lambda at: str(at.isocalendar()[:2]), keep.weekly):
        reasons.setdefault(backup.id, "the newest of its week")
    return reasons


def _newest_of(newest: Sequence[Backup], period: Callable[[datetime], str], count: int) -> list[Backup]:
    """The newest backup of each of the newest `count` periods that have one."""
    found: dict[str, Backup] = {}
    for backup in newest:
        found.setdefault(period(datetime.fromtimestamp(backup.began, UTC)), backup)
    return list(found.values())[:count]
