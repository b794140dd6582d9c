"""Shims made out for a schema: what the real one says goes first; what cannot be made is refused with its reason."""

from __future__ import annotations

import pytest

from runbook_lib.errors import PlatformError
from runbook_lib.migrations import Shim
from runbook_lib.migrations.shimming import Work, made_out
from runbook_lib.schema.tables import Column, Part, Table, Tables
from tests.migrations.php import assessed, table


def shim(up: str, earlier: tuple[str, ...] = ()) -> Shim:
    (found,) = [s for m in assessed(up, None, earlier=earlier).migrations for o in m.operations for s in o.shims]
    return found


def users(*parts: Part, **columns: Column) -> Tables:
    return Tables({"users": Table("users", {c.name: c for c in columns.values()}, parts)})


A = Column("a", "varchar(70)", False, None, "", "CHARACTER SET latin1 COLLATE latin1_bin", "it's")
REQUIRED = table("$table->string('a', 40);")
UNIQUE = table("$table->unique('a');")


def test_the_real_definition_is_kept_whole() -> None:
    work = made_out(shim(REQUIRED), users(a=A), "mysql")
    assert work is not None
    assert work.sql == (
        "ALTER TABLE `users` MODIFY `a` varchar(70) CHARACTER SET latin1 COLLATE latin1_bin NULL COMMENT 'it''s'",
    )


def test_what_holds_already_needs_nothing() -> None:
    nullable = Column("a", "varchar(70)", True)
    assert made_out(shim(REQUIRED), users(a=nullable), "mysql") is None


def test_a_unique_that_was_made_as_an_index_is_dropped_as_one() -> None:
    index = Part("unique", "by_hand", ("a",), "CREATE UNIQUE INDEX by_hand ON public.users USING btree (a)")
    work = made_out(shim(UNIQUE), users(index, a=A), "pgsql")
    assert work is not None
    assert (work.sql, work.undo) == (('DROP INDEX "by_hand"',), (index.definition,))


def test_a_constraint_comes_back_by_its_own_definition() -> None:
    part = Part("unique", "users_a_unique", ("a",), "UNIQUE (a) DEFERRABLE")
    work = made_out(shim(UNIQUE), users(part, a=A), "pgsql")
    assert work is not None
    assert work.undo == ('ALTER TABLE "users" ADD CONSTRAINT "users_a_unique" UNIQUE (a) DEFERRABLE',)


@pytest.mark.parametrize(
    ("up", "tables", "database", "why"),
    [
        pytest.param(REQUIRED, users(), "mysql", "the table has no column a", id="no column"),
        pytest.param(REQUIRED, Tables(), "mysql", "there is no table users", id="no table"),
        pytest.param(REQUIRED, users(a=A), "sqlite", "does not tell where to change it", id="no text"),
        pytest.param(table("$table->dropColumn('b');"), users(a=A), "pgsql", "its type is not known", id="no type"),
    ],
)
def test_what_cannot_be_made_is_refused_with_its_reason(up: str, tables: Tables, database: str, why: str) -> None:
    with pytest.raises(PlatformError, match=f"cannot be made: .*{why}"):
        made_out(shim(up), tables, database)


def test_a_key_that_a_counter_needs_stays() -> None:
    counter = Column("a", "bigint", False, None, "auto_increment")
    primary = Part("primary", "PRIMARY", ("a",), "PRIMARY KEY (`a`)")
    with pytest.raises(PlatformError, match="counts up and needs its key"):
        made_out(shim(table("$table->primary('a');")), users(primary, a=counter), "mysql")


def test_work_is_the_same_when_it_comes_back_from_a_record() -> None:
    work = made_out(shim(REQUIRED), users(a=A), "pgsql")
    assert work is not None
    assert Work.of(work.facts) == work
