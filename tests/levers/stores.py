"""The application's stores for the tests: a database with a user of the application's own, as the table database."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from tests.levers.mitigating import Project
from tests.real.databases import Database, Server

SCHEMES = {"pgsql": "postgresql", "mysql": "mysql"}


def run(database: Database, *statements: str) -> list[Any]:
    """Statements of the administrator, each by itself; the rows of the last one."""
    with closing(database.connect()) as connection:
        if database.driver == "pgsql":
            connection.autocommit = True
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        rows = list(cursor.fetchall()) if cursor.description else []
        if database.driver == "mysql":
            connection.commit()
    return rows


def with_application(server: Server) -> Database:
    """A database with the table orders and a user shop_NAME, who owns nothing and may write there."""
    database = server.fresh()
    user = f"shop_{database.name}"
    run(database, "CREATE TABLE orders (id INT PRIMARY KEY, paid INT)", "INSERT INTO orders VALUES (1, 0), (2, 0)")
    if database.driver == "pgsql":
        run(database, f"CREATE ROLE {user} LOGIN", f"GRANT ALL ON orders TO {user}")
    else:
        run(database, f"CREATE USER {user}@'%'", f"GRANT ALL ON {database.name}.* TO {user}@'%'")
    return database


def url(database: Database, user: str = "") -> str:
    return f"{SCHEMES[database.driver]}://{user or database.user}@127.0.0.1:{database.port}/{database.name}"


def as_application(database: Database) -> Database:
    return Database(database.driver, database.name, database.port, f"shop_{database.name}")


def connected(project: Project, database: Database, levers: str, monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    """A project whose environment has this database; APPLICATION_URL is the application's own way to it."""
    monkeypatch.setenv("DATABASE_URL", url(database))
    monkeypatch.setenv("APPLICATION_URL", url(database, f"shop_{database.name}"))
    table = f'kind = "{database.driver}"\nurl = {{ env = "DATABASE_URL" }}\ntimeout = 5'
    project.configure(levers, database=table, **more)
