"""Whether a release's older code lives with its schema, found out by trying: the newer migration is run, the newer
release writes what it writes, then the older code answers requests that touch every table.

    python -m tests.laravel.truth       prints the table of all cases and databases
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.laravel.case import ALL, Case, Truth
from tests.laravel.cases import CASES
from tests.real import databases
from tests.real.databases import Database
from tests.real.laravel_app import Driver, files, install, running_driver, write

_PAINTING = {"sku": "P-1", "name": "painting", "price": 900, "status": "active", "description": "oil on canvas"}
_VASE = {"sku": "V-1", "name": "vase", "price": 250, "category_id": 1, "description": "blue glass"}
_LINES = [{"product_id": 1, "quantity": 1, "price": 900}, {"product_id": 2, "quantity": 2, "price": 250}]
_LONG = "a name for a product that is as long as names of products may be"[:60]
# Longer than what an index takes, and nothing that could be compressed.
_TEXT = "".join(map(chr, random.Random(1).choices(range(0x4E00, 0x9F00), k=6000)))


@dataclass(frozen=True)
class Check:
    """One request of the older code. right: what its answer must be like."""

    method: str
    path: str
    data: Mapping[str, Any] = field(default_factory=dict)
    right: Callable[[Any], bool] = lambda body: True


def _has(field_name: str, *values: Any) -> Callable[[Any], bool]:
    """Whether these are the values of a field in the first rows of a list."""
    return lambda body: [row.get(field_name) for row in body[: len(values)]] == list(values)


# What there is before the newer release comes.
SEED = (
    Check("POST", "/categories", {"name": "art"}),
    Check("POST", "/products", _PAINTING),
    Check("POST", "/products", _VASE),
    Check("POST", "/products", {"sku": "G-1", "name": "ghost"}),
    Check("DELETE", "/products/3"),
    Check("POST", "/products/1/comments", {"body": "lovely"}),
    Check("POST", "/customers", {"name": "Ada", "email": "ada@shop.example", "nickname": "countess"}),
    Check("POST", "/users", {"name": "Root", "email": "root@shop.example", "password": "x"}),
    Check("POST", "/orders", {"number": "O-1", "customer_id": 1, "total": 1400, "lines": _LINES}),
    Check("POST", "/orders", {"number": "O-2", "customer_id": 1, "total": 900, "lines": _LINES[:1]}),
    Check("POST", "/visits/home"),
)

# What the older code does afterwards.
CHECKS = (
    Check("GET", "/up"),
    Check("GET", "/ready"),
    Check("GET", "/products", right=_has("label", "PAINTING (on sale)", "VASE (soon)")),
    Check("GET", "/products", right=lambda body: len(body) == 2 and body[1]["category"] == "art"),
    Check("POST", "/products", {"sku": "C-1", "name": _LONG, "description": "plain words", "category_id": 1}),
    Check("PUT", "/products/2", {"status": "retired", "description": None}),
    Check("PUT", "/products/2", {"name": "blue vase", "weight": 2.75}),
    Check("PUT", "/products/2", {"description": _TEXT}),
    Check("GET", "/search", {"q": "blue"}, lambda body: body == ["V-1"]),
    Check("POST", "/products/3/restore", right=lambda body: body == {"restored": True}),
    Check("DELETE", "/products/3", right=lambda body: body == {"deleted": True}),
    Check("GET", "/products", right=_has("colour", "blue", "blue", "blue")),
    Check("GET", "/products", right=_has("weight", 1.25, 2.75, 1.25)),
    Check("GET", "/categories", right=lambda body: body == ["art"]),
    Check("POST", "/products/1/comments", {"body": "indeed"}),
    Check("GET", "/products/1/comments", right=lambda body: body == ["lovely", "indeed"]),
    Check("POST", "/comments/1/copy", right=lambda body: body == {"copied": True}),
    Check("POST", "/reviews", {"title": "good"}),
    Check("POST", "/reviews", {"title": "good"}),
    Check("GET", "/reviews", right=lambda body: body == ["good", "good"]),
    Check("POST", "/customers", {"name": "Ada", "email": "ada@shop.example", "nickname": "another nickname"}),
    Check("PUT", "/customers/1", {"nickname": None}),
    Check("GET", "/customers", right=_has("name", "ADA", "ADA")),
    Check("POST", "/users", {"name": "Guest", "email": "guest@shop.example", "password": "x"}),
    Check("POST", "/users/1/remember", right=lambda body: body == {"remembered": 1}),
    Check("POST", "/orders", {"number": "O-3", "lines": _LINES}),
    Check("POST", "/orders", {"number": "O-4", "customer_id": 1, "total": 123_456, "coupon": "SPRING"}),
    Check("POST", "/orders", {"number": "R-1", "total": -500}),
    Check("GET", "/orders", right=_has("label", "O-1 is new: 14.00", "O-2 is new: 9.00", "O-3 is new: 0.00")),
    Check("GET", "/orders", right=_has("lines", 2, 1, 2)),
    Check("GET", "/turnover", right=lambda body: [int(row["turnover"]) for row in body] == [125_756]),
    Check("GET", "/orders", right=_has("coupon", None, None, None, "SPRING")),
    Check("GET", "/orders-of/1", right=_has("number", "O-1", "O-2", "O-4")),
    Check("GET", "/weights", right=lambda body: body[:1] == ["1.25"]),
    # MySQL sorts an enum by the places of its values.
    Check("GET", "/by-status", right=lambda body: body in (["C-1", "P-1", "V-1"], ["P-1", "C-1", "V-1"])),
    Check("POST", "/orders/2/ship", right=lambda body: body == {"shipped": 1}),
    Check("DELETE", "/orders/1", right=lambda body: body == {"lines": 0}),
    Check("POST", "/orders/O-2/place"),
    Check("PUT", "/settings/theme", {"value": "light"}, lambda body: body == ["light"]),
    Check("PUT", "/settings/theme", {"value": "dark"}, lambda body: body == ["dark"]),
    Check("POST", "/visits/home", right=lambda body: body == {"visits": 2}),
    Check("POST", "/visits/home", right=lambda body: body == {"visits": 3}),
    Check("PUT", "/products/2", {"sku": "V-2"}),
    Check("DELETE", "/sessions"),
)


@dataclass(frozen=True)
class Finding:
    """What came of one case on one database. why: the first thing that failed or was wrong."""

    case: Case
    driver: databases.Driver
    truth: Truth
    why: str = ""


def truths(folder: Path, fresh: Callable[[], Database], cases: Sequence[Case] = CASES) -> Iterator[Finding]:
    """Try cases on one kind of database. folder: an application that is installed; fresh: makes an empty database."""
    with running_driver(folder) as older:
        for case in cases:
            with tempfile.TemporaryDirectory() as name:
                release = write(Path(name), {case.file: case.text})
                yield _truth(case, older, folder, release, fresh())


def _truth(case: Case, older: Driver, folder: Path, release: Path, database: Database) -> Finding:
    older.use(database)
    _must(older.migrate(folder))
    for seed in SEED:
        status, body = older.request(seed.method, seed.path, **seed.data)
        _must("" if status < 400 else f"{seed.method} {seed.path}: {status} {body}")
    refused = older.migrate(release)
    if refused:
        return Finding(case, database.driver, "refused", refused)
    if case.live:
        answer = older.ask("write", php=f"use Illuminate\\Support\\Facades\\DB; {case.live}")
        _must(str(answer.get("error", "")))
    return answered(case, older, database)


def answered(case: Case, older: Driver, database: Database) -> Finding:
    """What the older code's answers come to: one that fails weighs more than one that is wrong."""
    wrong = ""
    for check in CHECKS:
        status, body = older.request(check.method, check.path, **check.data)
        if status >= 400:
            said = body.get("message") if isinstance(body, dict) else body
            return Finding(case, database.driver, "breaks", f"{check.method} {check.path}: {status} {said}")
        if not wrong and not check.right(body):
            wrong = f"{check.method} {check.path}: {body}"
    return Finding(case, database.driver, "wrong" if wrong else "works", wrong)


def _must(problem: str) -> None:
    if problem:
        raise RuntimeError(f"the application of the tests does not work: {problem[:2000]}")


def all_truths(home: Path, servers: Mapping[databases.Driver, Callable[[], Database]]) -> list[Finding]:
    """Try all cases on several kinds of database at the same time. home: an empty folder."""
    application = install(write(home / "application", files()))
    with ThreadPoolExecutor(len(servers)) as pool:
        return [
            finding for found in pool.map(lambda s: list(truths(application, s)), servers.values()) for finding in found
        ]


def main() -> None:
    """Print the table; cases that are not as expected are marked."""
    started = time.monotonic()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgresql = stack.enter_context(databases.running_postgresql())
        mariadb = stack.enter_context(databases.running_mariadb())
        findings = all_truths(
            home, {"pgsql": postgresql.fresh, "mysql": mariadb.fresh, "sqlite": lambda: databases.sqlite(home)}
        )
    for case in CASES:
        found = {finding.driver: finding for finding in findings if finding.case is case}
        truth = [
            f"{found[driver].truth:9}{'' if found[driver].truth == case.expected(driver) else '(!)'}" for driver in ALL
        ]
        print(f"{case.name:40}{''.join(truth)}")
    print(f"{len(findings)} findings in {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main()
