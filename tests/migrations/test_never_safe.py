"""Whatever surrounds it, what is not understood never ends as safe."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.migrations.php import table, verdict

HARMLESS = st.sampled_from(
    [
        table("$table->string('a')->nullable();"),
        "Schema::create('t', function (Blueprint $table) { $table->id(); });",
        "$x = config('app.name');",
        "DB::statement('SET FOREIGN_KEY_CHECKS=0');",
        "$n = DB::table('users')->count();",
        "foreach (['a', 'b'] as $v) { $w = strtoupper($v); }",
        "/* nothing */",
    ]
)
STRANGE = st.sampled_from(
    [
        "do_something();",
        "$this->elsewhere();",
        "\\App\\Services\\Thing::run();",
        "app(Thing::class)->run();",
        "(new Thing)->handle();",
        "event('x');",
        "DB::statement($sql);",
        "DB::unprepared('DO $$ BEGIN END $$');",
        "include 'x.php';",
        "Schema::table('users', fn ($table) => $table->magic('x'));",
        "Schema::drop($unknown);",
        "Artisan::call('x');",
    ]
)
AROUND = st.sampled_from(
    [
        "%s",
        "if (config('x')) { %s }",
        "if (config('x')) { } else { %s }",
        "foreach (DB::table('users')->get() as $row) { %s }",
        "while (config('x')) { %s }",
        "DB::transaction(function () { %s });",
        "try { %s } catch (Exception $e) { }",
        "try { } catch (Exception $e) { %s }",
        "collect([1])->each(function ($i) { %s });",
        "DB::table('users')->orderBy('id')->chunk(10, function ($rows) { %s });",
        "switch ($x) { case 1: %s break; }",
        "Schema::table('users', function (Blueprint $table) { %s });",
        "Schema::withoutForeignKeyConstraints(function () { %s });",
        "array_map(function ($i) { %s }, [1]);",
    ]
)


@settings(max_examples=300)
@given(st.lists(HARMLESS, max_size=4), STRANGE, st.lists(AROUND, max_size=3), st.lists(HARMLESS, max_size=4))
def test_never_safe(before: list[str], strange: str, around: list[str], after: list[str]) -> None:
    for wrapped in around:
        strange = wrapped % strange
    up = "\n".join([*before, strange, *after])
    assert verdict(up) == "unknown"


@settings(max_examples=100)
@given(st.lists(HARMLESS, max_size=5), st.lists(AROUND, max_size=2))
def test_harmless_stays_safe_under_conditions(lines: list[str], around: list[str]) -> None:
    body = "\n".join(lines)
    for wrapped in around:
        body = wrapped % body
    assert verdict(body) == "safe"


@settings(max_examples=200)
@given(st.text(max_size=200))
def test_any_text_ends_in_a_verdict(body: str) -> None:
    assert verdict(body) in {"safe", "shim", "down", "loss", "unknown"}
