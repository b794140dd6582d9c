"""Every row of the rule table: what is written in up(), and what going back takes."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from runbook_lib.migrations.builder import COLUMNS, INCREMENTS, MORPHS
from runbook_lib.migrations.rules import RULES
from tests.migrations.php import assessed, table, verdict

CREATED = "Schema::create('users', function (Blueprint $table) { $table->id(); %s });"

# up(), down() or None for no method, verdict
ROWS = {
    "create": ("Schema::create('a', function (Blueprint $table) { $table->id(); $table->string('x'); });", "", "safe"),
    "create with foreign key": (
        "Schema::create('a', function (Blueprint $table) { $table->foreignId('user_id')->constrained(); });", "", "shim",
    ),
    "nullable column": (table("$table->string('a')->nullable();"), "", "safe"),
    "column with default": (table("$table->boolean('a')->default(false);"), "", "safe"),
    "column with default of an enum": (table("$table->string('a')->default(Status::Open->value);"), "", "safe"),
    "column with default from SQL": (table("$table->uuid('a')->default(DB::raw('(UUID())'));"), "", "safe"),
    "column with current time": (table("$table->timestamp('a')->useCurrent();"), "", "safe"),
    "generated column": (table("$table->string('a')->storedAs('concat(b, c)');"), "", "unknown"),
    "timestamps": (table("$table->timestamps();"), "", "safe"),
    "remember token": (table("$table->rememberToken();"), "", "safe"),
    "nullable morphs": (table("$table->nullableMorphs('owner');"), "", "safe"),
    "required column": (table("$table->string('a');"), "", "shim"),
    "default null is no default": (table("$table->string('a')->default(null);"), "", "shim"),
    "nullable(false)": (table("$table->string('a')->nullable(false);"), "", "shim"),
    "nullable(what is not known)": (table("$table->string('a')->nullable($x);"), "", "shim"),
    "nullable after constrained is lost": (
        table("$table->foreignId('a_id')->constrained()->nullable();"), "", "shim",
    ),
    "morphs": (table("$table->morphs('owner');"), "", "shim"),
    "soft deletes": (table("$table->softDeletes();"), "", "unknown"),
    "drop column": (table("$table->dropColumn('a');"), table("$table->string('a')->nullable();"), "loss"),
    "drop columns": (table("$table->dropColumn(['a', 'b']);"), "", "loss"),
    "drop columns by Schema": ("Schema::dropColumns('users', ['a', 'b']);", "", "loss"),
    "drop morphs": (table("$table->dropMorphs('owner');"), "", "loss"),
    "drop remember token": (table("$table->dropRememberToken();"), "", "loss"),
    "drop constrained foreign id": (table("$table->dropConstrainedForeignId('team_id');"), "", "loss"),
    "drop constrained foreign id for": (table("$table->dropConstrainedForeignIdFor(Order::class);"), "", "loss"),
    "drop timestamps": (table("$table->dropTimestamps();"), table("$table->timestamps();"), "loss"),
    "drop soft deletes": (table("$table->dropSoftDeletes();"), table("$table->softDeletes();"), "loss"),
    "rename column": (table("$table->renameColumn('a', 'b');"), table("$table->renameColumn('b', 'a');"), "down"),
    "rename column without down": (table("$table->renameColumn('a', 'b');"), None, "shim"),
    "rename table": ("Schema::rename('a', 'b');", "Schema::rename('b', 'a');", "down"),
    "rename table without down": ("Schema::rename('a', 'b');", "", "shim"),
    "drop table": ("Schema::drop('a');", "Schema::create('a', fn (Blueprint $table) => $table->id());", "loss"),
    "drop table if it exists": ("Schema::dropIfExists('a');", "", "loss"),
    "drop table by $table": (table("$table->drop();"), "", "loss"),
    "drop all tables": ("Schema::dropAllTables();", "", "loss"),
    "change without knowing before": (table("$table->string('a', 50)->change();"), "", "unknown"),
    "make required": (
        table("$table->string('a')->nullable(false)->change();"), table("$table->string('a')->nullable()->change();"),
        "shim",
    ),
    "make nullable": (
        table("$table->string('a')->nullable()->change();"), table("$table->string('a')->nullable(false)->change();"),
        "down",
    ),
    "make nullable without down": (table("$table->string('a')->nullable()->change();"), "", "unknown"),
    "default removed": (
        table("$table->string('a')->change();"), table("$table->string('a')->default('x')->change();"), "shim",
    ),
    "default removed by null": (
        table("$table->integer('a')->default(null)->change();"), table("$table->integer('a')->default(3)->change();"),
        "shim",
    ),
    "index": (table("$table->index(['a', 'b']);"), "", "safe"),
    "full text": (table("$table->fullText('a');"), "", "safe"),
    "spatial index": (table("$table->spatialIndex('a');"), "", "safe"),
    "unique": (table("$table->unique('a');"), table("$table->dropUnique(['a']);"), "down"),
    "unique without down": (table("$table->unique('a');"), None, "shim"),
    "unique on a new nullable column": (table("$table->string('a')->nullable()->unique();"), "", "safe"),
    "unique on a new column with default": (table("$table->string('a')->default('')->unique();"), "", "shim"),
    "primary": (table("$table->primary(['a', 'b']);"), table("$table->dropPrimary();"), "down"),
    "drop unique": (table("$table->dropUnique(['a']);"), table("$table->unique('a');"), "down"),
    "drop unique without down": (table("$table->dropUnique(['a']);"), "", "unknown"),
    "drop index": (table("$table->dropIndex('users_a_index');"), table("$table->index('a');"), "down"),
    "drop index without down": (table("$table->dropIndex(['a']);"), "", "shim"),
    "drop primary": (table("$table->dropPrimary('id');"), table("$table->primary('id');"), "down"),
    "foreign": (
        table("$table->foreign('a')->references('id')->on('b');"), table("$table->dropForeign(['a']);"), "down",
    ),
    "foreign without down": (table("$table->foreign('a')->references('id')->on('b');"), "", "shim"),
    "constrained and cascading": (
        table("$table->foreignId('a_id')->nullable()->constrained()->cascadeOnDelete();"), "", "shim",
    ),
    "constrained and set null": (
        table("$table->foreignId('a_id')->nullable()->constrained()->nullOnDelete();"), "", "safe",
    ),
    "drop foreign": (table("$table->dropForeign(['a_id']);"), "", "unknown"),
    "rename index": (table("$table->renameIndex('a', 'b');"), "", "safe"),
    "enum value added": (
        table("$table->enum('a', ['x', 'y', 'z'])->change();"), table("$table->enum('a', ['x', 'y'])->change();"),
        "down",
    ),
    "enum value removed": (
        table("$table->enum('a', ['x'])->change();"), table("$table->enum('a', ['x', 'y'])->change();"), "loss",
    ),
    "set value renamed": (
        table("$table->set('a', ['x', 'n'])->change();"), table("$table->set('a', ['x', 'y'])->change();"), "loss",
    ),
    "statement that is not understood": ("DB::statement('CALL rebuild_all()');", "", "unknown"),
    "insert": ("DB::table('roles')->insert(['name' => 'x']);", "", "unknown"),
    "insert taken back": (
        "DB::table('roles')->insert(['name' => 'x']);", "DB::table('roles')->where('name', 'x')->delete();", "down",
    ),
    "update": ("DB::table('users')->update(['a' => 1]);", "", "loss"),
    "delete": ("DB::table('users')->whereNull('a')->delete();", "", "loss"),
    "truncate": ("DB::table('users')->truncate();", "", "loss"),
    "upsert": ("DB::table('users')->upsert([['id' => 1]], 'id');", "", "loss"),
    "model update": ("Order::query()->where('a', 1)->update(['a' => 2]);", "", "loss"),
    "model create": ("Order::create(['a' => 1]);", "", "unknown"),
    "guarded drop": (
        "if (Schema::hasColumn('users', 'a')) { " + table("$table->dropColumn('a');") + " }", "", "unknown",
    ),
    "guarded create": (
        "if (! Schema::hasTable('a')) { Schema::create('a', function (Blueprint $table) { $table->string('x'); }); }",
        "", "safe",
    ),
    "table options": (table("$table->engine('InnoDB'); $table->comment('x');"), "", "safe"),
    "foreign keys off and on": (
        "Schema::disableForeignKeyConstraints(); Schema::enableForeignKeyConstraints();", "", "safe",
    ),
    "nothing": ("", "", "safe"),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_row(row: str) -> None:
    up, down, expected = ROWS[row]
    assert verdict(up, down) == expected


@pytest.mark.parametrize("kind", RULES)
def test_a_rule_says_what_happens_what_it_costs_and_what_to_do(kind: str) -> None:
    rule = RULES[kind]
    assert rule.kind == kind
    assert all((rule.older, rule.cost, rule.lock, rule.advice))
    assert rule.without >= rule.verdict or rule.verdict is rule.without or str(rule.without) == "shim"


# What MySQL gives as bytes, which JSON does not take.
BYTES = {
    "binary", "geography", "geometry", "geometryCollection", "lineString", "multiLineString", "multiPoint",
    "multiPolygon", "multiPolygonZ", "point", "polygon", "vector",
}  # fmt: skip


@pytest.mark.parametrize("method", sorted(BYTES))
def test_a_column_that_is_no_text_asks(method: str) -> None:
    nullable = table(f"$table->{method}('c')->nullable();")
    assert verdict(nullable, database="mysql") == "unknown"
    assert verdict(nullable, database="pgsql") == ("unknown" if method == "binary" else "safe")


@pytest.mark.parametrize("method", sorted(COLUMNS - BYTES - {"addColumn", "rawColumn", "computed", "foreignIdFor"}))
def test_a_column_of_each_type_is_safe_when_nullable_and_a_shim_when_required(method: str) -> None:
    values = ", ['a', 'b']" if method in {"enum", "set"} else ""
    nullable = table(f"$table->{method}('c'{values})->nullable();")
    assert verdict(nullable) == "safe"
    assert verdict(table(f"$table->{method}('c'{values});")) == "shim"
    assert verdict(f"Schema::create('t', function (Blueprint $table) {{ $table->{method}('c'{values}); }});") == "safe"


@pytest.mark.parametrize("method", INCREMENTS)
def test_a_column_that_numbers_itself_is_safe(method: str) -> None:
    assert verdict(table(f"$table->{method}('c');")) == "safe"


@pytest.mark.parametrize("method", MORPHS)
def test_morphs_are_safe_when_nullable(method: str) -> None:
    assert verdict(table(f"$table->{method}('c');")) == ("safe" if method.startswith("nullable") else "shim")


@pytest.mark.parametrize("database", ["pgsql", ""])
def test_json_on_postgres_breaks_distinct(database: str) -> None:
    assert verdict(table("$table->json('a')->nullable();"), database=database) == "shim"


def test_jsonb_on_postgres_is_safe() -> None:
    assert verdict(table("$table->jsonb('a')->nullable();"), database="pgsql") == "safe"


def test_an_operation_says_where_it_is_why_and_what_to_do() -> None:
    operation = assessed(table("$table->dropColumn('a');")).migrations[0].operations[0]
    assert (operation.kind, operation.subject, operation.line) == ("drop column", "users.a", 14)
    assert "not there" in operation.why
    assert "backup" in operation.advice


def test_a_check_counts_what_decides() -> None:
    operation = assessed(table("$table->softDeletes();")).migrations[0].operations[0]
    assert operation.check == 'SELECT COUNT(*) FROM "users" WHERE "deleted_at" IS NOT NULL'


HISTORY = {
    "longer string": ("$table->string('a', 50);", "$table->string('a', 500)->change();", "safe"),
    "shorter string": ("$table->string('a', 50);", "$table->string('a', 20)->change();", "loss"),
    "string to text": ("$table->string('a');", "$table->text('a')->change();", "safe"),
    "text to string": ("$table->text('a');", "$table->string('a')->change();", "loss"),
    "integer to big integer": ("$table->integer('a');", "$table->bigInteger('a')->change();", "safe"),
    "integer to unsigned": ("$table->integer('a');", "$table->unsignedInteger('a')->change();", "loss"),
    "wider decimal": ("$table->decimal('a', 8, 2);", "$table->decimal('a', 12, 2)->change();", "safe"),
    "decimal of fewer places": ("$table->decimal('a', 8, 4);", "$table->decimal('a', 12, 2)->change();", "loss"),
    "nullable left out": ("$table->string('a')->nullable();", "$table->string('a', 500)->change();", "shim"),
    "default left out": ("$table->string('a')->default('x');", "$table->string('a', 500)->change();", "shim"),
    "other default": ("$table->integer('a')->default(1);", "$table->integer('a')->default(2)->change();", "unknown"),
    "enum value added": ("$table->enum('a', ['x']);", "$table->enum('a', ['x', 'y'])->change();", "unknown"),
    "char to shorter string": ("$table->char('a', 36);", "$table->string('a', 20)->change();", "loss"),
    "unsigned to signed": ("$table->unsignedBigInteger('a');", "$table->bigInteger('a')->change();", "loss"),
    "other collation": ("$table->string('a');", "$table->string('a')->collation('utf8_bin')->change();", "loss"),
    "made generated": ("$table->string('a');", "$table->string('a')->virtualAs('b')->change();", "loss"),
    "other comment": ("$table->string('a');", "$table->string('a')->comment('x')->change();", "safe"),
    "enum to string": ("$table->enum('a', ['x']);", "$table->string('a')->change();", "loss"),
}


@pytest.mark.parametrize("row", HISTORY)
def test_a_change_is_compared_with_the_column_before(row: str) -> None:
    before, after, expected = HISTORY[row]
    assert verdict(table(after), earlier=(CREATED % before,)) == expected


def test_the_column_before_is_followed_through_later_migrations() -> None:
    earlier = (CREATED % "$table->string('a', 50);", table("$table->text('a')->nullable()->change();"))
    assert verdict(table("$table->longText('a')->nullable()->change();"), earlier=earlier) == "safe"


def test_the_column_before_is_unknown_after_a_guard() -> None:
    guarded = "if (foo()) { " + table("$table->text('a')->change();") + " }"
    assert (
        verdict(table("$table->longText('a')->change();"), earlier=(CREATED % "$table->string('a');", guarded))
        == "unknown"
    )


def test_what_only_down_says_of_the_column_makes_nothing_safe() -> None:
    up, down = table("$table->string('a', 500)->change();"), table("$table->string('a', 50)->change();")
    assert verdict(up, down) == "unknown"
