"""How up() may be written: what is followed, and what ends as unknown."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from runbook_lib.migrations import MigrationFile, assess
from tests.migrations.php import assessed, table, verdict

ADDS = "$table->string('a')->nullable();"
DROPS = "$table->dropColumn('a');"

FOLLOWED = {
    "arrow function": ("Schema::table('users', fn (Blueprint $table) => $table->dropColumn('a'));", "loss"),
    "another name for $table": ("Schema::table('users', function (Blueprint $t) { $t->dropColumn('a'); });", "loss"),
    "static function with use": (
        "$c = 'a'; Schema::table('users', static function (Blueprint $table) use ($c): void { $table->dropColumn($c); });",
        "loss",
    ),
    "named arguments": ("Schema::table(table: 'users', callback: fn ($table) => $table->dropColumn(columns: ['a']));", "loss"),
    "closure in a variable": ("$f = function (Blueprint $table) { $table->dropColumn('a'); }; Schema::table('users', $f);", "loss"),
    "connection": ("Schema::connection('tenant')->table('users', function (Blueprint $table) { $table->dropColumn('a'); });", "loss"),
    "transaction": ("DB::transaction(function () { " + table(DROPS) + " });", "loss"),
    "helper of the class": ("$this->take('users', 'a');", "loss"),
    "loop over a literal list": ("foreach (['a', 'b'] as $c) { Schema::table('users', fn ($table) => $table->dropColumn($c)); }", "loss"),
    "loop over literal tables": ("foreach (['a' => 'x'] as $t => $c) { Schema::table($t, fn ($table) => $table->string($c)->nullable()); }", "safe"),
    "property of the class": ("foreach ($this->names as $t) { Schema::dropIfExists($t); }", "loss"),
    "constant of the class": ("Schema::drop(self::TABLE);", "loss"),
    "collect over a literal list": ("collect(['a'])->each(fn ($t) => Schema::drop($t));", "loss"),
    "name put together": ("$p = 'us'; Schema::table($p . \"ers\", fn ($table) => $table->dropColumn(\"{$p}a\"));", "loss"),
    "definition in a variable": (table("$c = $table->string('a'); $c->nullable();"), "safe"),
    "after with a closure": (table("$table->after('id', function ($table) { $table->string('a')->nullable(); });"), "safe"),
    "table of a model": ("Schema::create((new Order)->getTable(), fn ($table) => $table->id());", "safe"),
    "table from configuration": ("$t = config('permission.table_names'); Schema::create($t['roles'], function ($table) { $table->string('a'); });", "safe"),
    "early return by exception": ("if (! Schema::hasTable('x')) { throw new RuntimeException('no'); } " + table(ADDS), "safe"),
    "both branches harmless": ("if (foo_bar ?? true) { " + table(ADDS) + " } else { " + table("$table->text('b')->nullable();") + " }", "safe"),
    "guard that says where": ("Schema::whenTableDoesntHaveColumn('users', 'a', fn (Blueprint $table) => $table->string('a')->nullable());", "safe"),
    "without foreign keys": ("Schema::withoutForeignKeyConstraints(function () { Schema::drop('a'); });", "loss"),
    "driver that is known": ("if (DB::getDriverName() === 'pgsql') { Schema::drop('a'); }", "safe"),
    "driver in a list": ("if (in_array(DB::connection()->getDriverName(), ['mysql', 'mariadb'])) { Schema::drop('a'); }", "loss"),
    "driver in a switch": ("switch (DB::getDriverName()) { case 'mysql': break; default: Schema::drop('a'); }", "safe"),
    "else after a colon": ("if (config('x')): elseif (config('y')): else: " + table(ADDS) + " endif;", "safe"),
    "values of an enum": (table("$table->enum('a', \\App\\Enums\\Status::values())->nullable();"), "safe"),
    "service by subscript": ("app()[\\Spatie\\Permission\\PermissionRegistrar::class]->forgetCachedPermissions();", "safe"),
    "comment": ("// Schema::drop('a');\n/* DB::table('x')->delete(); */", "safe"),
    "what comes after return": ("return; Schema::drop('a');", "safe"),
    "rows read and changed": ("foreach (DB::table('users')->get() as $u) { DB::table('users')->where('id', $u->id)->update(['a' => strtolower($u->a)]); }", "loss"),
    "rows in pieces": ("DB::table('users')->chunkById(100, function ($users) { foreach ($users as $u) { DB::table('x')->delete($u->id); } });", "loss"),
    "rows one by one": ("Order::all()->each(function ($o) { $o->a = 1; $o->save(); });", "loss"),
    "rows by a higher order call": ("Order::where('a', 1)->get()->each->delete();", "loss"),
    "cache is emptied": ("app('cache')->forget('x'); Cache::flush(); Log::info('x');", "safe"),
    "try": ("try { Schema::drop('a'); } catch (Exception $e) { report($e); }", "loss"),
    "finally": ("try { } finally { Schema::drop('a'); }", "loss"),
}  # fmt: skip
MORE = """
    const TABLE = 'users';
    protected $names = ['a', 'b'];
    private function take($table, $column)
    {
        Schema::table($table, function (Blueprint $t) use ($column) { $t->dropColumn($column); });
    }
