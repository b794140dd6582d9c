"""The runbooks.toml of the practice environment and the scripts that it names."""

from __future__ import annotations

import json
import secrets
import shlex
from pathlib import Path

from runbook_lib.practice.ground import PROVIDER, SERVICE, Ground, Marker, Site, replace
from runbook_lib.practice.server import LOOPBACK

HEAD = f"""\
# The practice environment, written by `runbook practice start`. What is changed here is overwritten.

[journal]
folder = ".."

[services.{SERVICE}]
description = "Practice environment: a small shop on this machine, under synthetic traffic."
owner = "on-call"
"""

ENVIRONMENT = """
[services.{service}.environments.{name}]
platform = "git"
url = "{url}"
{staging}
[services.{service}.environments.{name}.git]
layout = "releases"
path = "{name}"
repository = "repository"
shared = ["storage", ".env"]
restart = [["sh", {restart}]]
logs = ["storage/logs/shop.log", "storage/logs/worker.log"]

[services.{service}.environments.{name}.laravel]
php = ["sh", {php}]
sql = {sql}
database = "sqlite"
after_switch = ["config:clear", "view:clear", "queue:restart"]
# The stand-in for a worker runs no code of the shop, and nobody starts it again.
workers_within = 0
bypass = {{ file = {bypass} }}

[services.{service}.environments.{name}.laravel.backup]
run = [{python}, "-I", "-c", {backup}]
check = [{python}, "-I", "-c", {backup_check}]

[services.{service}.environments.{name}.database]
kind = "sqlite"
file = "{name}/shared/storage/shop.db"
timeout = 3

[services.{service}.environments.{name}.redis]
url = {{ file = "{name}/run/redis.url" }}
prefix = "shop_"
timeout = 2

[services.{service}.environments.{name}.queues]
store = "redis"
failed = ""
max_waiting = 200

[services.{service}.environments.{name}.dependencies.payments]
url = "{payments}"
status = 200
max_ms = 800
feature = "payments"

[services.{service}.environments.{name}.rotation]
restart = [["sh", {restart}]]

[services.{service}.environments.{name}.rotation.secrets.APP_KEY]
kind = "app_key"
places = [{{ kind = "env_file", file = ".env" }}]
check = {{ run = [{python}, "-I", "-S", "-c", {key_check}, "{url}"] }}

[services.{service}.environments.{name}.backups]
folder = "backups"
compression = "gzip"

[[services.{service}.environments.{name}.data_checks]]
name = "prices that are none"
sql = "SELECT * FROM prices WHERE cents <= 0"
tables = ["prices"]

[[services.{service}.environments.{name}.data_checks]]
name = "orders whose total is none"
sql = "SELECT * FROM orders WHERE total <= 0"
tables = ["orders"]

[services.{service}.environments.{name}.checks]
up = "/up"
ready = "/ready"
version = "/version"
timeout = 2
within = 15
smoke = [
  {{ name = "home page", path = "/", contains = "Welcome to the shop" }},
  {{ name = "checkout", path = "/checkout?sku=MUG-01&quantity=1", contains = "total" }},
]

[services.{service}.environments.{name}.observation]
window = 8
interval = 0.5
min_requests = 20
max_error_rate = 0.01
max_p95_ms = 250
metrics = "/metrics"

[services.{service}.environments.{name}.approval]
policy = "{approval}"

[services.{service}.environments.{name}.hosts]
processes = {{ shop = {shop}, worker = {worker} }}
folders = [".", "storage"]

[services.{service}.environments.{name}.levers.features.recommendations]
redis = "shop_features:recommendations"

[services.{service}.environments.{name}.levers.features.payments]
redis = "shop_features:payments"

[services.{service}.environments.{name}.levers.rate_limit]
by = "command"
run = {limit}
undo = {unlimit}
per = "all"

[services.{service}.environments.{name}.levers.read_only]
run = {read_only}
undo = {writable}
refused = {try_writing}
where = "first"

[services.{service}.environments.{name}.levers.workers]
restart = "command"
run = {restart_worker}
processes = {worker_pid}
where = "first"
within = 10

[services.{service}.environments.{name}.levers.queues]
by = "command"
pause = {pause}
resume = {go_on}
paused = {paused}

[services.{service}.environments.{name}.levers.disk]
run = {free_disk}
path = {folder}
percent = 0
where = "first"

[services.{service}.environments.{name}.levers.commands.restart_cache]
run = {restart_cache}

[services.{service}.environments.{name}.levers.commands.attach_database]
run = {attach_database}

[services.{service}.environments.{name}.levers.commands.end_locking_import]
run = {end_import}
"""

RESTART = """\
#!/bin/sh
# Ends what serves and starts the code behind `current`.
exec {python} -I -S {server} restart {folder} {port}
"""


