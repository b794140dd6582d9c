"""Parsers are loaded when a migration is read, not when the command starts."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("tree_sitter", "tree_sitter_php", "sqlglot", "git", "pydantic")


def loaded_by(code: str) -> set[str]:
    code += f"\nimport sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["runbook_lib.migrations", "runbook_lib.migrations.cli"])
def test_an_import_loads_no_parser(module: str) -> None:
    assert loaded_by(f"import {module}") == set()


def test_the_parser_of_sql_is_loaded_for_sql_only() -> None:
    code = """
from runbook_lib.migrations import MigrationFile, assess
assess([MigrationFile("a", "<?php return new class extends Migration { function up() { Schema::drop('a'); } };")])
"""
    assert loaded_by(code) == {"tree_sitter", "tree_sitter_php"}


def test_every_public_name_is_there() -> None:
    import runbook_lib.migrations as room

    assert sorted(room._HOMES) == sorted(room.__all__)
    assert all(getattr(room, name).__name__ == name for name in room.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = room.nothing
