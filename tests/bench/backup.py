"""`make bench`: backup, verified restore and switch of a PostgreSQL database against the bare pair of pg_dump and
pg_restore, and memory.

SIZE: megabytes of data. Whole processes, each pair in turn in one run; the ratio is the claim.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path

from tests.bench.rollback import pairs, report, timed
from tests.real.databases import Database, Server, missing, running_postgresql

SIZE = int(os.environ.get("SIZE", "100"))
NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "backup_and_restore.ipynb"
# Rows of about 500 bytes, half of which compresses.
ROWS = SIZE * 2000

CONFIGURATION = """
[services.shop.environments.production]
platform = "git"
url = "http://127.0.0.1:9"
git = {{ path = "." }}
approval.policy = "none"
checks.within = 0.1
checks.timeout = 1
database = {{ kind = "pgsql", url = {{ env = "BENCH_DATABASE_URL" }}, timeout = 30 }}
backups = {{ folder = "{folder}/backups", stop_writes = "nothing" }}
"""

BARE = """
set -e
pg_dump --format=custom --file="$1/bare.dump" "$2"
createdb bare_restored
pg_restore --exit-on-error --single-transaction --dbname=bare_restored "$1/bare.dump"
dropdb bare_restored
rm "$1/bare.dump"
"""


def main() -> int:
    if reason := missing("pgsql"):
        print(reason, file=sys.stderr)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="runbook-bench-"))
    try:
        with running_postgresql() as server:
            database = prepare(folder, server)
            environment = {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": database.user}
            environment["BENCH_DATABASE_URL"] = f"postgresql://{database.user}@127.0.0.1:{server.port}/{database.name}"
            ours, theirs = pairs(
                lambda number: guarded(folder, environment),
                lambda number: timed(["sh", "-c", BARE, "sh", str(folder), database.name], folder, environment),
            )
            report(f"backup, restore, switch of {SIZE} MB", ours, theirs)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{'memory of the largest process':<34} {peak:6.0f} MiB   (the servers counted too; see SIZE)")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def prepare(folder: Path, server: Server) -> Database:
    """A database of that size, and the configuration that names it."""
    database = server.fresh()
    connection = database.connect()
    connection.execute("CREATE TABLE orders (id bigint PRIMARY KEY, total int, note text, created_at timestamptz)")
    connection.execute(
        "INSERT INTO orders SELECT n, n %% 1000, repeat(md5(n::text), 7) || repeat(md5(random()::text), 7), now() "
        "FROM generate_series(1, %s) AS n",
        [ROWS],
    )
    connection.execute("CREATE INDEX orders_total ON orders (total)")
    connection.commit()
    connection.close()
    (folder / "runbooks.toml").write_text(CONFIGURATION.format(folder=folder))
    shutil.copy(NOTEBOOK, folder)
    return database


def guarded(folder: Path, environment: dict[str, str]) -> float:
    """Take, restore beside, compare every table, switch; what was before is dropped outside the clock."""
    seconds = timed(["papermill", NOTEBOOK.name, "-p", "action", "take"], folder, environment)
    seconds += timed(["papermill", NOTEBOOK.name, "-p", "action", "restore"], folder, environment)
    timed(["papermill", NOTEBOOK.name, "-p", "action", "confirm"], folder, environment)
    shutil.rmtree(folder / "backups")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
