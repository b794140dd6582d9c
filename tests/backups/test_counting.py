"""Checksums of tables: the same for the same rows in any order, another one for any other value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runbook_lib.backups.counting import HASHES, count, counted, tables
from runbook_lib.backups.record import Counted
from runbook_lib.backups.restoring import check_database, restore_database
from runbook_lib.errors import BackupError
from tests.backups.shop import Shop

pytestmark = [pytest.mark.real, pytest.mark.slow]
only_postgresql = pytest.mark.parametrize("shop", ["pgsql"], indirect=True)

# A type, and two values of it that its own equality or hash may take for the same.
EASILY_TAKEN_FOR_THE_SAME = [
    ("numeric", "1.0", "1.00"),
    ("numeric(10, 2)", "1.00", "1.01"),
    ("double precision", "'0'", "'-0'"),
    ("interval", "'1 day'", "'24 hours'"),
    ("bpchar", "'a'", "'a '"),
    ("character(3)", "'a'", "'b'"),
    ("json", "'{}'", "'{ }'"),
    ("jsonb", "'[1.0]'", "'[1.00]'"),
    ("text", "''", "NULL"),
    ("text", "'a'", "'A'"),
    ("text COLLATE loose", "'a'", "'A'"),
    ("character varying(5)", "'a'", "'a '"),
    ("text[]", "'{a,NULL}'", "'{a,\"NULL\"}'"),
    ("time with time zone", "'12:00+00'", "'13:00+01'"),
    ("timestamp(0) with time zone", "'2026-01-01 12:00+00'", "'2026-01-01 12:00+01'"),
    ("bytea", "'\\x00'", "'\\x0000'"),
    ("mood", "'glad'", "'sad'"),
    ("small", "1", "2"),
    ("xml", "'<a/>'", "'<b/>'"),
]


@only_postgresql
@pytest.mark.parametrize(("kind", "value", "other"), EASILY_TAKEN_FOR_THE_SAME)
def test_another_value_has_another_checksum(shop: Shop, kind: str, value: str, other: str) -> None:
    shop.sql(
        "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        "CREATE DOMAIN small AS integer",
        f"CREATE TABLE things (id integer, thing {kind})",
        f"INSERT INTO things VALUES (1, {value})",
    )
    before = things(shop)
    assert before.checksum.startswith(HASHES)
    shop.sql(f"UPDATE things SET thing = {other}")
    assert things(shop).checksum != before.checksum
    shop.sql(f"UPDATE things SET thing = {value}")
    assert things(shop) == before


@only_postgresql
def test_a_table_may_have_odd_columns_or_none(shop: Shop) -> None:
    shop.sql('CREATE TABLE things ("a ""b%s" point, "~row" box)', "INSERT INTO things VALUES ('(1,2)', NULL)")
    assert things(shop).rows == 1
    shop.sql("CREATE TABLE nothing ()", "INSERT INTO nothing DEFAULT VALUES")
    with shop.engine.session() as ask:
        assert counted(ask, ["nothing"])["nothing"].rows == 1


@only_postgresql
def test_what_was_recorded_by_texts_is_compared_by_texts(shop: Shop) -> None:
    """As servers before PostgreSQL 14 are, and backups of theirs."""
    backup = shop.take()
    with shop.engine.session() as ask:
        by_texts = {text: count(ask, name) for text, name in tables(ask).items()}
    assert not any(table.checksum.startswith(HASHES) for table in by_texts.values())
    older = replace(backup, parts=[replace(backup.database, tables=by_texts)])
    name = shop.engine.beside("restored_1a2b")
    restore_database(shop.repository, shop.target, older.database, name)
    assert check_database(shop.engine, name, older) == by_texts
    with shop.engine.session(name) as ask:
        ask("UPDATE public.customers SET name = 'Eve' WHERE id = 1")
    with pytest.raises(BackupError, match="customers has 2 rows as recorded, but not the same ones"):
        check_database(shop.engine, name, older)
    shop.engine.drop(name)


def things(shop: Shop) -> Counted:
    with shop.engine.session() as ask:
        return counted(ask, ["things"])["things"]
