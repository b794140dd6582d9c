"""Many migrations take no longer than they must; how long is for `make bench`."""

from __future__ import annotations

import time

import pytest

from runbook_lib.migrations import MigrationFile, assess
from tests.migrations.php import migration, table


def many(count: int) -> list[MigrationFile]:
    files = []
    for i in range(count):
        create = (
            f"Schema::create('orders_{i}', function (Blueprint $table) {{ $table->id();"
            "$table->foreignId('user_id')->constrained()->cascadeOnDelete(); $table->string('number', 40)->unique();"
            "$table->decimal('total', 10, 2)->default(0); $table->text('note')->nullable(); $table->timestamps(); });"
        )
        change = table(f"$table->unsignedInteger('orders_{i}')->default(0); $table->index(['email', 'orders_{i}']);")
        down = table(f"$table->dropColumn('orders_{i}');") + f"Schema::dropIfExists('orders_{i}');"
        files.append(migration(create + change, down, name=f"2026_01_01_{i:06d}_orders"))
    return files


def seconds(count: int) -> float:
    """Processor time for assessing so many, the best of three."""
    files, found = many(count), []
    for _ in range(3):
        start = time.process_time()
        assert str(assess(files, database="mysql").verdict) == "safe"
        found.append(time.process_time() - start)
    return min(found)


@pytest.mark.slow
def test_the_time_grows_with_their_number_and_not_faster() -> None:
    assert seconds(1000) < 10 * seconds(200)
