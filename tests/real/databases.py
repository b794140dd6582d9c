"""Database servers of the tests' own on loopback: PostgreSQL, MariaDB, Redis. Each is started by hand with its data in
a temporary folder, gives a fresh database to every test, and is stopped at the end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.real.engine import unavailable

Driver = Literal["pgsql", "mysql", "sqlite"]
_SBIN = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


@dataclass(frozen=True)
class Database:
    """One empty database. driver: as Laravel calls it; name: of the database, or the file of SQLite."""

    driver: Driver
    name: str
    port: int = 0
    user: str = ""

    @property
    def env(self) -> dict[str, str]:
        """The variables of a Laravel application that uses it."""
        if self.driver == "sqlite":
            return {"DB_CONNECTION": "sqlite", "DB_DATABASE": self.name}
        place = {"DB_HOST": "127.0.0.1", "DB_PORT": str(self.port), "DB_USERNAME": self.user, "DB_PASSWORD": ""}
        return {"DB_CONNECTION": self.driver, "DB_DATABASE": self.name, **place}

    def connect(self) -> Any:
        """A DB-API connection that does not commit by itself."""
        if self.driver == "sqlite":
            return sqlite3.connect(self.name)
        if self.driver == "pgsql":
            import psycopg

            return psycopg.connect(host="127.0.0.1", port=self.port, user=self.user, dbname=self.name)
        import pymysql

        return pymysql.connect(host="127.0.0.1", port=self.port, user=self.user, database=self.name)

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements in one transaction; the rows of the last one."""
        connection = self.connect()
        try:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            rows = list(cursor.fetchall()) if cursor.description else []
            connection.commit()
            return rows
        finally:
            connection.close()


class Server:
    """A database server that runs. fresh() makes an empty database. folder: of it, where its user may write."""

    def __init__(self, driver: Driver, port: int, user: str, administration: str, folder: Path) -> None:
        self._driver, self._user, self.port, self.folder = driver, user, port, folder
        self._administration = administration
        self._numbers = count(1)

    def fresh(self) -> Database:
        name = f"test_{next(self._numbers)}"
        connection = Database(self._driver, self._administration, self.port, self._user).connect()
        if self._driver == "pgsql":
            connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        connection.close()
        return Database(self._driver, name, self.port, self._user)


@dataclass(frozen=True)
class RedisServer:
    """A Redis that runs. fresh() empties a database and gives its number."""

    port: int

    def fresh(self, number: int = 0) -> int:
        import redis

        with redis.Redis(port=self.port, db=number) as client:
            client.flushdb()
        return number

    def env(self, number: int = 0) -> dict[str, str]:
        """The variables of a Laravel application that uses it."""
        return {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.port), "REDIS_DB": str(number)}


def missing(server: Literal["pgsql", "mysql", "redis"]) -> str:
    """What this machine lacks to run a server, one sentence, or nothing."""
    programs = {"pgsql": _postgresql("initdb"), "mysql": _found("mariadbd"), "redis": _found("redis-server")}
    return "" if programs[server] else f"no {server} server: not installed; scripts/real-parts installs what is needed"


@contextmanager
def running_postgresql(*, archiving: bool = False) -> Iterator[Server]:
    """PostgreSQL from start to end. It refuses to be run by root, who becomes the user postgres for it. archiving: its
    WAL goes into the folder wal beside its data."""
    with _folder() as folder:
        become: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
            become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        data, port = f"{folder}/data", free_port()
        words = ("-D", data, "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", "--username=postgres")
        _once([*become, _postgresql("initdb"), *words], folder)
        argv = [*become, _postgresql("postgres"), "-D", data, "-p", str(port), "-k", str(folder), "-h", "127.0.0.1"]
        for setting in ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=50"):
            argv += ["-c", setting]
        if archiving:
            _once([*become, "mkdir", f"{folder}/wal"], folder)
            argv += [
                "-c",
                "archive_mode=on",
                "-c",
                f"archive_command=test ! -f {folder}/wal/%f && cp %p {folder}/wal/%f",
            ]
        server = Server("pgsql", port, "postgres", "postgres", folder)
        with _running(argv, folder, server, signal.SIGINT):
            yield server


