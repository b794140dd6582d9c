"""A case: one release's migration on top of the shop of tests/real/laravel/base, and how older code fares with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import dedent, indent
from typing import Literal

from tests.real.databases import Driver

Truth = Literal["works", "breaks", "wrong", "refused"]
"""works: every request of the older code succeeds. breaks: some fail. wrong: they succeed with the wrong outcome.
refused: the database does not take the migration, so there is nothing to go back from."""

ALL: tuple[Driver, ...] = ("pgsql", "mysql", "sqlite")


@dataclass(frozen=True)
class Case:
    """One release's migration. up, down: bodies in PHP; down None: there is no such method.

    live: what the new release writes while it is live, in PHP. truth: on every database that `apart` does not name.
    body: further members of the class.
    """

    name: str
    up: str
    down: str | None = ""
    truth: Truth = "works"
    live: str = ""
    body: str = ""
    apart: Mapping[Driver, Truth] = field(default_factory=dict)

    @property
    def file(self) -> str:
        return f"database/migrations/2026_02_01_000000_{self.name.replace('-', '_')}.php"

    @property
    def text(self) -> str:
        """The migration as it stands in the release."""
        return "".join(
            [
                _HEAD,
                f"    {self.body}\n\n" if self.body else "",
                _method("up", self.up),
                "" if self.down is None else "\n" + _method("down", self.down),
                "};\n",
            ]
        )

    def expected(self, driver: Driver) -> Truth:
        return self.apart.get(driver, self.truth)


_HEAD = """<?php

use App\\Models\\Product;
use Illuminate\\Database\\Migrations\\Migration;
use Illuminate\\Database\\Schema\\Blueprint;
use Illuminate\\Support\\Facades\\DB;
use Illuminate\\Support\\Facades\\Schema;

return new class extends Migration
{
"""


def _method(name: str, body: str) -> str:
    return f"    public function {name}()\n    {{\n{indent(dedent(body).strip(), ' ' * 8)}\n    }}\n"


def table(name: str, *calls: str) -> str:
    """Schema::table with one line a call."""
    lines = "\n".join(f"    $table->{call};" for call in calls)
    quoted = name if name.startswith("$") else f"'{name}'"
    return f"Schema::table({quoted}, function (Blueprint $table) {{\n{lines}\n}});"


def created(name: str, *calls: str) -> str:
    return table(name, *calls).replace("Schema::table", "Schema::create", 1)


def block(head: str, body: str) -> str:
    return f"{head} {{\n{indent(body, '    ')}\n}}"


def on(driver: Driver, php: str) -> str:
    """What is done on one kind of database only."""
    return block(f"if (DB::getDriverName() === '{driver}')", php)
