"""The sessions of a MySQL or MariaDB database."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from runbook_lib.config import Target
from runbook_lib.datastores.sql import sql_of
from runbook_lib.levers.session import Session

# A number is never used again by the same server, so it alone tells a session apart; a transaction tells by its
# beginning what it is at, a statement outside of one by its own.
_FIND = """
SELECT p.id, '', p.user, p.command,
  COALESCE(UNIX_TIMESTAMP(t.trx_started), UNIX_TIMESTAMP() - p.time),
  (SELECT COUNT(DISTINCT w.waiting_pid) FROM sys.innodb_lock_waits AS w WHERE w.blocking_pid = p.id),
  COALESCE(LEFT(p.info, 500), '')
FROM information_schema.processlist AS p LEFT JOIN information_schema.innodb_trx AS t ON t.trx_mysql_thread_id = p.id
WHERE p.db = DATABASE() AND p.id <> CONNECTION_ID()
  AND p.command NOT IN ('Daemon', 'Binlog Dump', 'Binlog Dump GTID', 'Slave_IO', 'Slave_SQL', 'Slave_worker', 'Connect')
  AND p.user NOT IN ('system user', 'event_scheduler')
  AND (p.user = SUBSTRING_INDEX(CURRENT_USER(), '@', 1) OR (
    (SELECT COUNT(DISTINCT grantee) FROM information_schema.user_privileges) > 1 AND NOT EXISTS (
      SELECT 1 FROM information_schema.user_privileges AS g
      WHERE g.privilege_type = 'SUPER' AND g.grantee LIKE CONCAT('''', p.user, '''@%%'))))
  AND (t.trx_state IS NULL OR t.trx_state <> 'LOCK WAIT')
  AND (p.id IN (SELECT blocking_pid FROM sys.innodb_lock_waits WHERE wait_age_secs >= 1)
    OR (p.command <> 'Sleep' AND p.time > %s AND p.state NOT LIKE 'Waiting for%%lock')
    OR (p.command = 'Sleep' AND t.trx_started < NOW() - INTERVAL %s SECOND))
ORDER BY 6 DESC, 5, 1
"""

# InnoDB shows transactions from a cache that is not renewed while it was read less than 0.1 s ago: what was seen a
# moment before would be seen again, and the wrong session ended.
_CACHED = 0.12


@dataclass(frozen=True)
class MysqlSessions:
    """Of the database that the table database names. Users with SUPER are spared, unless the application has it, and so
    are all other users where it cannot be seen who has it. It takes PROCESS, CONNECTION ADMIN, SELECT and EXECUTE on
    sys, and SELECT on mysql to see who has SUPER."""

    target: Target

    def to_end(self, older: float, spare: list[str]) -> list[Session]:
        with sql_of(self.target).transaction(writes=False) as execute:
            time.sleep(_CACHED)
            rows = execute(_FIND, older, older)
        found = [Session(*row) for row in rows]
        return [replace(one, since=int(one.since)) for one in found if one.user not in spare]

    def end(self, session: Session) -> None:
        with sql_of(self.target).transaction() as execute:
            execute("KILL CONNECTION %s", session.id)
