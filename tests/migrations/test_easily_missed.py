"""What looks harmless in a migration, and is not: each was found on a real database."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from runbook_lib.migrations import assess
from tests.migrations.php import assessed, migration, table, verdict


def create(name: str, body: str) -> str:
    return f"Schema::create('{name}', function (Blueprint $table) {{ $table->id(); {body} }});"


ANY = ("mysql", "pgsql", "sqlite", "")

# The foreign key of a new table: what up() says, and whether rows of the table keep older code from deleting.
KEYS = {
    "no action": ("$table->foreignId('order_id')->constrained();", "shim"),
    "restrict": ("$table->foreignId('order_id')->constrained()->restrictOnDelete();", "shim"),
    "the last word counts": ("$table->foreignId('order_id')->constrained()->cascadeOnDelete()->restrictOnDelete();", "shim"),
    "said of the column, and lost": ("$table->foreignId('order_id')->cascadeOnDelete()->constrained();", "shim"),
    "set null on a required column": ("$table->foreignId('order_id')->constrained()->nullOnDelete();", "shim"),
    "not built at once": ("$table->foreignId('order_id'); $table->foreign('order_id')->references('id')->on('orders');", "shim"),
    "cascade": ("$table->foreignId('order_id')->constrained()->cascadeOnDelete();", "safe"),
    "cascade in words": ("$table->foreignId('order_id')->constrained()->onDelete('CASCADE');", "safe"),
    "set null": ("$table->foreignId('order_id')->nullable()->constrained()->nullOnDelete();", "safe"),
    "to itself": ("$table->foreignId('parent_id')->nullable()->constrained('invoices');", "safe"),
}  # fmt: skip


@pytest.mark.parametrize("database", ANY)
@pytest.mark.parametrize("key", KEYS)
def test_rows_of_a_new_table_keep_older_code_from_deleting(key: str, database: str) -> None:
    body, expected = KEYS[key]
    assert verdict(create("invoices", body), "Schema::drop('invoices');", database) == expected


def test_a_restricting_key_says_what_to_count_and_how_it_goes() -> None:
    body = create("invoices", "$table->foreignId('order_id')->constrained();")
    operation = assessed(body).migrations[0].operations[-1]
    assert operation.check == 'SELECT COUNT(*) FROM "invoices" WHERE "order_id" IS NOT NULL'
    assert operation.shims[0].sql["mysql"] == ("ALTER TABLE `invoices` DROP FOREIGN KEY `invoices_order_id_foreign`",)


def test_a_key_between_new_tables_keeps_nobody() -> None:
    lines = create("invoice_lines", "$table->foreignId('invoice_id')->constrained();")
    assert verdict(create("invoices", "") + lines) == "safe"


def test_a_key_between_new_tables_keeps_older_code_from_what_cascades_into_them() -> None:
    invoices = create("invoices", "$table->foreignId('order_id')->constrained()->cascadeOnDelete();")
    lines = create("invoice_lines", "$table->foreignId('invoice_id')->constrained();")
    assert verdict(invoices + lines) == "shim"
    assert verdict(create("carts", "") + invoices.replace("order_id", "cart_id") + lines) == "safe"


LINES = "$table->foreignId('order_id')->constrained()%s;"
DROPPED = table("$table->dropForeign(['order_id']);", "lines")
DROPPED_KEYS = {
    "no action": ("", "safe"),
    "restrict": ("->restrictOnDelete()", "safe"),
    "cascade": ("->cascadeOnDelete()", "unknown"),
    "set null": ("->nullOnDelete()", "unknown"),
    "what is not known": ("->onDelete($rule)", "unknown"),
}


@pytest.mark.parametrize("database", ["mysql", "pgsql"])
@pytest.mark.parametrize("key", DROPPED_KEYS)
def test_only_a_key_that_does_nothing_on_delete_is_not_missed(key: str, database: str) -> None:
    rule, expected = DROPPED_KEYS[key]
    assert verdict(DROPPED, "", database, earlier=(create("lines", LINES % rule),)) == expected


def test_a_key_that_is_added_again_as_it_was_can_be_taken_back() -> None:
    again = table("$table->foreign('order_id')->references('id')->on('orders')%s;", "lines")
    earlier = (create("lines", LINES % "->cascadeOnDelete()"),)
    assert verdict(DROPPED, again % "->cascadeOnDelete()", earlier=earlier) == "down"
    assert verdict(DROPPED, again % "", earlier=earlier) == "unknown"


def test_a_key_may_have_been_changed_since() -> None:
    earlier = (create("lines", LINES % ""), "DB::statement($sql); " + table("$table->index('a');", "lines"))
    assert verdict(DROPPED, earlier=earlier) == "unknown"


def test_a_key_that_goes_with_its_column_is_a_loss() -> None:
    assert verdict(DROPPED + table("$table->dropColumn('order_id');", "lines")) == "loss"


@pytest.mark.parametrize("database", ANY)
@pytest.mark.parametrize("call", ["timestamp('deleted_at')", "dateTime('deleted_at')", "timestampTz('deleted_at', 6)"])
def test_deleted_at_by_hand_is_as_soft_deletes(call: str, database: str) -> None:
    assert verdict(table(f"$table->{call}->nullable();"), database=database) == "unknown"


PERSONS = create(
    "users",
    "$table->string('b', 40); $table->string('c', 40); $table->string('d', 40)->nullable(); $table->integer('n');",
)
GENERATED = {
    "division": ("integer('a')->storedAs('1000 / n')", "unknown"),
    "arithmetic may be too large": ("integer('a')->virtualAs('n * 2')", "unknown"),
    "words that fit": ("string('a', 81)->storedAs(\"concat(b, ' ', c)\")", "safe"),
    "words that do not": ("string('a', 80)->storedAs(\"concat(b, ' ', c)\")", "unknown"),
    "words of any length": ("text('a')->storedAs('concat(b, c)')", "safe"),
    "a column": ("string('a')->virtualAs('b')", "safe"),
    "a column that may be NULL": ("string('a')->storedAs('d')", "unknown"),
    "a column that may be NULL, as this one": ("string('a')->nullable()->storedAs('d')", "safe"),
    "a function": ("string('a')->storedAs('lower(b)')", "unknown"),
    "a column that is not known": ("string('a')->storedAs('z')", "unknown"),
    "what is known when it runs": ("string('a')->storedAs($sql)", "unknown"),
    "an identity": ("integer('a')->generatedAs()", "safe"),
    "an identity with options": ("integer('a')->generatedAs('START WITH 10')", "unknown"),
}  # fmt: skip


@pytest.mark.parametrize("database", ["mysql", "pgsql", ""])
@pytest.mark.parametrize("row", GENERATED)
def test_a_generated_column_is_safe_when_its_expression_always_has_a_result(row: str, database: str) -> None:
    call, expected = GENERATED[row]
    assert verdict(table(f"$table->{call};"), database=database, earlier=(PERSONS,)) == expected


def test_bars_join_words_except_on_mysql() -> None:
    up = table("$table->string('a', 100)->storedAs(\"b || ' ' || c\");")
    found = {database: verdict(up, database=database, earlier=(PERSONS,)) for database in ANY}
    assert found == {"mysql": "unknown", "pgsql": "safe", "sqlite": "safe", "": "unknown"}


def test_arithmetic_has_no_errors_on_sqlite() -> None:
    assert verdict(table("$table->integer('a')->storedAs('1000 / n');"), database="sqlite") == "safe"
    assert verdict(table("$table->integer('a')->storedAs('json_extract(b, 1)');"), database="sqlite") == "unknown"


ARTICLES = create("users", "%s->nullable(); $table->string('c'); $table->string('d');")
INDEXED = {
    "string": ("$table->string('a')", "['a']", "safe"),
    "strings": ("$table->string('a')", "['a', 'c']", "safe"),
    "too many strings": ("$table->string('a')", "['a', 'c', 'd']", "unknown"),
    "long string": ("$table->string('a', 4000)", "['a']", "unknown"),
    "integer": ("$table->unsignedInteger('a')", "['a']", "safe"),
    "time": ("$table->timestamp('a')", "['a']", "safe"),
    "text": ("$table->text('a')", "['a']", "unknown"),
    "long text": ("$table->longText('a')", "['a']", "unknown"),
    "jsonb": ("$table->jsonb('a')", "['a']", "unknown"),
    "column that is not known": ("$table->string('a')", "['z']", "unknown"),
    "text in a list": ("$table->text('a')", "['c', 'a']", "unknown"),
}  # fmt: skip


@pytest.mark.parametrize("database", ["pgsql", ""])
@pytest.mark.parametrize("row", INDEXED)
def test_an_index_of_postgres_takes_no_long_text(row: str, database: str) -> None:
    column, columns, expected = INDEXED[row]
    assert verdict(table(f"$table->index({columns});"), "", database, earlier=(ARTICLES % column,)) == expected


def test_an_index_on_text_is_dropped_by_down() -> None:
    up, down = table("$table->index('a');"), table("$table->dropIndex(['a']);")
    earlier = (ARTICLES % "$table->text('a')",)
    assert verdict(up, down, "pgsql", earlier=earlier) == "down"
    assert verdict(up, down, "mysql", earlier=earlier) == "safe"


def test_an_index_on_new_text_is_empty_to_older_code() -> None:
    assert verdict(table("$table->text('a')->nullable()->index();"), database="pgsql") == "safe"
    generated = table("$table->text('a')->nullable()->storedAs('b')->index();")
    assert verdict(generated, database="pgsql", earlier=(PERSONS,)) == "unknown"


CHANGED = table("$table->text('a')->change();")
BEFORE = create("users", "$table->string('a');")
REFERRING = {
    "nobody": (create("orders", ""), "safe"),
    "another table": (create("orders", "$table->foreignId('team_id')->constrained();"), "safe"),
    "by name": (create("orders", "$table->foreignId('owner_id')->constrained('users');"), "unknown"),
    "by its column": (create("orders", "$table->foreignId('user_id')->constrained();"), "unknown"),
    "by its model": (create("orders", "$table->foreignIdFor(Order::class)->constrained();"), "unknown"),
    "in SQL": ("DB::statement('CREATE TABLE o (u INT REFERENCES users (id))');", "unknown"),
    "what is not understood": ("DB::statement($sql);", "unknown"),
}  # fmt: skip


@pytest.mark.parametrize("database", ["sqlite", ""])
@pytest.mark.parametrize("row", REFERRING)
def test_sqlite_makes_a_changed_table_anew_and_may_lose_rows_that_refer_to_it(row: str, database: str) -> None:
    other, expected = REFERRING[row]
    assert verdict(CHANGED, "", database, earlier=(BEFORE, other)) == expected
    assert verdict(CHANGED, "", "mysql", earlier=(BEFORE, other)) == "safe"


def test_a_history_without_its_beginning_rules_nothing_out_on_sqlite() -> None:
    down = table("$table->string('a')->change();")
    assert verdict(table("$table->string('a')->nullable()->change();"), down, "sqlite") == "unknown"


def test_a_table_of_the_set_can_be_changed_on_sqlite() -> None:
    assert str(assess([migration(BEFORE + CHANGED)], database="sqlite").verdict) == "safe"


def changed(before: str, after: str, more: str = "") -> str:
    return verdict(more + table(f"$table->{after}->change();"), None, earlier=(create("users", f"$table->{before};"),))


# A column as it was and as it becomes: what of it is easily overlooked.
CHANGES = {
    "its collation is not said again": ("string('a', 40)->collation('utf8mb4_bin')", "string('a', 40)", "loss"),
    "its default is not said again": ("string('a')->nullable()->default('x')", "string('a')->nullable()", "unknown"),
    "a default where there was NULL": ("string('a')->nullable()", "string('a')->nullable()->default('x')", "unknown"),
    "a default where one was required": ("string('a')", "string('a')->default('x')", "safe"),
    "values in another order": ("enum('a', ['x', 'y'])", "enum('a', ['y', 'x'])", "loss"),
    "more places": ("decimal('a', 8, 2)", "decimal('a', 12, 4)", "loss"),
    "more digits": ("decimal('a', 8, 2)", "decimal('a', 12, 2)", "safe"),
    "a number that Laravel 11 makes smaller": ("float('a', 8, 2)", "float('a', 8, 2)", "unknown"),
    "a number that Laravel 11 rounds no more": ("float('a')", "double('a')", "unknown"),
    "a length that is not told": ("string('a', 80)", "string('a', config('x'))", "loss"),
    "a precision that is not told": ("timestamp('a', config('x'))", "timestamp('a', config('x'))", "loss"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_column(change: str) -> None:
    before, after, expected = CHANGES[change]
    assert changed(before, after) == expected


def test_the_usual_length_of_a_string_is_set_by_the_migration_itself() -> None:
    assert changed("string('a', 80)", "string('a')", "Schema::defaultStringLength(50);") == "loss"
    assert changed("string('a', 80)", "string('a')", "Schema::defaultStringLength(191);") == "safe"


# What ->change() leaves unsaid, Laravel 8 to 10 kept and 11 takes away: an earlier change leaves two possibilities.
UNSAID = {
    "NULL": ("string('a')->nullable()", "string('a', 300)", "string('a', 300)", "unknown"),
    "a default": ("string('a')->nullable()->default('x')", "string('a', 300)->nullable()", "string('a', 300)->nullable()", "unknown"),
    "unsigned": ("unsignedInteger('a')", "integer('a')", "integer('a')", "unknown"),
    "nothing": ("string('a')", "string('a', 300)", "string('a', 300)", "safe"),
    "said": ("string('a')->nullable()", "string('a', 300)->nullable(false)", "string('a', 300)", "safe"),
}  # fmt: skip


@pytest.mark.parametrize("left", UNSAID)
def test_what_an_earlier_change_left_unsaid_is_not_known(left: str) -> None:
    first, then, now, expected = UNSAID[left]
    earlier = (create("users", f"$table->{first};"), table(f"$table->{then}->change();"))
    assert verdict(table(f"$table->{now}->change();"), None, earlier=earlier) == expected


WORDS = create("users", "$table->text('a'); $table->string('b'); $table->text('c')->nullable();")


def test_words_of_any_length_do_not_fit_in_a_full_text_index_of_postgres() -> None:
    up, down = table("$table->fullText('a');"), table("$table->dropFullText(['a']);")
    assert verdict(up, down, "pgsql", earlier=(WORDS,)) == "down"
    assert verdict(up, down, "mysql", earlier=(WORDS,)) == "safe"
    assert verdict(table("$table->fullText('b');"), "", "pgsql", earlier=(WORDS,)) == "safe"


@pytest.mark.parametrize("sql", ["USING brin (a)", "(b) INCLUDE (a)"])
def test_other_indexes_of_postgres_take_no_long_text_either(sql: str) -> None:
    assert verdict(f"DB::statement('CREATE INDEX i ON users {sql}');", "", "pgsql", earlier=(WORDS,)) == "unknown"
    assert (
        verdict(f"DB::statement('CREATE INDEX i ON users {sql.replace('(a)', '(b)')}');", "", "pgsql", earlier=(WORDS,))
        == "safe"
    )


def test_an_index_of_values_in_json_refuses_those_of_another_type() -> None:
    index = "DB::statement(\"ALTER TABLE users ADD INDEX i ((CAST(c->'$.a' AS UNSIGNED ARRAY)))\");"
    assert verdict(index, "", "mysql", earlier=(WORDS,)) == "unknown"


@pytest.mark.parametrize(("call", "expected"), [("put('a', 1)", "safe"), ("forever('a', new Order())", "unknown")])
def test_what_is_kept_in_the_cache_is_read_by_older_code(call: str, expected: str) -> None:
    assert verdict(f"\\Illuminate\\Support\\Facades\\Cache::{call};") == expected


# rawColumn() of Laravel 11 and later: its definition, and what of it must not be overlooked.
RAW = {
    "varchar(20)": "safe", "int unsigned": "safe", "json": "shim", "xml": "unknown", "blob": "unknown", "bytea": "unknown",
    "int generated always as (1 / b) stored": "unknown", "int check (b > 0)": "unknown", "varchar(20) unique": "unknown",
}  # fmt: skip


@pytest.mark.parametrize("definition", RAW)
def test_a_column_that_is_defined_in_sql(definition: str) -> None:
    assert verdict(table(f"$table->rawColumn('a', '{definition}')->nullable();"), database="") == RAW[definition]


def test_a_setting_of_the_server_is_seen_behind_many_statements() -> None:
    many = "SET FOREIGN_KEY_CHECKS = 0; " + "SELECT 1; " * 40
    assert verdict(f'DB::unprepared("{many} SET GLOBAL max_connections = 1");') == "unknown"
    assert verdict(f'DB::unprepared("{many} SET FOREIGN_KEY_CHECKS = 1");') == "safe"


# Ways to set a variable that look like reading it.
SETTING = {
    "pushed": "array_push($t, 'users');",
    "spliced": "array_splice($t, 0, 1, ['users']);",
    "set by a helper": "data_set($t, '0', 'users');",
    "set by Arr": "\\Illuminate\\Support\\Arr::set($t, '0', 'users');",
    "parsed": "parse_str('0=users', $t);",
    "taken apart": "[[$t]] = [[['users']]];",
    "walked by reference": "foreach ($t as &$one) { $one = 'users'; }",
    "walked by a function": "array_walk($t, function (&$one) { $one = 'users'; });",
}  # fmt: skip


@pytest.mark.parametrize("way", SETTING)
def test_a_variable_that_is_set_by_reference_is_no_longer_known(way: str) -> None:
    body = f"{create('new', '')} $t = ['new']; {SETTING[way]} foreach ($t as $name) {{ Schema::drop($name); }}"
    assert verdict(body, None) in {"loss", "unknown"}


def test_a_variable_that_is_only_read_is_known() -> None:
    read = "str_replace('a', 'b', $t[0]); preg_match('/a/', $t[0], $found); count($t);"
    assert (
        verdict(f"{create('new', '')} $t = ['new']; {read} foreach ($t as $name) {{ Schema::drop($name); }}", None)
        == "safe"
    )


def test_a_unique_of_rows_that_are_chosen_by_a_new_column_does_not_leave_null_out() -> None:
    add = table("$table->boolean('flag')->default(false); $table->string('a')->nullable();")
    unique = "DB::statement('CREATE UNIQUE INDEX one ON users (flag) WHERE a IS NULL');"
    assert verdict(add + unique, None, "pgsql") == "shim"
