"""Whole histories as applications have them: each release against the one before, and all of it at once."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from runbook_lib.migrations import MigrationFile, assess
from tests.migrations.php import migration, table


def create(name: str, body: str) -> str:
    return f"Schema::create('{name}', function (Blueprint $table) {{ {body} }});"


def drop(name: str) -> str:
    return f"Schema::dropIfExists('{name}');"


# A shop over four years: up(), down(), the verdict when the code of the day before has to run again.
SHOP: list[tuple[str, str | None, str]] = [
    (create("users", "$table->id(); $table->string('email')->unique(); $table->rememberToken(); $table->timestamps();"), drop("users"), "safe"),
    (create("products", "$table->id(); $table->string('title', 80); $table->decimal('price', 8, 2); $table->enum('state', ['draft', 'live']); $table->timestamps();"), drop("products"), "safe"),
    (create("orders", "$table->id(); $table->foreignId('user_id')->constrained()->cascadeOnDelete(); $table->json('lines'); $table->string('note')->nullable();"), drop("orders"), "safe"),
    (table("$table->string('phone', 30)->nullable()->after('email');"), table("$table->dropColumn('phone');"), "safe"),
    (table("$table->string('title', 200)->change();", "products"), table("$table->string('title', 80)->change();", "products"), "safe"),
    (table("$table->enum('state', ['draft', 'live', 'sold out'])->change();", "products"), table("$table->enum('state', ['draft', 'live'])->change();", "products"), "down"),
    (table("$table->string('number', 20);", "orders"), table("$table->dropColumn('number');", "orders"), "shim"),
    (table("$table->string('slug')->nullable();", "products") + "foreach (DB::table('products')->get() as $p) { DB::table('products')->where('id', $p->id)->update(['slug' => Str::slug($p->title)]); }", None, "safe"),
    (table("$table->string('slug')->nullable(false)->unique()->change();", "products"), None, "shim"),
    (table("$table->renameColumn('note', 'remark');", "orders"), table("$table->renameColumn('remark', 'note');", "orders"), "down"),
    ("if (! Schema::hasTable('carts')) { " + create("carts", "$table->uuid('id')->primary(); $table->string('owner');") + " }", drop("carts"), "safe"),
    (table("$table->dropColumn('phone');"), table("$table->string('phone', 30)->nullable();"), "loss"),
    (table("$table->softDeletes();", "orders"), table("$table->dropSoftDeletes();", "orders"), "unknown"),
    ("DB::statement('CREATE INDEX products_title ON products (title)');", "DB::statement('DROP INDEX products_title ON products');", "safe"),
    ("foreach (['users', 'orders'] as $name) { Schema::table($name, function (Blueprint $table) { $table->index('id'); }); }", None, "safe"),
    ("DB::table('products')->where('price', '<', 0)->update(['price' => 0]);", None, "loss"),
    ("DB::table('roles')->insert([['name' => 'packer'], ['name' => 'driver']]);", "DB::table('roles')->whereIn('name', ['packer', 'driver'])->delete();", "down"),
    ("if (Schema::hasColumn('users', 'legacy')) { " + table("$table->dropColumn('legacy');") + " }", None, "unknown"),
    ("Schema::rename('carts', 'baskets');", "Schema::rename('baskets', 'carts');", "down"),
    (table("$table->foreignId('parent_id')->nullable()->constrained('products')->nullOnDelete();", "products"), None, "safe"),
]  # fmt: skip


def files() -> list[MigrationFile]:
    return [migration(up, down, name=f"2022_01_01_{i:06d}_step") for i, (up, down, _) in enumerate(SHOP)]


@pytest.mark.parametrize("step", range(len(SHOP)))
def test_each_release_against_the_one_before(step: int) -> None:
    history = files()
    found = assess([history[step]], database="mysql", earlier=history[:step])
    assert str(found.verdict) == SHOP[step][2], [o.facts for o in found.migrations[0].operations]


def test_a_code_that_knows_none_of_it_meets_only_what_is_not_its_own() -> None:
    found = assess(files(), database="mysql")
    assert {m.name[-11:-5]: str(m.verdict) for m in found.migrations if str(m.verdict) != "safe"} == {
        "000016": "down",  # roles: a table that is not in the history
        "000018": "down",  # carts: created only if it was not there
    }


def test_every_operation_has_a_verdict_and_few_are_unknown() -> None:
    history = files()
    operations = [
        operation
        for step in range(len(history))
        for migration_ in assess([history[step]], database="mysql", earlier=history[:step]).migrations
        for operation in migration_.operations
    ]
    unknown = [operation for operation in operations if str(operation.verdict) == "unknown"]
    assert len(unknown) / len(operations) < 0.10


def test_a_jump_over_several_releases_is_as_bad_as_the_worst_of_them() -> None:
    history = files()
    found = assess(history[4:12], database="mysql", earlier=history[:4])
    assert str(found.verdict) == "loss"
    assert "restore" in found.way
    assert found.facts["migrations"][0]["name"] == "2022_01_01_000004_step"
