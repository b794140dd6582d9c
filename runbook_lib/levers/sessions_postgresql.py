"""The sessions of a PostgreSQL database."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.config import Target
from runbook_lib.datastores.sql import sql_of
from runbook_lib.errors import PlatformError
from runbook_lib.levers.session import Session

# Who waits is nobody to be ended: only those at the head, whom nobody holds up. A dump is maintenance.
_FIND = """
WITH waiting AS (
  SELECT DISTINCT w.pid, b.blocker FROM pg_stat_activity AS w, unnest(pg_blocking_pids(w.pid)) AS b (blocker)
  WHERE w.wait_event_type = 'Lock' AND clock_timestamp() - w.query_start > interval '1 second')
SELECT a.pid, a.backend_start::text, a.usename, a.state,
  extract(epoch FROM COALESCE(a.xact_start, a.query_start))::bigint,
  (SELECT count(*) FROM waiting WHERE blocker = a.pid), left(a.query, 500)
FROM pg_stat_activity AS a JOIN pg_roles AS r ON r.rolname = a.usename
WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
  AND a.application_name NOT IN ('runbook', 'pg_dump', 'pg_dumpall') AND NOT a.usename = ANY (%s)
  AND (NOT r.rolsuper OR a.usename = current_user) AND a.state <> 'idle'
  AND a.pid NOT IN (SELECT pid FROM waiting) AND a.wait_event_type IS DISTINCT FROM 'Lock'
  AND (a.pid IN (SELECT blocker FROM waiting)
    OR clock_timestamp() - CASE WHEN a.state = 'active' THEN a.query_start ELSE a.xact_start END
      > make_interval(secs => %s))
ORDER BY 6 DESC, 5, 1
"""
_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND backend_start::text = %s"


@dataclass(frozen=True)
class PostgresqlSessions:
    """Of the database that the table database names. Superusers are spared, unless the application is one itself."""

    target: Target

    def to_end(self, older: float, spare: list[str]) -> list[Session]:
        with sql_of(self.target).transaction(writes=False) as execute:
            return [Session(*row) for row in execute(_FIND, spare, older)]

    def end(self, session: Session) -> None:
        with sql_of(self.target).transaction() as execute:
            rows = execute(_END, session.id, session.began)
        if rows and not rows[0][0]:
            raise PlatformError(
                f"session {session.id} cannot be ended", next_step="give the user of database.url pg_signal_backend"
            )
