"""Maintenance mode as Laravel has it: a file in the storage that says how requests are refused."""

import base64
import hashlib
import hmac
import json
import time
from http.cookies import CookieError, SimpleCookie

COOKIE = "laravel_maintenance"
HOURS = 12
# What operations asks stays open.
OPEN = {"/up", "/version", "/metrics"}
HTML = "text/html; charset=utf-8"
REFUSED = "<!doctype html><title>Service Unavailable</title><p>503 Service Unavailable</p>\n"
VIEWS = {"errors::503": REFUSED}


def flag(storage):
    return storage / "framework" / "down"


def begin(storage, options):
    """Refuse requests from now on; False, and nothing is changed, where that is so already."""
    file = flag(storage)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Never over another's: the options of before stay.
        with file.open("x") as fresh:
            fresh.write(json.dumps(options, indent=4))
    except FileExistsError:
        return False
    return True


def end(storage):
    """Serve again; False where nothing was refused."""
    try:
        flag(storage).unlink()
    except FileNotFoundError:
        return False
    return True


def options(storage):
    """How requests are refused, or None when they are not."""
    try:
        text = flag(storage).read_text()
    except FileNotFoundError:
        return None
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError):
        return {}


def answer(storage, path, cookies):
    """Status, kind, body and more headers for a request that is not let in; None for one that is."""
    down = None if path in OPEN else options(storage)
    if down is None:
        return None
    secret = down.get("secret")
    if secret and path.strip("/") == secret:
        return 302, HTML, "", {"Location": "/", "Set-Cookie": cookie(secret)}
    if secret and lets_in(cookies, secret):
        return None
    headers = {"Retry-After": down.get("retry"), "Refresh": down.get("refresh")}
    set_ones = {name: str(value) for name, value in headers.items() if value is not None}
    return int(down.get("status") or 503), HTML, down.get("template") or REFUSED, set_ones


def cookie(secret):
    expires = int(time.time()) + HOURS * 3600
    payload = json.dumps({"expires_at": expires, "mac": mac(expires, secret)})
    value = base64.b64encode(payload.encode()).decode()
    return f'{COOKIE}="{value}"; Max-Age={HOURS * 3600}; Path=/; HttpOnly; SameSite=Lax'


def lets_in(cookies, secret):
    try:
        held = SimpleCookie(cookies).get(COOKIE)
        payload = json.loads(base64.b64decode(held.value)) if held else {}
        expires = int(payload["expires_at"])
        return hmac.compare_digest(mac(expires, secret), str(payload["mac"])) and expires >= time.time()
    except (CookieError, ValueError, KeyError, TypeError):
        return False


def mac(expires, secret):
    return hmac.new(secret.encode(), str(expires).encode(), hashlib.sha256).hexdigest()
