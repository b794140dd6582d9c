"""The shop: a home page, a checkout, and what operations asks of a service.

SHOP_PORT is the port on the loopback address, SHOP_STORAGE the folder of database and logs (default: storage).
"""

import json
import logging
import os
import signal
import sqlite3
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from logging.handlers import RotatingFileHandler
from pathlib import Path
from socketserver import TCPServer
from urllib.parse import parse_qs, urlsplit

import cache
import catalogue
import features
import jobs
import maintenance
import orders
import pages
import payments
import pricing
import quota
import receipts
import recommendations
import settings
import store
from metrics import Metrics

HERE = Path(__file__).resolve().parent
VERSION = (HERE / "VERSION").read_text().strip()
STORAGE = Path(os.environ.get("SHOP_STORAGE", HERE / "storage")).resolve()

HTML = "text/html; charset=utf-8"
JSON = "application/json"
TEXT = "text/plain; version=0.0.4; charset=utf-8"

# Files that everybody may have, and how long a query may take before it is worth a line in the log.
PUBLIC = STORAGE / "app" / "public"
SLOW = 0.2

log = logging.getLogger("shop")
metrics = Metrics()


class PriceInvalid(ValueError):
    pass


def home(query):
    with catalogue.opened(STORAGE) as database:
        products = cache.remember("products", 1, lambda: catalogue.products(database))
        also = recommended(database) if features.is_on("recommendations") else ()
    return 200, HTML, pages.home(products, VERSION, also)


def recommended(database):
    begun = time.perf_counter()
    also = recommendations.of(database, "MUG-01")
    seconds = time.perf_counter() - begun
    if seconds > SLOW:
        log.warning("slow query of recommendations, %d ms: %s", seconds * 1000, recommendations.SINCE)
    return also


def checkout(query):
    """What a basket costs."""
    return sell(query, lambda database, basket: basket)


def order(query):
    """Buy it."""
    return sell(query, buy)


def buy(database, basket):
    quota.check(STORAGE)
    paid = {"charge": payments.charge(basket["total"])} if payments.URL and features.is_on("payments") else {}
    number = orders.place(database, basket)
    if store.is_used():
        jobs.push("App\\Jobs\\ConfirmOrder", {"order": number})
    return {**basket, **paid, "order": number, "receipt": receipts.link(number)}


def sell(query, settle):
    sku = query.get("sku", ["MUG-01"])[0]
    quantity = query.get("quantity", ["1"])[0]
    if not quantity.isdecimal() or not 1 <= int(quantity) <= 1000:
        return 400, JSON, json.dumps({"error": "quantity is a number from 1 to 1000"})
    with catalogue.opened(STORAGE) as database:
        if not catalogue.known(database, sku):
            return 404, JSON, json.dumps({"error": "no such product"})
        basket = pricing.basket(database, sku, int(quantity))
        if basket["total"] <= 0:
            raise PriceInvalid(f"invalid price: {quantity} x {sku} would cost {basket['total']}")
        try:
            return 200, JSON, json.dumps(settle(database, basket))
        except sqlite3.IntegrityError as error:
            if catalogue.READ_ONLY not in str(error):
                raise
            return 423, JSON, json.dumps({"error": "we take no orders at the moment"})


def receipt(query):
    """The receipt of an order, for who has its link."""
    number, given = (query.get(name, [""])[0] for name in ("order", "signature"))
    if not number.isdecimal() or not receipts.is_signed(number, given):
        log.warning("GET '/receipt' 403 invalid signature for order %r", number[:20])
        return 403, HTML, pages.message("This link is not valid.")
    with catalogue.opened(STORAGE) as database:
        row = database.execute("SELECT sku, quantity, total FROM orders WHERE id = ?", (number,)).fetchone()
    if row is None:
        return 404, HTML, pages.message("There is no such order.")
    return 200, JSON, json.dumps(dict(zip(("sku", "quantity", "total"), row)))


def public(path):
    """A file that was put there for everybody."""
    file = (PUBLIC / path.removeprefix("/storage/")).resolve()
    if not file.is_relative_to(PUBLIC) or not file.is_file():
        return 404, HTML, pages.message("There is no such page.")
    log.info("GET %r 200 served a file of %d bytes", path, file.stat().st_size)
    return 200, "text/plain; charset=utf-8", file.read_text(errors="replace")


def up(query):
    return 200, JSON, json.dumps({"status": "up"})