"""


@pytest.mark.parametrize("name", FOLLOWED)
def test_is_followed(name: str) -> None:
    up, expected = FOLLOWED[name]
    assert verdict(up, more=MORE) == expected


# What nobody can tell from the text; each has to end as unknown wherever it stands.
UNKNOWN = {
    "function": "rebuild_everything();",
    "service": "app(\\App\\Services\\Importer::class)->get();",
    "service made": "(new \\App\\Services\\Importer)->run();",
    "constructor": "new \\App\\Services\\Importer();",
    "job": "\\App\\Jobs\\Rebuild::dispatch();",
    "helper of nobody": "$this->helper();",
    "parent": "parent::up();",
    "command": "Artisan::call('db:seed', ['--force' => true]);",
    "seeder": "(new RolesSeeder)->run();",
    "macro of $table": "Schema::table('users', fn (Blueprint $table) => $table->userstamps());",
    "macro of a column": "Schema::table('users', fn (Blueprint $table) => $table->string('a')->nullable()->encrypted());",
    "macro in a create": "Schema::create('zz', function (Blueprint $table) { $table->tree(); });",
    "macro of Schema": "Schema::rebuild('users');",
    "macro of DB": "DB::dropForeignKeyIfExists('a', 'b');",
    "another class called Schema": "\\App\\Support\\Schema::table('users', fn ($table) => $table->string('a')->nullable());",
    "method by name": "$m = foo(); Schema::$m('users');",
    "method of $table by name": "Schema::table('users', function (Blueprint $table) { foreach (config('x') as $m) { $table->$m('a'); } });",
    "function by name": "$f = 'rebuild'; $f();",
    "closure from elsewhere": "Schema::table('users', $callback);",
    "array for a closure": "DB::transaction([$this, 'rebuild']);",
    "array for a closure in a collection": "collect(DB::select('select 1'))->each([$this, 'rebuild']);",
    "name for a closure": "Order::all()->each('rebuild');",
    "method of rows": "Order::first()->rebuild();",
    "relation of rows that is read": "Order::first()->lines()->get();",
    "SQL put together": "DB::statement(\"ALTER TABLE users ADD a $type NULL\");",
    "SQL in a comment that runs": "DB::statement('ALTER TABLE users ADD a INT NULL /*! , DROP COLUMN b */');",
    "SQL that writes in a WITH": "DB::select('WITH x AS (DELETE FROM a RETURNING *) SELECT * FROM x');",
    "routine": "DB::unprepared('CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET x = 1');",
    "SQL from a file": "DB::unprepared(file_get_contents(__DIR__ . '/x.sql'));",
    "include": "require __DIR__ . '/x.php';",
    "eval": "eval('x');",
    "shell": "`ls`;",
    "exec": "exec('ls');",
    "goto over a return": "if (config('x')) { goto end; } return; end: $i = 1;",
    "goto": "goto end; end: Schema::drop('a');",
    "goto back": "again: $i = 1; if (config('x')) { goto again; }",
    "exit": "exit(1);",
    "table of an unknown name": "Schema::drop($name);",
    "column of an unknown name": "Schema::table('users', fn ($table) => $table->dropColumn(config('x')));",
    "loop over what is not known": "foreach (config('x') as $t) { Schema::drop($t); }",
    "condition": "if (config('x')) { Schema::drop('a'); }",
    "early return": "if (config('x')) { return; } Schema::drop('a');",
    "definition under a condition": "Schema::table('users', function ($table) { $c = $table->string('a'); if (config('x')) { $c->nullable(); } });",
    "name that is set under a condition": "$t = 'new_one'; Schema::create('new_one', fn ($table) => $table->id()); if (config('x')) { $t = 'users'; } Schema::table($t, fn ($table) => $table->dropColumn('a'));",
    "ternary": "config('x') ? Schema::drop('a') : null;",
    "short circuit": "config('x') && Schema::drop('a');",
    "match": "match (true) { config('x') => Schema::drop('a'), default => null };",
    "static property": "\\App\\Models\\Order::$unguarded = true;",
    "configuration set": "config(['database.default' => 'other']);",
    "extract": "extract($x);",
    "variable by name": "$$x = 'a';",
    "named function within": "function rebuild() {}",
    "object out of an array": "data_get($things, 'first')->delete();",
    "object out of the cache": "\\Illuminate\\Support\\Facades\\Cache::get('x')->run();",
    "name for a closure in a helper": "tap($x, 'rebuild');",
    "name for a closure in a function": "array_map('rebuild', [1]);",
    "method for a closure": "array_walk($x, [$this, 'rebuild']);",
    "call in a string": "$x = \"{$this->rebuild()}\";",
    "call in a default": "Schema::table('users', fn ($table) => $table->string('a')->default(rebuild()));",
    "call in a condition": "if (rebuild()) { }",
    "$table given away": "Schema::table('users', fn ($table) => \\App\\Support\\Columns::add($table));",
    "scope of a model": "Order::ancient()->get();",
    "fetching": "while ($row = next_row()) { }",
    "file": "file_put_contents('x', 'y');",
    "Doctrine": "DB::getDoctrineSchemaManager()->dropTable('users');",
}  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
def test_is_unknown(name: str) -> None:
    assert verdict(UNKNOWN[name]) == "unknown"


@pytest.mark.parametrize("name", UNKNOWN)
def test_is_unknown_among_what_is_safe(name: str) -> None:
    assert verdict(table(ADDS) + UNKNOWN[name] + "\n" + table("$table->index('b');")) == "unknown"


def test_an_unknown_operation_says_what_was_not_understood() -> None:
    operation = assessed("\n\nrebuild_everything();").migrations[0].operations[0]
    assert (operation.line, operation.call) == (16, "rebuild_everything()")
    assert "not known" in operation.why


def test_a_guard_is_named() -> None:
    up = "if (Schema::hasColumn('users', 'a')) { " + table(DROPS) + " }"
    operation = assessed(up).migrations[0].operations[0]
    assert operation.guards == ("if (Schema::hasColumn('users', 'a'))",)
    assert "it happened only if" in operation.why


def test_the_constructor_runs_too() -> None:
    assert verdict("", more="public function __construct() { Schema::drop('a'); }") == "loss"


def test_should_run_makes_what_is_not_harmless_unknown() -> None:
    more = "public function shouldRun(): bool { return true; }"
    assert verdict("Schema::drop('a');", more=more) == "unknown"
    assert verdict(table(ADDS), more=more) == "safe"


def test_a_connection_of_its_own_is_noted() -> None:
    assert "connection" in assessed(table(ADDS), more="protected $connection = 'x';").migrations[0].notes[0]


BRANCHES = {
    "one of them": ("if (DB::getDriverName() === 'pgsql') { Schema::drop('a'); }", {"": "loss", "mysql": "safe", "mariadb": "safe", "pgsql": "loss"}),
    "all but one": ("if (DB::getDriverName() !== 'sqlite') { Schema::drop('a'); }", {"": "loss", "mariadb": "loss", "sqlite": "safe"}),
    "mariadb is no mysql": ("if (DB::getDriverName() === 'mariadb') { Schema::drop('a'); }", {"": "loss", "mysql": "safe", "mariadb": "loss"}),
    "in a variable": ("$d = DB::connection()->getDriverName(); $my = in_array($d, ['mysql', 'mariadb']); if ($my && 1) { Schema::drop('a'); }", {"": "loss", "mysql": "loss", "pgsql": "safe"}),
    "otherwise": ("if (DB::getDriverName() === 'pgsql') { } elseif (DB::getDriverName() === 'sqlite') { } else { Schema::drop('a'); }", {"": "loss", "mysql": "loss", "pgsql": "safe", "sqlite": "safe"}),
    "left before": ("if (DB::getDriverName() === 'sqlite') { return; } Schema::drop('a');", {"": "loss", "pgsql": "loss", "sqlite": "safe"}),
    "left in a block that may not be reached": ("if ($x) { if (DB::getDriverName() === 'sqlite') { return; } } Schema::drop('a');", {"": "unknown", "pgsql": "loss", "sqlite": "unknown"}),
    "left in a switch": ("switch (DB::getDriverName()) { case 'sqlite': return; default: } Schema::drop('a');", {"": "loss", "mysql": "loss", "sqlite": "safe"}),
    "left in a loop": ("foreach (rows() as $r) { if (DB::getDriverName() === 'sqlite') { return; } } Schema::drop('a');", {"pgsql": "unknown", "sqlite": "unknown"}),
    "switch": ("switch (DB::getDriverName()) { case 'mysql': case 'mariadb': break; default: Schema::drop('a'); }", {"": "loss", "mariadb": "safe", "pgsql": "loss"}),
    "match": ("match (DB::getDriverName()) { 'mysql', 'mariadb' => Schema::drop('a'), default => null };", {"": "loss", "mysql": "loss", "pgsql": "safe"}),
    "match of conditions": ("match (true) { DB::getDriverName() === 'mysql' => Schema::drop('a'), default => null };", {"": "loss", "mysql": "loss", "pgsql": "safe"}),
    "match without an arm": ("$x = match (DB::getDriverName()) { 'mysql' => Schema::drop('a') };", {"mysql": "loss", "pgsql": "safe"}),
    "a choice": ("DB::getDriverName() === 'mysql' ? Schema::drop('a') : null;", {"": "loss", "mysql": "loss", "pgsql": "safe"}),
    "SQL of each": ("$type = DB::getDriverName() === 'pgsql' ? 'json' : 'text'; DB::statement(\"ALTER TABLE a ADD COLUMN b $type NULL\");", {"": "shim", "mysql": "safe", "pgsql": "shim"}),
    "SQL of one": ("if (DB::getDriverName() === 'pgsql') { DB::statement('ALTER TABLE a ADD COLUMN b json NULL'); }", {"": "shim", "mysql": "safe", "pgsql": "shim"}),
    "together with what is not known": ("if (DB::getDriverName() === 'pgsql' && $x) { Schema::drop('a'); }", {"": "unknown", "pgsql": "unknown", "mysql": "safe"}),
    "of another connection": ("if (DB::connection('x')->getDriverName() === 'pgsql') { Schema::drop('a'); }", {"": "unknown", "mysql": "unknown", "pgsql": "unknown"}),
    "the connection of that name": ("if (config('database.default') === 'pgsql') { Schema::drop('a'); }", {"": "loss", "mysql": "safe", "pgsql": "loss"}),
    "the connection of another name": ("if (config('database.default') !== 'pgsql') { Schema::drop('a'); }", {"mysql": "loss", "pgsql": "unknown"}),
    "a connection of any name": ("if (config('database.default') === 'main') { Schema::drop('a'); }", {"": "unknown", "pgsql": "unknown"}),
    "the connection in a switch": ("switch (config('database.default')) { case 'pgsql': Schema::drop('a'); break; case 'sqlite': Schema::drop('b'); break; }", {"mysql": "safe", "pgsql": "loss", "sqlite": "loss"}),
    "a case that falls through": ("switch (config('database.default')) { case 'mysql': case 'pgsql': Schema::drop('a'); break; }", {"mysql": "unknown", "sqlite": "safe"}),
    "any other connection": ("switch (config('database.default')) { case 'pgsql': break; default: Schema::drop('b'); }", {"mysql": "unknown", "pgsql": "unknown"}),
    "the class of the connection": ("$c = DB::connection(); if ($c instanceof \\Illuminate\\Database\\MySqlConnection) { Schema::drop('a'); }", {"": "loss", "mysql": "loss", "mariadb": "loss", "pgsql": "safe"}),
    "a table that is new on one of them": ("if (DB::getDriverName() === 'pgsql') { Schema::create('a', function ($table) { $table->id(); }); } Schema::drop('a');", {"": "loss", "pgsql": "safe", "mysql": "loss"}),
}  # fmt: skip


@pytest.mark.parametrize("name", BRANCHES)
def test_the_driver_decides(name: str) -> None:
    up, expected = BRANCHES[name]
    assert {database: verdict(up, database=database) for database in expected} == expected


def test_where_it_happens_is_said() -> None:
    up = "if (DB::getDriverName() === 'pgsql') { Schema::drop('a'); }"
    assert "on pgsql" in assessed(up, database="").migrations[0].operations[0].why


PULSE = """<?php
use Illuminate\\Database\\Schema\\Blueprint;
use Illuminate\\Support\\Facades\\Schema;
use Laravel\\Pulse\\Support\\PulseMigration;
return new class extends PulseMigration {
    public function up(): void
    {
        if (! $this->shouldRun()) {
            return;
        }
        Schema::create('pulse_values', function (Blueprint $table) {
            $table->mediumText('key');
            match ($this->driver()) {
                'mariadb', 'mysql' => $table->char('key_hash', 16)->charset('binary')->virtualAs('unhex(md5(`key`))'),
                'pgsql' => $table->uuid('key_hash')->storedAs('md5("key")::uuid'),
                'sqlite' => $table->string('key_hash'),
            };
            $table->unique(['key_hash']);
        });
    }
    public function down(): void { $this->wipe(); }
};
"""


def test_what_a_base_class_of_a_package_asks_changes_nothing() -> None:
    found = assess([MigrationFile("2026_01_01_000000_pulse", PULSE)])
    assert str(found.verdict) == "safe"
    assert str(assess([MigrationFile("2026_01_01_000000_pulse", PULSE.replace("driver()", "other()"))]).verdict) == (
        "unknown"
    )


def test_a_macro_of_a_package_is_the_column_that_it_adds() -> None:
    up = table("$table->schemalessAttributes('extra');")
    assert {database: verdict(up, database=database) for database in ("mysql", "pgsql")} == {
        "mysql": "safe",
        "pgsql": "shim",
    }