@contextmanager
def running_mariadb(*, logging: str = "") -> Iterator[Server]:
    """MariaDB from start to end. logging: format of its binary log; empty: it writes none."""
    with _folder() as folder:
        port = free_port()
        fast = ("--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0")
        fast += ("--innodb-log-file-size=8M", "--innodb-buffer-pool-size=32M", "--innodb-use-native-aio=0")
        data = [
            f"--datadir={folder}/data",
            f"--tmpdir={folder}",
            *(["--user=root"] if os.geteuid() == 0 else []),
            *fast,
            *(["--log-bin=binlog", f"--binlog-format={logging}", "--server-id=1"] if logging else ["--skip-log-bin"]),
        ]
        words = ("--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", *data)
        _once([_found("mariadb-install-db"), *words], folder)
        place = (f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder}/sock", f"--pid-file={folder}/pid")
        server = Server("mysql", port, "root", "mysql", folder)
        with _running([_found("mariadbd"), "--no-defaults", *data, *place], folder, server, signal.SIGTERM):
            yield server


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """Redis from start to end."""
    with _folder() as folder:
        port = free_port()
        words = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "no")
        server = RedisServer(port)
        with _running([_found("redis-server"), *words], folder, server, signal.SIGTERM):
            yield server


@contextmanager
def _folder() -> Iterator[Path]:
    # A socket's path may have 108 characters; pytest's folders can be longer.
    folder = Path(tempfile.mkdtemp(prefix="rb-database-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _once(argv: Sequence[str], folder: Path) -> None:
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise RuntimeError(f"{Path(argv[0]).name} failed: {done.stdout[-500:]}{done.stderr[-500:]}")


@contextmanager
def _running(argv: Sequence[str], folder: Path, server: Any, stop: signal.Signals) -> Iterator[None]:
    """Start a server, wait until it gives a database, and end it by its pid."""
    # setpriv: the server ends when pytest is killed. Changing the user clears that, so it comes last.
    outer, inner = (list(argv[:4]), argv[4:]) if argv[0] == "setpriv" else (["setpriv"], argv)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*outer, "--pdeathsig", stop.name.removeprefix("SIG"), *inner], cwd=folder, stdout=log, stderr=log
        )
    try:
        _wait(server.fresh, process, folder / "log")
        yield
    finally:
        process.send_signal(stop)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(answers: Callable[[], object], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None:
        try:
            answers()
            return
        except Exception:
            # Each driver has an error of its own for "not yet".
            if time.monotonic() > deadline:
                break
            time.sleep(0.03)
    raise RuntimeError("the server did not come up:\n" + "\n".join(log.read_text(errors="replace").splitlines()[-5:]))


def _found(program: str) -> str:
    return shutil.which(program, path=_SBIN) or ""


def _postgresql(program: str) -> str:
    """A program of PostgreSQL's server; Debian keeps them out of the path."""
    here = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), key=lambda path: int(path.parts[4]))
    return str(here[-1]) if here else _found(program)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(stack: ExitStack, kind: Literal["pgsql", "mysql", "redis"], run: Callable[[], Any]) -> Any:
    reason = missing(kind)
    if reason:
        unavailable(reason)
    try:
        return stack.enter_context(run())
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        unavailable(f"no {kind} server: {error}")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """The session's PostgreSQL."""
    with ExitStack() as stack:
        yield _start(stack, "pgsql", running_postgresql)


@pytest.fixture(scope="session")
def archiving_postgresql() -> Iterator[Server]:
    """A PostgreSQL whose WAL is archived."""
    with ExitStack() as stack:
        yield _start(stack, "pgsql", lambda: running_postgresql(archiving=True))


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """The session's MariaDB."""
    with ExitStack() as stack:
        yield _start(stack, "mysql", running_mariadb)


@pytest.fixture(scope="session")
def logging_mariadb() -> Iterator[Server]:
    """A MariaDB that writes binary logs."""
    with ExitStack() as stack:
        yield _start(stack, "mysql", lambda: running_mariadb(logging="MIXED"))


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The session's Redis."""
    with ExitStack() as stack:
        yield _start(stack, "redis", running_redis)


def sqlite(folder: Path) -> Database:
    """An empty SQLite database in a folder, under a name of its own."""
    with tempfile.NamedTemporaryFile(prefix="database-", suffix=".sqlite", dir=folder, delete=False) as file:
        return Database("sqlite", file.name)


def fresh_database(request: pytest.FixtureRequest, driver: Driver, folder: Path) -> Database:
    """An empty database; its server is started when it is first asked for."""
    if driver == "sqlite":
        return sqlite(folder)
    server: Server = request.getfixturevalue("postgresql" if driver == "pgsql" else "mariadb")
    return server.fresh()
