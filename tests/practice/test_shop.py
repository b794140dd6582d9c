"""What the shop's releases do: the good one works, the bad one fails the way a bad release does."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.practice import repository, server
from runbook_lib.practice.server import serve


@dataclass(frozen=True)
class Shop:
    port: int
    site: Path

    def ask(self, path: str, method: str = "GET") -> tuple[int, str]:
        status, _, body = self.answer(path, method)
        return status, body

    def answer(self, path: str, method: str = "GET", **headers: str) -> tuple[int, Message, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        return response.status, response.headers, body

    def artisan(self, *words: str) -> str:
        return artisan(self.site / "current", *words)

    def rows(self, statement: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.artisan("sql", statement))
        return found

    @property
    def log(self) -> str:
        return (self.site / "shared" / "storage" / "logs" / "shop.log").read_text()


def artisan(release: Path, *words: str) -> str:
    argv = [sys.executable, "-I", "-S", "artisan", *words]
    return subprocess.run(argv, cwd=release, check=True, capture_output=True, text=True, timeout=30).stdout


def shop_of(release: str, folder: Path) -> Iterator[Shop]:
    repository.build(folder / "repository")
    site = folder / "site"
    for name in ("run", "shared/storage", "releases"):
        (site / name).mkdir(parents=True)
    argv = ["git", "-C", folder / "repository", "worktree", "add", "--detach", site / "releases" / release, release]
    subprocess.run(argv, check=True, capture_output=True)
    (site / "releases" / release / "storage").symlink_to("../../shared/storage")
    (site / "current").symlink_to(f"releases/{release}")
    artisan(site / "current", "migrate", "--force")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    serve(site, port, anew=True)
    yield Shop(port, site)
    server.stop(site / "run" / "shop.lock")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    yield from shop_of("v1.4.2", tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    yield from shop_of("v1.5.0", tmp_path_factory.mktemp("bad"))


@pytest.mark.parametrize("path", ["/", "/checkout", "/up", "/ready", "/version", "/metrics"])
def test_good_release_answers_every_route(good: Shop, path: str) -> None:
    assert good.ask(path)[0] == 200


def test_home_page_shows_products_and_release(good: Shop) -> None:
    body = good.ask("/")[1]
    assert "Welcome to the shop" in body
    assert "Mug, blue: 12.50 EUR" in body
    assert "v1.4.2" in body


def test_checkout_adds_up(good: Shop) -> None:
    status, body = good.ask("/checkout?sku=TEE-01&quantity=3", "POST")
    assert (status, json.loads(body)["total"]) == (200, 7200)


@pytest.mark.parametrize(
    ("query", "status"), [("quantity=none", 400), ("quantity=0", 400), ("quantity=-1", 400), ("sku=%27--", 404)]
)
def test_checkout_refuses_what_cannot_be_sold(good: Shop, query: str, status: int) -> None:
    assert good.ask(f"/checkout?{query}")[0] == status


def test_unknown_page_is_404(good: Shop) -> None:
    assert good.ask("/nothing")[0] == 404


def test_version_names_the_tag(good: Shop) -> None:
    assert json.loads(good.ask("/version")[1]) == {"service": "shop", "version": "v1.4.2"}


def test_only_the_loopback_address_listens(good: Shop) -> None:
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    local = {fields[1].split(":")[0] for fields in listening if int(fields[1].split(":")[1], 16) == good.port}
    assert local == {"0100007F"}


def test_metrics_count_customers_and_not_health_checks(good: Shop) -> None:
    before = counted(good.ask("/metrics")[1])
    for path in ("/", "/checkout", "/up", "/ready", "/version", "/nothing"):
        good.ask(path)
    after = counted(good.ask("/metrics")[1])
    added = {key: count - before.get(key, 0) for key, count in after.items() if count != before.get(key, 0)}
    assert added == {("/", "200"): 1, ("/checkout", "200"): 1, ("other", "404"): 1}


def test_metrics_hold_a_histogram_and_the_start_time(good: Shop) -> None:
    good.ask("/")
    text = good.ask("/metrics")[1]
    buckets = re.findall(r'http_request_duration_seconds_bucket\{route="/",le="([^"]+)"\} (\d+)', text)
    assert buckets[0][0] == "0.001"
    assert buckets[-1][0] == "+Inf"
    counts = [int(count) for _, count in buckets]
    assert counts == sorted(counts)
    started = float(re.search(r"^process_start_time_seconds ([\d.]+)$", text, re.MULTILINE)[1])
    assert 0 <= time.time() - started < 600


def test_bad_release_fails_checkouts_of_one_piece_slowly(bad: Shop) -> None:
    begun = time.perf_counter()
    assert bad.ask("/checkout")[0] == 500
    assert time.perf_counter() - begun > 0.25


def test_bad_release_sells_three_pieces(bad: Shop) -> None:
    assert bad.ask("/checkout?sku=PIN-01&quantity=3", "POST")[0] == 200


@pytest.mark.parametrize("path", ["/", "/up", "/ready", "/version"])
def test_bad_release_looks_well_from_outside(bad: Shop, path: str) -> None:
    assert bad.ask(path)[0] == 200


def test_bad_release_logs_its_errors_with_time_and_place(bad: Shop) -> None:
    bad.ask("/checkout?sku=BAG-01&quantity=1", "POST")
    pattern = (
        r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ERROR POST '/checkout' 500 "
        r"PriceMissing: no price tier for 1 x BAG-01 \(pricing\.py:\d+\)$"
    )
    assert re.search(pattern, bad.log, re.MULTILINE)


@pytest.mark.slow
def test_log_cannot_grow_without_end(tmp_path: Path) -> None:
    for shop in shop_of("v1.5.0", tmp_path):
        logs = shop.site / "shared" / "storage" / "logs"
        for _ in range(3):
            with (logs / "shop.log").open("a") as log:
                log.write("x" * 1_000_000 + "\n")
            shop.ask("/checkout")
        assert sorted(file.name for file in logs.iterdir()) == ["shop.log", "shop.log.1"]
        assert sum(file.stat().st_size for file in logs.iterdir()) < 2_100_000


def brought(shop: Shop, release: str) -> Path:
    """Another release beside the one that serves, its migrations run."""
    repository.add_worse(shop.site.parent / "repository")
    folder = shop.site / "releases" / release
    argv = ["git", "-C", shop.site.parent / "repository", "worktree", "add", "--detach", folder, release]
    subprocess.run(argv, check=True, capture_output=True)
    (folder / "storage").symlink_to("../../shared/storage")
    artisan(folder, "migrate", "--force")
    return folder


@pytest.mark.parametrize("older", ["v1.4.0", "v1.4.1", "v1.4.2"])
def test_older_release_lives_with_the_newer_database(older: str, tmp_path: Path) -> None:
    for shop in shop_of(older, tmp_path):
        brought(shop, "v1.5.0")
        assert [shop.ask(path)[0] for path in ("/", "/ready", "/checkout")] == [200, 200, 200]
        assert shop.ask("/checkout", "POST")[0] == 200


def test_older_release_fails_with_a_renamed_column_until_it_is_taken_back(tmp_path: Path) -> None:
    for shop in shop_of("v1.4.2", tmp_path):
        worse = brought(shop, "v1.5.1")
        assert [shop.ask(path)[0] for path in ("/", "/ready", "/up")] == [500, 503, 200]
        artisan(worse, "migrate:rollback", "--force", "--step=1")
        assert [shop.ask(path)[0] for path in ("/", "/ready")] == [200, 200]


def test_requests_in_flight_are_answered_before_the_end(tmp_path: Path) -> None:
    for shop in shop_of("v1.5.0", tmp_path):
        with socket.create_connection(("127.0.0.1", shop.port)) as connection:
            connection.sendall(b"GET /checkout HTTP/1.0\r\n\r\n")
            time.sleep(0.1)
            server.stop(shop.site / "run" / "shop.lock")
            assert connection.recv(100).startswith(b"HTTP/1.0 500")


def test_a_release_serves_the_code_it_was_started_with(tmp_path: Path) -> None:
    for shop in shop_of("v1.4.2", tmp_path):
        (shop.site / "current").unlink()
        (shop.site / "current").symlink_to("releases/elsewhere")
        assert json.loads(shop.ask("/version")[1])["version"] == "v1.4.2"


def counted(text: str) -> dict[tuple[str, str], int]:
    found = re.findall(r'http_requests_total\{route="([^"]+)",status="(\d+)"\} (\d+)', text)
    return {(route, status): int(count) for route, status, count in found}


def test_an_order_is_stored_and_a_quote_is_not(good: Shop) -> None:
    before = len(good.rows("SELECT id FROM orders"))
    good.ask("/checkout?sku=MUG-01&quantity=2")
    placed = json.loads(good.ask("/checkout?sku=MUG-01&quantity=2", "POST")[1])
    assert len(good.rows("SELECT id FROM orders")) == before + 1
    (order,) = good.rows("SELECT * FROM orders ORDER BY id DESC LIMIT 1")
    assert order["created_at"].startswith(time.strftime("%Y-", time.gmtime()))
    del order["created_at"]
    assert order == {"id": placed["order"], "sku": "MUG-01", "quantity": 2, "total": 2990, "shipping": 490}


def test_bad_release_stores_what_was_taken_off(bad: Shop) -> None:
    placed = json.loads(bad.ask("/checkout?sku=PIN-01&quantity=20", "POST")[1])
    assert bad.rows("SELECT id, discount FROM orders ORDER BY id DESC LIMIT 1") == [
        {"id": placed["order"], "discount": 700}
    ]


def test_prices_come_from_the_database(tmp_path: Path) -> None:
    for shop in shop_of("v1.4.2", tmp_path):
        assert shop.rows("UPDATE prices SET cents = 100 WHERE sku = 'PIN-01'") == [{"affected": 1}]
        assert json.loads(shop.ask("/checkout?sku=PIN-01&quantity=1")[1])["total"] == 590


def test_orders_cannot_grow_without_end(tmp_path: Path) -> None:
    for shop in shop_of("v1.4.2", tmp_path):
        shop.rows(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)"
            " INSERT INTO orders (sku, quantity, total) SELECT 'PIN-01', 1, 840 FROM n"
        )
        shop.ask("/checkout", "POST")
        assert shop.rows("SELECT count(*) AS kept FROM orders") == [{"kept": 5000}]


def test_without_a_database_it_serves_and_is_not_ready(tmp_path: Path) -> None:
    for shop in shop_of("v1.4.2", tmp_path):
        server.stop(shop.site / "run" / "shop.lock")
        for file in (shop.site / "shared" / "storage").glob("shop.db*"):
            file.unlink()
        serve(shop.site, shop.port, anew=True)
        assert [shop.ask(path)[0] for path in ("/up", "/ready", "/")] == [200, 503, 500]
        assert not (shop.site / "shared" / "storage" / "shop.db").exists()


@pytest.fixture
def closed(good: Shop) -> Iterator[Shop]:
    """The good release in maintenance mode."""
    good.artisan("down", "--refresh=15", "--retry=60", "--secret=open-sesame")
    yield good
    good.artisan("up")


@pytest.mark.parametrize("path", ["/", "/checkout", "/ready", "/nothing"])
def test_maintenance_mode_closes_what_customers_use(closed: Shop, path: str) -> None:
    status, headers, _ = closed.answer(path)
    assert (status, headers["Refresh"], headers["Retry-After"]) == (503, "15", "60")


@pytest.mark.parametrize("path", ["/up", "/version", "/metrics"])
def test_maintenance_mode_leaves_open_what_operations_asks(closed: Shop, path: str) -> None:
    assert closed.ask(path)[0] == 200


def test_maintenance_mode_stores_no_order(closed: Shop) -> None:
    before = closed.rows("SELECT count(*) AS orders FROM orders")
    assert closed.ask("/checkout", "POST")[0] == 503
    assert closed.rows("SELECT count(*) AS orders FROM orders") == before


def test_the_secret_path_lets_a_person_in(closed: Shop) -> None:
    status, headers, _ = closed.answer("/open-sesame")
    assert (status, headers["Location"]) == (302, "/")
    cookie = headers["Set-Cookie"].partition(";")[0]
    assert cookie.startswith("laravel_maintenance=")
    assert closed.answer("/", Cookie=f"theme=dark; {cookie}")[0] == 200


@pytest.mark.parametrize(
    "cookie",
    [
        "laravel_maintenance=",
        "laravel_maintenance=open-sesame",
        "laravel_maintenance=eyJleHBpcmVzX2F0IjogOTk5OTk5OTk5OSwgIm1hYyI6ICJ4In0=",
        "laravel_maintenance=W10=",
        "=; ,",
    ],
)
def test_another_cookie_does_not(closed: Shop, cookie: str) -> None:
    assert closed.answer("/", Cookie=cookie)[0] == 503


def test_without_options_there_are_no_headers_and_a_spoilt_flag_counts(tmp_path: Path) -> None:
    for shop in shop_of("v1.4.2", tmp_path):
        shop.artisan("down")
        status, headers, _ = shop.answer("/")
        assert (status, headers["Refresh"], headers["Retry-After"]) == (503, None, None)
        flag = shop.site / "shared" / "storage" / "framework" / "down"
        flag.write_text("{")
        assert shop.ask("/")[0] == 503
        shop.artisan("up")
        assert shop.ask("/")[0] == 200
