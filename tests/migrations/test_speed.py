"""A thousand migrations in under a second."""

from __future__ import annotations

import time

import pytest

from runbook_lib.migrations import MigrationFile, assess
from tests.migrations.php import migration, table


def thousand() -> list[MigrationFile]:
    files = []
    for i in range(1000):
        create = (
            f"Schema::create('orders_{i}', function (Blueprint $table) {{ $table->id();"
            "$table->foreignId('user_id')->constrained()->cascadeOnDelete(); $table->string('number', 40)->unique();"
            "$table->decimal('total', 10, 2)->default(0); $table->text('note')->nullable(); $table->timestamps(); });"
        )
        change = table(f"$table->unsignedInteger('orders_{i}')->default(0); $table->index(['email', 'orders_{i}']);")
        down = table(f"$table->dropColumn('orders_{i}');") + f"Schema::dropIfExists('orders_{i}');"
        files.append(migration(create + change, down, name=f"2026_01_01_{i:06d}_orders"))
    return files


@pytest.mark.slow
def test_a_thousand_migrations_take_less_than_a_second() -> None:
    files = thousand()
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        assert str(assess(files, database="mysql").verdict) == "safe"
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 1.0