PHP = """\
#!/bin/sh
# Stands for PHP: runs artisan, also where that is started from inside PHP, so that a secret is in no argument.
test "$1" != -r || {{ shift 3; set -- artisan "$@"; }}
exec {python} -I -S "$@"
"""


# SQLite's own backup: right while the shop writes.
BACKUP = "import sqlite3; sqlite3.connect('storage/shop.db').backup(sqlite3.connect('storage/backup.db'))"
BACKUP_CHECK = (
    "import sqlite3, sys; "
    "sys.exit(sqlite3.connect('storage/backup.db').execute('PRAGMA integrity_check').fetchone() != ('ok',))"
)


# The shop believes a link to a receipt that is signed with its key, and no other. The key is read, not an argument.
KEY_CHECK = """\
import hashlib, hmac, sys, urllib.error, urllib.request
signed = hmac.new(sys.stdin.buffer.read().strip(), b"receipt 1", hashlib.sha256).hexdigest()
try:
    urllib.request.urlopen(f"{sys.argv[1]}/receipt?order=1&signature={signed}", timeout=5)
except urllib.error.HTTPError as answer:
    sys.exit(1 if answer.code == 403 else 0 if answer.code == 404 else 2)
except OSError:
    sys.exit(2)
"""


def url(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def write(ground: Ground, marker: Marker) -> None:
    """Write the configuration and what it names of each environment, where they differ from what they should be."""
    replace(ground.php, PHP.format(python=shlex.quote(marker.python)))
    for site in ground.sites:
        replace(site.restart, _restart(site, marker))
        _keep_secret(site.bypass)
        # The parts of Redis' protocol that came later are not spoken here.
        replace(site.run / "redis.url", f"redis://{LOOPBACK}:{marker.ports[site.store]}/0?protocol=2\n")
    replace(ground.configuration, text(ground, marker))


def text(ground: Ground, marker: Marker) -> str:
    """The configuration of a practice environment."""
    return HEAD + "".join(_environment(ground, site, marker) for site in ground.sites)


def _environment(ground: Ground, site: Site, marker: Marker) -> str:
    return ENVIRONMENT.format(
        service=SERVICE,
        name=site.name,
        url=url(marker.ports[site.name]),
        payments=f"{url(marker.ports[PROVIDER])}/{site.name}",
        approval=marker.approval,
        staging='staging = "staging"\n' if site.name == "production" else "",
        restart=_quoted(str(site.restart)),
        python=_quoted(marker.python),
        key_check=_quoted(KEY_CHECK),
        sql=_words(marker.python, "-I", "-S", "artisan", "sql"),
        php=_quoted(str(ground.php)),
        bypass=_quoted(str(site.bypass)),
        backup=_quoted(BACKUP),
        backup_check=_quoted(BACKUP_CHECK),
        shop=_quoted(f"shop.py {site.folder}"),
        worker=_quoted(f"artisan queue:work --name={site.folder}"),
        folder=_quoted(str(site.folder)),
        **_levers(site, marker),
    )


def _levers(site: Site, marker: Marker) -> dict[str, str]:
    """The commands of the levers, as TOML lists."""
    php = (marker.python, "-I", "-S")
    # By path, since some run on this machine and not in the application's folder.
    artisan = (*php, str(site.current / "artisan"))
    server = (*php, marker.server)
    folder = str(site.folder)
    commands = {
        "limit": (*artisan, "limit", "{rate}"),
        "unlimit": (*artisan, "limit", "off"),
        "read_only": (*artisan, "read-only", "on"),
        "writable": (*artisan, "read-only", "off"),
        "try_writing": (*artisan, "read-only", "try"),
        "restart_worker": (*server, "restart-worker", folder),
        "worker_pid": (*server, "pid", str(site.worker_lock)),
        "pause": (*artisan, "queue:pause"),
        "go_on": (*artisan, "queue:continue"),
        "paused": (*artisan, "queue:paused"),
        "free_disk": (*artisan, "exports:clear"),
        "restart_cache": (*server, "restart-store", folder, str(marker.ports[site.store])),
        "attach_database": (*server, "attach", folder),
        "end_import": (*server, "stop", str(site.import_lock)),
    }
    return {name: _words(*words) for name, words in commands.items()}


def _words(*words: str) -> str:
    """A command as a TOML list."""
    return f"[{', '.join(map(_quoted, words))}]"


def _keep_secret(file: Path) -> None:
    """A secret that nobody else reads, made once."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(f"{secrets.token_hex(12)}\n")


def _quoted(text: str) -> str:
    """A JSON string is a TOML basic string once DEL, which JSON leaves as it is, cannot occur in a path."""
    return json.dumps(text, ensure_ascii=False)


def _restart(site: Site, marker: Marker) -> str:
    return RESTART.format(
        python=shlex.quote(marker.python),
        server=shlex.quote(marker.server),
        folder=shlex.quote(str(site.folder)),
        port=marker.ports[site.name],
    )
