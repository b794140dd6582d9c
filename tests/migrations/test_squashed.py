"""Migrations in dumps of the schema: only rows of the table migrations are names."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from runbook_lib.migrations.squashed import names_in

A, B = "2014_10_12_000000_users", "2015_01_01_000000_orders"
DUMPS = {
    "mysqldump, a row a statement": f"INSERT INTO `migrations` VALUES (1,'{A}',1);\nINSERT INTO `migrations` VALUES (2,'{B}',1);\n",
    "mysqldump, with columns": f"INSERT INTO `migrations` (`id`, `migration`, `batch`) VALUES (1,'{A}',1),(2,'{B}',1);\n",
    "sqlite3": f"INSERT INTO migrations VALUES(1,'{A}',1);\nINSERT INTO migrations VALUES(2,'{B}',1);\n",
    "pg_dump": f"COPY public.migrations (id, migration, batch) FROM stdin;\n1\t{A}\t1\n2\t{B}\t1\n\\.\n",
    "with a prefix": f"INSERT INTO `app_migrations` VALUES (1,'{A}',1),(2,'{B}',1);\n",
}  # fmt: skip


@pytest.mark.parametrize("kind", DUMPS)
def test_the_rows_are_found(kind: str) -> None:
    assert names_in(f"CREATE TABLE a (b int);\n{DUMPS[kind]}-- end\n".encode()) == [A, B]


def test_rows_of_other_tables_are_none() -> None:
    text = f"INSERT INTO `logs` VALUES (1,'{A}',1);\n-- INSERT INTO migrations VALUES (1,'{A}',1);\nCREATE TABLE migrations (a int);"
    assert names_in(text.encode()) == []
