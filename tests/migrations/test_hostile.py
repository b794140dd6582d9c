"""Files that are no migrations, or hardly: named, and never a crash."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from runbook_lib.migrations import MigrationFile, assess
from tests.migrations.php import HEAD, migration, table

CLASS = "class %s extends Migration { public function up() { %s } }\n"

FILES: dict[str, tuple[str | bytes | None, str]] = {
    "empty": (b"", "empty"),
    "only blanks": (" \n", "empty"),
    "binary": (b"\x7fELF\x00\x01<?php", "binary"),
    "not PHP": ("CREATE TABLE a (id INT);", "not PHP"),
    "syntax error": (HEAD + "return new class extends Migration { public function up() { Schema::drop( } };", "syntax error in line 8"),
    "cut off": (HEAD + "return new class extends Migration { public function up() {", "syntax error"),
    "without class": ("<?php\nreturn [];\n", "no class"),
    "class without up": (HEAD + "class Change extends Base { }", "no up()"),
    "two migrations": (HEAD + CLASS % ("One", "") + CLASS % ("Two", ""), "cannot be told"),
    "nobody has it": (None, "nowhere"),
    "too large": (b"<?php " + b"/" * 4_100_000, "more than is read"),
    "not UTF-8": (b"<?php\n\xff\xfe", "syntax error"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_is_named_and_unknown(name: str) -> None:
    source, said = FILES[name]
    found = assess([MigrationFile("2026_01_01_000000_change.php", source), migration("")])
    assert [str(m.verdict) for m in found.migrations] == ["unknown", "safe"]
    why = found.migrations[0].operations[0].why
    assert said in why
    assert "2026_01_01_000000_change" in why
    assert "2026_01_01_000000_change" in found.way


def verdict_of(source: str | bytes, name: str = "2026_01_01_000000_change_users.php") -> str:
    return str(assess([MigrationFile(name, source)]).verdict)


def test_a_named_class_is_read() -> None:
    assert verdict_of(HEAD + CLASS % ("ChangeUsers", "Schema::drop('a');")) == "loss"


def test_of_two_classes_the_one_named_as_the_file_is_read() -> None:
    both = HEAD + CLASS % ("Other", "Schema::drop('a');") + CLASS % ("ChangeUsers", "")
    assert verdict_of(both) == "safe"


def test_a_class_beside_the_migration_does_not_matter() -> None:
    beside = HEAD + "class Helper { }\n" + CLASS % ("Whatever", "Schema::drop('a');")
    assert verdict_of(beside) == "loss"


def test_a_class_in_a_namespace_is_read() -> None:
    source = HEAD.replace("<?php", "<?php\nnamespace Database;", 1) + CLASS % ("ChangeUsers", "Schema::drop('a');")
    assert verdict_of(source) == "loss"


def test_code_beside_the_class_is_unknown() -> None:
    assert verdict_of(HEAD + "rebuild();\nreturn new class extends Migration { public function up() {} };") == "unknown"


def test_a_megabyte_is_read() -> None:
    body = "\n".join(table(f"$table->string('column_{i}')->nullable();") for i in range(9_000))
    file = migration(body)
    assert len(file.content or b"") > 800_000
    assert str(assess([file]).verdict) in {"safe", "unknown"}


def test_deep_nesting_is_unknown_and_no_crash() -> None:
    deep = "if ($a) { " * 3_000 + "Schema::drop('a');" + " }" * 3_000
    assert str(assess([migration(deep)]).verdict) == "unknown"
    assert str(assess([migration("$x = " + "(" * 5_000 + "1" + ")" * 5_000 + ";")]).verdict) == "unknown"


def test_a_helper_that_calls_itself_is_unknown() -> None:
    assert str(assess([migration("$this->a();", more="function a() { $this->a(); }")]).verdict) == "unknown"


def test_loops_in_loops_end() -> None:
    numbers = ", ".join(str(i) for i in range(400))
    inner = f"foreach ([{numbers}] as $a) {{ foreach ([{numbers}] as $b) {{ foreach ([{numbers}] as $c) {{ $d = $a; }} }} }}"
    assert str(assess([migration(inner)]).verdict) == "unknown"


def test_control_characters_do_not_reach_the_terminal() -> None:
    found = assess([migration("Schema::drop('a\x1b[31m\x07');")])
    assert "\x1b" not in str(found.table())
