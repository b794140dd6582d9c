"""Migrations for tests, around what is said of them."""

from __future__ import annotations

from runbook_lib.migrations import Assessment, MigrationFile, assess

HEAD = """<?php

use App\\Models\\Order;
use Illuminate\\Database\\Migrations\\Migration;
use Illuminate\\Database\\Schema\\Blueprint;
use Illuminate\\Support\\Facades\\DB;
use Illuminate\\Support\\Facades\\Schema;
"""


def migration(
    up: str, down: str | None = None, name: str = "2026_01_01_000000_change", more: str = ""
) -> MigrationFile:
    """A migration with these bodies of up() and down(). down: None for no method. more: other members of the class."""
    back = "" if down is None else f"    public function down(): void\n    {{\n{down}\n    }}\n"
    body = f"{more}\n    public function up(): void\n    {{\n{up}\n    }}\n{back}"
    return MigrationFile(name, f"{HEAD}\nreturn new class extends Migration\n{{\n{body}}};\n")


def table(body: str, name: str = "users", method: str = "table") -> str:
    """A Schema::table with this body."""
    return f"Schema::{method}('{name}', function (Blueprint $table) {{ {body} }});"


def assessed(
    up: str, down: str | None = "", database: str = "mysql", more: str = "", earlier: tuple[str, ...] = ()
) -> Assessment:
    """The assessment of one migration. down: "" for an empty method. earlier: bodies of up() that came before it."""
    before = [migration(body, name=f"2025_01_01_{i:06d}_before") for i, body in enumerate(earlier)]
    return assess([migration(up, down, more=more)], database=database, earlier=before)  # type: ignore[arg-type]


def verdict(
    up: str, down: str | None = "", database: str = "mysql", more: str = "", earlier: tuple[str, ...] = ()
) -> str:
    return str(assessed(up, down, database, more, earlier).verdict)
