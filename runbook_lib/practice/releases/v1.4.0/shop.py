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

import catalogue
import maintenance
import orders
import pages
import pricing
from metrics import Metrics

HERE = Path(__file__).resolve().parent
VERSION = (HERE / "VERSION").read_text().strip()
STORAGE = Path(os.environ.get("SHOP_STORAGE", HERE / "storage")).resolve()

HTML = "text/html; charset=utf-8"
JSON = "application/json"
TEXT = "text/plain; version=0.0.4; charset=utf-8"

log = logging.getLogger("shop")
metrics = Metrics()


def home(query):
    with catalogue.opened(STORAGE) as database:
        return 200, HTML, pages.home(catalogue.products(database), VERSION)


def checkout(query):
    """What a basket costs."""
    return sell(query, lambda database, basket: basket)


def order(query):
    """Buy it."""
    return sell(query, lambda database, basket: {**basket, "order": orders.place(database, basket)})


def sell(query, settle):
    sku = query.get("sku", ["MUG-01"])[0]
    quantity = query.get("quantity", ["1"])[0]
    if not quantity.isdecimal() or not 1 <= int(quantity) <= 1000:
        return 400, JSON, json.dumps({"error": "quantity is a number from 1 to 1000"})
    with catalogue.opened(STORAGE) as database:
        if not catalogue.known(database, sku):
            return 404, JSON, json.dumps({"error": "no such product"})
        return 200, JSON, json.dumps(settle(database, pricing.basket(database, sku, int(quantity))))


def up(query):
    return 200, JSON, json.dumps({"status": "up"})


def ready(query):
    with catalogue.opened(STORAGE) as database:
        return 200, JSON, json.dumps({"status": "ready", "products": len(catalogue.products(database))})


def version(query):
    return 200, JSON, json.dumps({"service": "shop", "version": VERSION})


def measurements(query):
    return 200, TEXT, metrics.text()


ROUTES = {
    "/": home,
    "/checkout": checkout,
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
        if route is None:
            return 404, HTML, pages.message("There is no such page.")
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


def log_to(folder):
    folder.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(folder / "shop.log", maxBytes=1_000_000, backupCount=1)
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
