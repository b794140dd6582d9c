"""Several migrations as one: what a later one does to what an earlier one brought."""

from __future__ import annotations

from runbook_lib.migrations import Assessment, MigrationFile, assess
from tests.migrations.php import migration, table

NEW = "Schema::create('orders', function (Blueprint $table) { $table->id(); $table->string('a'); });"


def together(*ups: str) -> Assessment:
    files: list[MigrationFile] = [migration(up, name=f"2026_01_01_{i:06d}_m") for i, up in enumerate(ups)]
    return assess(files, database="mysql")


def verdicts(*ups: str) -> list[str]:
    return [str(m.verdict) for m in together(*ups).migrations]


def test_a_table_of_the_same_set_can_be_changed_at_will() -> None:
    later = table(
        "$table->dropColumn('a'); $table->string('b'); $table->unique('b'); $table->renameColumn('b', 'c');"
        "$table->softDeletes(); $table->foreign('c')->references('id')->on('users')->cascadeOnDelete();",
        "orders",
    )
    assert verdicts(NEW, later, "Schema::rename('orders', 'sales');", "Schema::drop('sales');") == ["safe"] * 4


def test_rows_of_a_table_of_the_same_set_are_not_known_to_older_code() -> None:
    assert verdicts(NEW, "DB::table('orders')->insert(['a' => 1]); DB::table('orders')->delete();") == ["safe", "safe"]


def test_a_table_that_may_have_been_there_is_not_new() -> None:
    guarded = "if (! Schema::hasTable('orders')) { " + NEW + " }"
    assert verdicts(guarded, table("$table->dropColumn('a');", "orders")) == ["safe", "loss"]


def test_a_table_that_was_dropped_and_created_again_is_not_new() -> None:
    assert verdicts("Schema::drop('orders');", NEW, table("$table->dropColumn('a');", "orders")) == [
        "loss",
        "safe",
        "loss",
    ]


def test_a_column_of_the_same_set_can_be_dropped_and_renamed() -> None:
    add = table("$table->string('a')->nullable();")
    assert verdicts(add, table("$table->renameColumn('a', 'b');"), table("$table->dropColumn('b');")) == ["safe"] * 3


def test_a_column_made_required_later_fails_inserts() -> None:
    add = table("$table->string('a')->nullable();")
    fill = "DB::table('users')->update(['a' => 'x']);"
    assert verdicts(add, fill, table("$table->string('a')->nullable(false)->change();")) == ["safe", "safe", "shim"]


def test_a_column_made_required_later_with_a_default_is_safe() -> None:
    add = table("$table->string('a')->nullable();")
    assert verdicts(add, table("$table->string('a')->default('x')->change();")) == ["safe", "safe"]


def test_filling_an_old_column_beside_a_new_one_is_a_loss() -> None:
    add = table("$table->string('a')->nullable();")
    assert verdicts(add, "DB::table('users')->update(['a' => 'x', 'name' => 'y']);") == ["safe", "loss"]


def test_a_column_that_may_have_been_there_is_not_new() -> None:
    add = "if (! Schema::hasColumn('users', 'a')) { " + table("$table->string('a')->nullable();") + " }"
    assert verdicts(add, table("$table->dropColumn('a');")) == ["safe", "loss"]


def test_a_column_dropped_and_added_again_has_lost_its_values() -> None:
    both = [table("$table->dropColumn('a');"), table("$table->string('a')->nullable();")]
    assert verdicts(*both, "DB::table('users')->update(['a' => 1]);") == ["loss", "safe", "loss"]


def test_a_rename_that_is_taken_back_is_safe() -> None:
    assert verdicts("Schema::rename('a', 'b');", "Schema::rename('b', 'a');") == ["safe", "safe"]
    there, back = table("$table->renameColumn('a', 'b');"), table("$table->renameColumn('b', 'a');")
    assert verdicts(there, back) == ["safe", "safe"]


def test_a_rename_that_is_taken_back_under_a_guard_is_not() -> None:
    assert verdicts("Schema::rename('a', 'b');", "if (x()) { Schema::rename('b', 'a'); }") == ["shim", "unknown"]


def test_the_old_name_of_a_table_that_is_taken_again_can_have_no_view() -> None:
    assert verdicts("Schema::rename('orders', 'old');", NEW) == ["unknown", "safe"]


def test_a_column_of_that_name_in_another_table_is_not_new() -> None:
    assert verdicts(table("$table->string('a')->nullable();"), table("$table->dropColumn('a');", "teams")) == [
        "safe",
        "loss",
    ]


def test_a_table_on_another_connection_is_another_table() -> None:
    other = "Schema::connection('x')->table('orders', function (Blueprint $table) { $table->dropColumn('a'); });"
    assert verdicts(NEW, other) == ["safe", "loss"]


def test_an_index_of_the_same_set_can_be_dropped() -> None:
    up = [table("$table->unique('email', 'u');"), table("$table->dropUnique('u');")]
    assert verdicts(*up)[1] == "safe"


def test_the_whole_is_as_bad_as_its_worst() -> None:
    assert str(together(NEW, table("$table->string('x');"), "DB::table('users')->delete();").verdict) == "loss"
    assert str(together().verdict) == "safe"


def test_a_table_of_a_migration_with_its_own_connection_is_another_table() -> None:
    first = migration(NEW, name="2026_01_01_000000_a", more="protected $connection = 'tenant';")
    second = migration(table("$table->dropColumn('a');", "orders"), name="2026_01_02_000000_b")
    assert [str(m.verdict) for m in assess([first, second]).migrations] == ["safe", "loss"]


def test_a_column_of_a_joined_table_is_not_the_new_one() -> None:
    add = table("$table->string('a')->nullable();")
    joined = "DB::table('users')->join('teams', 'teams.id', '=', 'users.team_id')->update(%s);"
    assert verdicts(add, joined % "['teams.a' => 1]") == ["safe", "loss"]
    assert verdicts(add, joined % "['users.a' => 1]") == ["safe", "safe"]
    assert verdicts(add, "DB::table('users')->from('teams')->update(['a' => 1]);") == ["safe", "loss"]