def ready(query):
    parts = {name: outcome(look) for name, look in NEEDED.items()}
    well = all(said == "ok" for said in parts.values())
    return 200 if well else 503, JSON, json.dumps({"status": "ready" if well else "not ready", **parts})


def outcome(look):
    try:
        look()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "ok"


def reach_database():
    with catalogue.opened(STORAGE) as database:
        catalogue.products(database)


def reach_store(*words):
    if store.is_used():
        with store.opened() as ask:
            ask(*words)


NEEDED = {
    "database": reach_database,
    "cache": lambda: reach_store("PING"),
    "queue": lambda: reach_store("LLEN", jobs.QUEUE),
}


def version(query):
    return 200, JSON, json.dumps({"service": "shop", "version": VERSION})


def measurements(query):
    return 200, TEXT, metrics.text()


ROUTES = {
    "/": home,
    "/checkout": checkout,
    "/receipt": receipt,
    "/up": up,
    "/ready": ready,
    "/version": version,
    "/metrics": measurements,
}
POSTED = {"/checkout": order}
# What operations asks often and cheaply is not counted: it would dilute the customers' error rate.
UNCOUNTED = {"/up", "/ready", "/version", "/metrics"}


class Handler(BaseHTTPRequestHandler):
    timeout = 5
    wbufsize = -1

    def do_GET(self):
        url = urlsplit(self.path)
        started = time.perf_counter()
        closed = maintenance.answer(STORAGE, url.path, self.headers.get("Cookie", ""))
        status, kind, body, headers = closed or (*self.answered(url.path, parse_qs(url.query)), {})
        if url.path not in UNCOUNTED:
            route = url.path if url.path in ROUTES else "other"
            metrics.observe(route, status, time.perf_counter() - started)
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_HEAD = do_POST = do_GET

    def answered(self, path, query):
        posted = POSTED.get(path) if self.command == "POST" else None
        route = posted or ROUTES.get(path)
        if path not in UNCOUNTED and features.turned_away():
            return 429, HTML, pages.message("Too many visitors. Please try again in a moment.")
        if route is None:
            return public(path)
        try:
            return route(query)
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(frame.filename).name}:{frame.lineno}"
            log.error("%s %r 500 %s: %s (%s)", self.command, path, type(error).__name__, error, place)
            return 500, HTML, pages.message("Something went wrong on our side. Please try again later.")

    def log_message(self, form, *values):
        """Every request in the log would say little and fill the disk."""


class Shop(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port):
        self.busy = 0
        self.change = threading.Condition()
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self):
        # HTTPServer's own asks the resolver for the host's name, which can take seconds.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address

    def process_request_thread(self, request, client_address):
        with self.change:
            self.busy += 1
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self.change:
                self.busy -= 1
                self.change.notify_all()

    def handle_error(self, request, client_address):
        log.info("a client went away: %r", sys.exc_info()[1])

    def drain(self, seconds):
        """Wait for the requests that are being answered."""
        with self.change:
            self.change.wait_for(lambda: self.busy == 0, seconds)


def log_to(folder, name="shop.log"):
    folder.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(folder / name, maxBytes=1_000_000, backupCount=1)
    form = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    form.converter = time.gmtime
    handler.setFormatter(form)
    log.addHandler(handler)
    log.setLevel(logging.INFO)


def identity(folder):
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def end_without_storage():
    """There is no shop without its storage: when that is gone or another, so is this process."""
    here = identity(STORAGE)
    while identity(STORAGE) == here is not None:
        time.sleep(2)
    os.kill(os.getpid(), signal.SIGTERM)


def keep_open():
    """A connection for as long as this process lives. Without one, the connection of each request would be the last
    that is closed, and with that one SQLite folds the write-ahead log into the database."""
    try:
        database = catalogue.connected(STORAGE)
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        log.error("the database cannot be used: %s", error)
        return None
    return database


def main():
    log_to(STORAGE / "logs")
    if settings.FILE.exists() and not settings.get("APP_KEY"):
        raise SystemExit(f"{settings.FILE} has no APP_KEY")
    kept = keep_open()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Shop(int(os.environ["SHOP_PORT"])) as server:
        threading.Thread(target=end_without_storage, daemon=True).start()
        log.info("shop %s serves on port %d", VERSION, server.server_port)
        try:
            server.serve_forever()
        finally:
            server.server_close()
            server.drain(1)
            log.info("shop %s has stopped", VERSION)
            if kept:
                kept.close()


if __name__ == "__main__":
    main()
