"""`make bench`: backup, verified restore and switch of a PostgreSQL database against the bare pair of pg_dump and
pg_restore, and memory.

SIZE: megabytes of data. Whole processes, each pair in turn in one run; the ratio is the claim. The pair is run twice:
as people type it (it compresses with zlib in one thread), and with the least compression, the fastest that it has.
Neither compares anything. Memory is that of the largest process of a runbook and of all that it starts, not of the
server, once with a tenth of the data and once with all of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.rollback import pairs, report, timed
from tests.real.databases import Database, Server, missing, running_postgresql

SIZE = int(os.environ.get("SIZE", "100"))
NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "backup_and_restore.ipynb"
# A row is about 500 bytes, half of which compresses well.
ROWS_A_MEGABYTE = 2000

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
pg_dump --format=custom $3 --file="$1/bare.dump" "$2"
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
            fill(database, SIZE // 10)
            peaks = [guarded(folder, environment)[1]]
            fill(database, SIZE)

            def ours(number: int) -> float:
                seconds, peak = guarded(folder, environment)
                peaks.append(peak)
                return seconds

            for words, what in (("", "as it is typed"), ("--compress=1", "with the least compression")):
                bare = ["sh", "-c", BARE, "sh", str(folder), database.name, words]
                report(
                    f"{SIZE} MB, the pair {what}",
                    *pairs(ours, lambda number, bare=bare: timed(bare, folder, environment)),
                )
        print(
            f"{'memory of the largest process':<34} {max(peaks):6.0f} MiB   ({peaks[0]:.0f} with a tenth of the data)"
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def prepare(folder: Path, server: Server) -> Database:
    """An empty database, and the configuration that names it."""
    (folder / "runbooks.toml").write_text(CONFIGURATION.format(folder=folder))
    shutil.copy(NOTEBOOK, folder)
    return server.fresh()


def fill(database: Database, megabytes: int) -> None:
    """Have so much data in the database."""
    connection = database.connect()
    connection.execute("DROP TABLE IF EXISTS orders")
    connection.execute("CREATE TABLE orders (id bigint PRIMARY KEY, total int, note text, created_at timestamptz)")
    connection.execute(
        "INSERT INTO orders SELECT n, n %% 1000, repeat(md5(n::text), 7) || "
        "(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 7) WHERE n > 0), now() "
        "FROM generate_series(1, %s) AS n",
        [megabytes * ROWS_A_MEGABYTE],
    )
    connection.execute("CREATE INDEX orders_total ON orders (total)")
    connection.commit()
    connection.close()


def guarded(folder: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Take, restore beside, compare every table, switch: its seconds, and MiB of the largest process. What was before
    is dropped outside the clock."""
    taken = measured(["papermill", NOTEBOOK.name, "-p", "action", "take"], folder, environment)
    restored = measured(["papermill", NOTEBOOK.name, "-p", "action", "restore"], folder, environment)
    timed(["papermill", NOTEBOOK.name, "-p", "action", "confirm"], folder, environment)
    shutil.rmtree(folder / "backups")
    return taken[0] + restored[0], max(taken[1], restored[1])


def measured(argv: list[str], folder: Path, environment: dict[str, str]) -> tuple[float, float]:
    """A command's seconds, and MiB of the largest process in it."""
    started = time.monotonic()
    with (folder / "said").open("w+") as said:
        process = subprocess.Popen(
            argv, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            said.seek(0)
            raise SystemExit(f"{argv} ended with {os.waitstatus_to_exitcode(status)}:\n{said.read()}")
    return time.monotonic() - started, usage.ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
