"""Can the release live with the schema that is there? What is not known is not safe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runbook_lib.actions.release.schema import Schema, refuse, table, words
from runbook_lib.config import Target
from runbook_lib.errors import ReleaseRefusedError
from runbook_lib.platforms.base import Release
from runbook_lib.platforms.git import GitPlatform
from runbook_lib.run.plan import Snapshot
from tests.actions.release.migrated_shop import ADDS, DROPS, OLD, MigratedShop
from tests.platforms.git_shop import Shop, alone


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MigratedShop:
    alone(monkeypatch)
    return MigratedShop(Shop(tmp_path, "in-place"))


# -- the reading ------------------------------------------------------------------------------------------------------


def test_a_schema_that_is_the_releases_own_is_safe(database: MigratedShop) -> None:
    found = database.reading("v4")
    assert found is not None
    assert (found["verdict"], found["brought"]) == ("safe", [])


def test_a_table_that_the_release_does_not_know_is_safe(database: MigratedShop) -> None:
    database.rows(OLD, ADDS)
    found = database.reading("v4")
    assert found is not None
    assert (found["verdict"], found["brought"]) == ("safe", [ADDS])


def test_a_column_that_the_release_reads_and_that_is_gone_is_not_safe(database: MigratedShop) -> None:
    database.rows(OLD, ADDS, DROPS)
    found = database.reading("v5")
    assert found is not None
    assert found["brought"] == [DROPS]
    assert found["verdict"] not in ("safe", "unknown")
    assert "orders.total" in found["migrations"][0]["because"]


def test_rows_keep_the_order_in_which_they_ran(database: MigratedShop) -> None:
    database.rows(OLD, DROPS, ADDS)
    found = database.reading("v4")
    assert found is not None
    assert found["brought"] == [DROPS, ADDS]
    assert [one["name"] for one in found["migrations"]] == [DROPS, ADDS]


def test_a_row_whose_file_nobody_has_is_unknown(database: MigratedShop) -> None:
    database.rows(OLD, "2026_01_07_000000_by_hand")
    found = database.reading("v4")
    assert found is not None
    assert (found["verdict"], found["migrations"][0]["down"]) == ("unknown", "unknown")
    assert "nowhere" in json.dumps(found)


DUMPS = {
    "mysql-schema.sql": "INSERT INTO `migrations` VALUES (1,'2014_10_12_000000_users',1);\n",
    "sqlite-schema.sql": "INSERT INTO migrations VALUES(1,'2014_10_12_000000_users',1);\n",
    "pgsql-schema.dump": "COPY public.migrations FROM stdin;\n1\t2014_10_12_000000_users\t1\n\\.\n",
}


@pytest.mark.parametrize("dump", DUMPS)
def test_a_migration_that_the_release_keeps_in_a_dump_is_its_own(database: MigratedShop, dump: str) -> None:
    database.shop.commit("v8", {f"database/schema/{dump}": f"CREATE TABLE a (b int);\n{DUMPS[dump]}"})
    database.rows("2014_10_12_000000_users", OLD, ADDS, DROPS, "2026_01_07_000000_by_hand")
    found = database.reading("v8")
    assert found is not None
    assert found["brought"] == ["2026_01_07_000000_by_hand"]


def test_migrations_are_looked_for_where_they_are_configured(database: MigratedShop) -> None:
    database.rows(OLD, ADDS)
    found = database.reading("v5", migrations=["database/other"])
    assert found is not None
    assert found["brought"] == [OLD, ADDS]


@pytest.mark.parametrize(
    "sql",
    [
        ["sh", "-c", "echo 'SQLSTATE[08006] could not connect' >&2; exit 1"],
        ["sh", "-c", "echo '<html>not rows</html>'"],
        ["/no/such/program"],
    ],
)
def test_a_database_that_cannot_be_read_is_unknown(database: MigratedShop, sql: list[str]) -> None:
    found = database.reading("v4", sql=sql)
    assert found is not None
    assert (found["verdict"], found["brought"]) == ("unknown", [])
    assert found["way"].startswith("it cannot be read: ")
    with pytest.raises(ReleaseRefusedError, match="cannot be read"):
        refuse("shop/production", Release("v4", "4" * 40), found, "", "")


def test_rows_without_the_column_are_unknown(database: MigratedShop) -> None:
    found = database.reading("v4", sql=["echo", '[{"MIGRATION": "a"}]', "#"])
    assert found is not None
    assert found["verdict"] == "unknown"


def test_without_a_table_laravel_nothing_is_assessed(database: MigratedShop) -> None:
    target = database.target()
    plain = target.environment.model_copy(update={"laravel": None})
    bare = Target("shop", "production", plain, target.service, target.root, target.state)
    assert Schema(bare, GitPlatform(bare), database.shop.release("v4")).reading() is None


def test_reading_is_plain_data_and_the_same_again(database: MigratedShop) -> None:
    database.rows(OLD, ADDS, DROPS)
    found = database.reading("v4")
    assert json.loads(json.dumps(found)) == found == database.reading("v4")


# -- what is refused --------------------------------------------------------------------------------------------------

V1 = Release("v1", "1" * 40)


def seen(verdict: str, *names: str) -> Snapshot:
    migrations = [{"name": name, "verdict": verdict, "because": "drops orders.total", "down": "yes"} for name in names]
    return {"verdict": verdict, "brought": list(names), "migrations": migrations, "way": "Ask somebody"}


def refused(reading: Snapshot | None, decision: str = "", reason: str = "") -> bool:
    try:
        refuse("shop/production", V1, reading, decision, reason)
    except ReleaseRefusedError:
        return True
    return False


def test_safe_and_not_assessed_are_not_refused() -> None:
    assert not refused(seen("safe", "a"))
    assert not refused(None)


@pytest.mark.parametrize("verdict", ["shim", "down", "loss", "unknown"])
def test_everything_else_is_refused(verdict: str) -> None:
    with pytest.raises(ReleaseRefusedError, match=f"not safe for v1.*: {verdict}. a: drops orders.total") as told:
        refuse("shop/production", V1, seen(verdict, "a"), "", "")
    assert "-p migrations ahead|shim|down" in str(told.value)


@pytest.mark.parametrize("verdict", ["shim", "loss", "unknown"])
@pytest.mark.parametrize("decision", ["ahead", "down"])
def test_a_decision_needs_its_reason(verdict: str, decision: str) -> None:
    assert refused(seen(verdict, "a"), decision, "  ")
    assert not refused(seen(verdict, "a"), decision, "Ada looked at it")


def test_shims_that_cannot_be_made_out_are_refused_whatever_the_reason() -> None:
    """The code would be switched without them."""
    assert refused(seen("unknown"), "shim", "Ada looked at it")
    assert not refused({**seen("shim", "a"), "shims": [], "left": []}, "shim", "")
    assert refused({**seen("shim", "a"), "shims": [], "left": ["data update"]}, "shim", "")


def test_a_reason_without_a_decision_is_none() -> None:
    assert refused(seen("down", "a"), "", "Ada looked at it")


def test_taking_back_what_the_assessment_says_to_take_back_needs_no_reason() -> None:
    assert not refused(seen("down", "a"), "down", "")
    assert refused(seen("down", "a"), "ahead", "")


# -- what is shown ----------------------------------------------------------------------------------------------------


def test_the_plan_says_that_nothing_was_assessed() -> None:
    assert words("shop/production", None, "", "").startswith("database of shop/production: not assessed")


def test_the_plan_says_what_was_decided_and_why() -> None:
    found = words("shop/production", seen("loss", "a", "b"), "ahead", "nobody orders at night")
    assert "loss, 2 migrations that the target lacks" in found
    assert found.endswith("left ahead by decision: nobody orders at night")


def test_a_safe_schema_needs_no_decision() -> None:
    assert "by decision" not in words("shop/production", seen("safe", "a"), "ahead", "x")


def test_every_migration_of_every_environment_is_a_row() -> None:
    made = table({"staging": None, "production": seen("loss", "a", "b")})
    assert [row[:3] for row in made.rows] == [("production", "a", "loss"), ("production", "b", "loss")]
    assert made.notes == ["production: loss. Ask somebody"]


def test_no_environment_with_laravel_says_so() -> None:
    assert "not assessed" in str(table({"production": None}))
