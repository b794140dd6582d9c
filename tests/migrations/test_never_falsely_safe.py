"""Ways to write what older code does not survive, so that it might be overlooked: on no database is one of them safe."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from runbook_lib.migrations import MigrationFile, assess
from tests.migrations.php import HEAD, migration, table

USERS = (
    "Schema::create('users', function (Blueprint $table) { $table->id(); $table->string('name', 50)->default('x');"
    "$table->string('email', 90)->nullable()->unique(); $table->integer('n')->unsigned()->default(1);"
    "$table->enum('s', ['a', 'b'])->default('a'); $table->text('bio')->nullable(); $table->timestamps(); });"
)
UNSAFE = {
    # columns
    "modifiers lost in a change": table("$table->string('name', 90)->change();"),
    "length said behind": table("$table->string('name', 90)->default('x')->length(10)->change();"),
    "places said behind": table("$table->decimal('price', 8, 4)->nullable(); $table->decimal('price')->places(1)->change();") + table("$table->string('name', 90)->change();"),
    "another type said behind": table("$table->string('name', 50)->default('x')->type('integer')->change();"),
    "hidden from SELECT *": table("$table->string('name', 50)->default('x')->invisible()->change();"),
    "filled with zeros": table("$table->integer('n')->unsigned()->default(1)->zerofill()->change();"),
    "set whenever the row changes": table("$table->timestamp('created_at')->nullable()->useCurrentOnUpdate()->change();"),
    "set whenever the row changes, in SQL": "DB::statement('ALTER TABLE users MODIFY created_at TIMESTAMP NULL ON UPDATE CURRENT_TIMESTAMP');",
    "unique in a change": table("$table->string('name', 50)->default('x')->unique()->change();"),
    "primary in a change": table("$table->string('name', 50)->default('x')->primary()->change();"),
    "numbering ends": table("$table->unsignedBigInteger('id')->change();"),
    "soft deletes of another name": table("$table->softDeletes('removed_at');"),
    "soft deletes by a variable": "$c = 'deleted_at'; Schema::table('users', function ($table) use ($c) { $table->timestamp($c)->nullable(); });",
    "perhaps soft deletes": "Schema::table('users', function ($table) { $table->timestamp(config('x'))->nullable(); });",
    "nullable said of the key": table("$table->foreignId('team_id')->constrained()->nullable();"),
    "nullable by a variable": table("$table->string('z')->nullable($x);"),
    "default that is NULL": table("$table->string('z')->default(DB::raw('NULL'));"),
    "enum in SQL": "DB::statement(\"ALTER TABLE users MODIFY s ENUM('a') DEFAULT 'a' NOT NULL\");",
    "set in SQL": "DB::statement(\"ALTER TABLE users MODIFY s SET('a', 'b') NOT NULL\");",
    # indexes
    "NULLs that are not distinct": table("$table->string('z')->nullable(); $table->unique('z')->nullsNotDistinct();"),
    "index on a cast": "DB::statement('CREATE INDEX i ON users ((bio::int))');",
    "index on a division": "DB::statement('CREATE INDEX i ON users ((1 / n))');",
    "index on a part of the rows that is computed": "DB::statement('CREATE INDEX i ON users (n) WHERE 1 / n > 0');",
    "raw index on an expression": table("$table->rawIndex('(cast(bio as unsigned))', 'i');"),
    "index on a raw expression": table("$table->index([DB::raw('(1 / n)')], 'i');"),
    "primary key changed": table("$table->dropPrimary(); $table->primary(['id', 'name']);"),
    # tables
    "temporary table that hides one": "Schema::create('users', function ($table) { $table->temporary(); $table->id(); });" + table("$table->dropColumn('name');"),
    "temporary table in SQL": "DB::statement('CREATE TEMPORARY TABLE users (id INT)');" + table("$table->dropColumn('name');"),
    "created anew": "Schema::dropIfExists('users'); " + USERS,
    "created anew under another name": USERS.replace("'users'", "'new_users'", 1) + "Schema::drop('users'); Schema::rename('new_users', 'users');",
    "pivot renamed": "Schema::rename('role_user', 'user_roles');",
    "key that cascades": table("$table->foreign('n')->references('id')->on('teams')->cascadeOnDelete();"),
    "constraints off around it": "Schema::withoutForeignKeyConstraints(fn () => Schema::drop('users'));",
    "on several connections": "foreach (['a', 'b'] as $c) { Schema::connection($c)->drop('users'); }",
    # statements
    "engine without transactions": "DB::statement('ALTER TABLE users ENGINE = MyISAM');",
    "comment that MariaDB runs": "DB::statement('/*M!100000 DROP TABLE users */');",
    "comments between the words": "DB::statement('/* a */ ALTER /* b */ TABLE users DROP /* c */ COLUMN name');",
    "comment before": "DB::unprepared(\"-- tidy up\\nDROP TABLE users\");",
    "trigger": "DB::unprepared('CREATE TRIGGER t BEFORE DELETE ON users FOR EACH ROW DELETE FROM orders');",
    "rule of PostgreSQL": "DB::statement('CREATE RULE r AS ON INSERT TO users DO INSTEAD NOTHING');",
    "rows hidden": "DB::statement('ALTER TABLE users ENABLE ROW LEVEL SECURITY');",
    "rights taken": "DB::statement('REVOKE INSERT ON users FROM shop');",
    "sequence set back": "DB::select(\"select setval('users_id_seq', 1)\");",
    "sequence begun anew": "DB::statement('ALTER SEQUENCE users_id_seq RESTART');",
    "another schema": "DB::statement('SET search_path TO other');" + "Schema::drop('users');",
    "partition dropped": "DB::statement('ALTER TABLE users DROP PARTITION p0');",
    "view replaced": "DB::statement('CREATE OR REPLACE VIEW people AS SELECT 1');",
    "settings of the server": "DB::statement(\"SET GLOBAL sql_mode = 'STRICT_ALL_TABLES'\");",
    "settings of the account": "DB::statement('ALTER ROLE shop SET search_path = other');",
    "text with the name in it": "$t = 'users'; DB::statement(<<<SQL\n    ALTER TABLE $t DROP COLUMN name\n    SQL);",
    "a function of the database": "DB::table('users')->selectRaw('rebuild_all()')->get();",
    "a function in an order": "DB::table('users')->orderBy(DB::raw('rebuild_all()'))->get();",
    "a function that fills": table("$table->string('z')->nullable();") + "DB::table('users')->update(['z' => DB::raw('rebuild_all()')]);",
    # PHP
    "variable of a variable": "$x = 'users'; $y = 'x'; Schema::drop($$y);",
    "reference": "$t = 'a'; $r = &$t; $r = 'users'; Schema::drop($t);",
    "parts of an array": "[$a, $b] = ['users', 'x']; Schema::drop($a);",
    "one or the other": "false or Schema::drop('users');",
    "instead of nothing": "$x = null; $x ??= Schema::drop('users');",
    "method as a value": "array_map(Schema::drop(...), ['users']);",
    "method as an array": "array_map([Schema::class, 'drop'], ['users']);",
    "each of a collection": "Order::all()->each->delete();",
    "loop that runs once": "do { Schema::drop('users'); } while (false);",
    "in the end": "try { } finally { Schema::drop('users'); }",
    "when it is thrown away": "$x = new class { function __destruct() { Schema::drop('users'); } };",
    "generator": "foreach ((function () { yield Schema::drop('users'); })() as $x) { }",
    "a number in a string": "if (in_array('1', [1])) { Schema::drop('users'); }",
    "equal numbers in strings": "if ('1' == '01') { Schema::drop('users'); }",
    "in what is thrown": "$x ?? throw new Exception(Schema::drop('users'));",
    "rows one by one": "foreach (DB::cursor('DROP TABLE users') as $row) { }",
    "at each query": "DB::listen(fn () => Schema::drop('users')); DB::table('users')->count();",
    "null-safe": "DB::connection()?->getSchemaBuilder()?->drop('users');",
    "through the container": "app()->make('db')->statement('drop table users');",
    "root of the facade": "$s = Schema::getFacadeRoot(); $s->drop('users');",
    "after the response": "defer(fn () => Schema::drop('users'));",
    "at the end of PHP": "register_shutdown_function(fn () => Schema::drop('users'));",
    "other database from here": "config(['database.default' => 'x']); Schema::drop('users');",
}  # fmt: skip


@pytest.mark.parametrize("database", ["mysql", "mariadb", "pgsql", "sqlite", ""])
@pytest.mark.parametrize("name", UNSAFE)
def test_is_not_safe(name: str, database: str) -> None:
    earlier = [migration(USERS, name="2025_01_01_000000_users")]
    assert str(assess([migration(UNSAFE[name], None)], database=database, earlier=earlier).verdict) != "safe"


FILES = {
    "up() in a trait": "class Change extends Migration { use \\App\\Support\\ChangesUsers; }",
    "facade under another name": "use Illuminate\\Support\\Facades\\Schema as S;\nreturn new class extends Migration { function up() { S::drop('users'); } };",
    "function of its own": "function trim($name) { Schema::drop($name); }\nreturn new class extends Migration { function up() { trim('users'); } };",
    "function of another": "use function App\\Support\\trim;\nreturn new class extends Migration { function up() { trim('users'); } };",
    "another class called Schema": "return new class extends Migration { function up() { \\App\\Schema::tidy(); } };",
    "work of the constructor": "return new class extends Migration { private $t; function __construct() { $this->t = 'users'; } function up() { Schema::drop($this->t); } };",
    "called by PHP in the end": "return new class extends Migration { function __destruct() { Schema::drop('users'); } function up() { } };",
    "called by PHP for a property": "return new class extends Migration { function __get($n) { Schema::drop('users'); } function up() { $x = $this->gone; } };",
    "two classes": "class Change extends Migration { function up() { Schema::drop('users'); } }\nclass Another extends Migration { function up() { } }",
    "after the class": "return new class extends Migration { function up() { } };\nSchema::drop('users');",
    "before the class": "Schema::drop('users');\nreturn new class extends Migration { function up() { } };",
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_file_is_not_safe(name: str) -> None:
    file = MigrationFile("2026_01_01_000000_change.php", f"{HEAD}\n{FILES[name]}\n")
    assert str(assess([file], database="mysql").verdict) != "safe"


HARMLESS = {
    "index on lower()": "DB::statement('CREATE INDEX i ON users (lower(email), n DESC) WHERE n > 1');",
    "index on a part of a column": "DB::statement('CREATE INDEX i ON users (email(20))');",
    "sequence set behind the rows": "DB::select(\"select setval('users_id_seq', (select max(id) from users))\");",
    "functions that compute": "DB::table('users')->selectRaw(\"coalesce(max(n), 0), date_format(created_at, '%Y (rebuild())')\")->get();",
    "transactional engine": "DB::statement('ALTER TABLE users ENGINE = InnoDB');",
    "nothing after the return": "return; Schema::drop('users');",
    "made and dropped": "Schema::create('t', function ($table) { $table->id(); }); Schema::dropIfExists('t');",
}  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS)
def test_what_looks_like_it_stays_safe(name: str) -> None:
    earlier = [migration(USERS, name="2025_01_01_000000_users")]
    assert str(assess([migration(HARMLESS[name], None)], database="mysql", earlier=earlier).verdict) == "safe"
