"""A Laravel staging that may be broken: the real application with a PostgreSQL and a Redis of its own, a web server and
a worker, each started and stopped by a script as systemd would do it; and its runbooks.toml."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.notebooks.conftest import Project
from tests.real import laravel_app
from tests.real.databases import _postgresql, free_port

GOOD, BAD = "v1.0.1", "v1.0.2"

# What every deployment of this shop needs in addition: a /ready that reaches the cache, too.
_READY = """Route::get('/ready', function () {
    DB::select('select 1 as ready');
    \\Illuminate\\Support\\Facades\\Cache::put('ready', time(), 10);

    return 'ready';
});
"""
_BROKEN = "Route::get('/customers', function () { throw new RuntimeException('no price for this customer'); });\n"

# As a supervisor does it: each of these is one service; the process that it starts outlives the script.
SERVICE = r"""#!/bin/sh
# service.sh NAME start|stop|kill|hang|go-on|restart|pid: NAME is database, cache, web or worker.
here=$(dirname "$(realpath "$0")"); pid=$here/$1.pid; . "$here/env"
running() { [ -s "$pid" ] && kill -0 "$(cat "$pid")" 2>/dev/null; }
# The web server has processes of its own, which go with it.
group() { kill -"$1" "-$(cat "$pid")"; }
start() {
  running && return
  case $NAME in
    database) set -- $BECOME "$POSTGRES" -D "$DATA" -p "$DB_PORT" -k "$DATA" -h 127.0.0.1 -c fsync=off ;;
    cache) set -- redis-server --port "$REDIS_PORT" --bind 127.0.0.1 --save '' --appendonly no ;;
    web) cd "$APP/public"; set -- php -d opcache.enable=0 -S "127.0.0.1:$WEB_PORT" index.php ;;
    worker) cd "$APP"; set -- php artisan queue:work redis --sleep=0.2 --tries=1 "--name=$here" ;;
  esac
  [ "$NAME" != database ] || cd "$DATA"
  setsid "$@" >"$here/$NAME.log" 2>&1 </dev/null & echo $! >"$pid"
}
over() { for i in $(seq 100); do running || return 0; sleep 0.05; done; group KILL; }
stop() { running || return 0; group CONT; group "$1"; over; }
NAME=$1
case $2 in
  start) start ;;
  stop) stop INT; stop TERM ;;
  kill) stop KILL ;;
  hang) group STOP ;;
  go-on) ! running || group CONT ;;
  restart) stop TERM; start; sleep 0.5 ;;
  pid) running && cat "$pid" ;;
esac
"""

CONFIGURATION = """
[services.shop.environments.staging]
platform = "git"
url = "http://127.0.0.1:{web}"
approval.policy = "none"
observation = {{ window = 0, max_p95_ms = 5000 }}
checks = {{ within = 20, timeout = 4, smoke = [{{ name = "customers", path = "/customers" }}] }}
hosts.processes = {{ web = "127.0.0.1:{web} index.php", worker = "--name={root}" }}
redis = {{ url = {{ env = "STAGING_REDIS" }}, prefix = "shop_database_" }}
database = {{ kind = "pgsql", url = {{ env = "STAGING_DATABASE" }}, slow = 2 }}
queues = {{ store = "redis", max_waiting = 50 }}

[services.shop.environments.staging.git]
path = "app"
env = {{ {env} }}
restart = [["sh", "{root}/service.sh", "web", "restart"]]
logs = ["storage/logs/laravel.log"]

[services.shop.environments.staging.laravel]
database = "pgsql"
backup = {{ run = ["true"], check = ["true"] }}

[services.shop.environments.staging.levers]
workers = {{ restart = "command", run = {worker_restart}, processes = {worker_pid}, where = "here" }}
sessions = {{ older = 2 }}
commands.restart_database = {{ run = ["sh", "service.sh", "database", "start"] }}
commands.restart_cache = {{ run = ["sh", "service.sh", "cache", "restart"] }}

[services.shop.environments.staging.drill]
good = "{good}"
bad = "{bad}"

[services.shop.environments.staging.drill.faults]
database-down = {{ run = ["sh", "service.sh", "database", "stop"], mend = ["sh", "service.sh", "database", "start"] }}
cache-down = {{ run = ["sh", "service.sh", "cache", "kill"], mend = ["sh", "service.sh", "cache", "start"] }}
cache-hang = {{ run = ["sh", "service.sh", "cache", "hang"], mend = ["sh", "service.sh", "cache", "go-on"] }}
down = {{ run = ["sh", "service.sh", "web", "kill"], mend = ["sh", "service.sh", "web", "start"] }}
hang = {{ run = ["sh", "service.sh", "web", "hang"], mend = ["sh", "service.sh", "web", "go-on"] }}

[services.shop.environments.staging.drill.faults.queue-backlog]
run = ["sh", "-c", "sh service.sh worker hang; php push.php 400"]
mend = ["sh", "-c", "sh service.sh worker start; sh service.sh worker go-on"]

[services.shop.environments.staging.drill.faults.lock]
run = ["sh", "-c", "setsid psql -qc 'BEGIN; LOCK customers; SELECT pg_sleep(600)' >/dev/null 2>&1 & sleep 2"]
"""
_PUSH = r"""<?php
// push.php COUNT: jobs on the queue, by the application's own code.
require getenv('APP') . '/vendor/autoload.php';
$app = require getenv('APP') . '/bootstrap/app.php';
$app->make('Illuminate\Contracts\Console\Kernel')->bootstrap();
for ($i = 0; $i < (int) $argv[1]; $i++) {
    App\Jobs\PlaceOrder::dispatch("O-$i");
}
"""


@contextmanager
def staging(project: Project) -> Iterator[Project]:
    """The staging on its good release, everything running; taken away at the end."""
    root = project.root
    repository = laravel_app.build_repository(root / "repository", branches=_releases())
    subprocess.run(["git", "clone", "--quiet", str(repository), str(root / "app")], check=True)
    subprocess.run(["git", "checkout", "--quiet", GOOD], cwd=root / "app", check=True)
    laravel_app.install(root / "app")
    env = _environment(root)
    (root / "service.sh").write_text(SERVICE)
    (root / "push.php").write_text(_PUSH)
    (root / "env").write_text("".join(f"export {name}='{value}'\n" for name, value in env.items()))
    (root / "runbooks.toml").write_text(_configuration(root, env))
    os.environ.update(env)
    try:
        _first_start(root, env)
        yield project
    finally:
        for name in ("worker", "web", "cache", "database"):
            subprocess.run(["sh", "service.sh", name, "kill"], cwd=root, check=False, timeout=30)
        for name in env:
            os.environ.pop(name, None)
        shutil.rmtree(env["DATA"], ignore_errors=True)


def _releases() -> dict[str, dict[str, str]]:
    routes = laravel_app.files()["routes/api.php"]
    ready = next(line for line in routes.splitlines(keepends=True) if "'/ready'" in line)
    good = routes.replace(ready, _READY)
    # Routes that are named later win.
    return {GOOD: {"routes/api.php": good}, BAD: {"routes/api.php": good + _BROKEN}}


def _environment(root: Path) -> dict[str, str]:
    database, cache, web = str(free_port()), str(free_port()), str(free_port())
    as_postgres = "setpriv --reuid=postgres --regid=postgres --clear-groups" if os.geteuid() == 0 else ""
    return {
        "APP": str(root / "app"),
        "APP_ENV": "staging",
        "WEB_PORT": web,
        "PHP_CLI_SERVER_WORKERS": "4",
        "DB_CONNECTION": "pgsql",
        "DB_HOST": "127.0.0.1",
        "DB_PORT": database,
        "DB_DATABASE": "shop",
        "DB_USERNAME": "postgres",
        "PGHOST": "127.0.0.1",
        "PGPORT": database,
        "PGUSER": "postgres",
        "PGDATABASE": "shop",
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": cache,
        "CACHE_DRIVER": "redis",
        "QUEUE_CONNECTION": "redis",
        "BECOME": as_postgres,
        "POSTGRES": _postgresql("postgres"),
        "STAGING_REDIS": f"redis://127.0.0.1:{cache}/0",
        # Not below pytest's folders, which are for their owner alone.
        "DATA": tempfile.mkdtemp(prefix="rb-database-", dir="/tmp"),
        "STAGING_DATABASE": f"postgresql://postgres@127.0.0.1:{database}/shop",
    }


def _configuration(root: Path, env: dict[str, str]) -> str:
    names = ("APP_ENV", "CACHE_DRIVER", "QUEUE_CONNECTION", "REDIS_HOST", "REDIS_PORT")
    names += ("DB_CONNECTION", "DB_HOST", "DB_PORT", "DB_DATABASE", "DB_USERNAME")
    return CONFIGURATION.format(
        root=root,
        web=env["WEB_PORT"],
        env=", ".join(f'{name} = "{env[name]}"' for name in names),
        good=GOOD,
        bad=BAD,
        worker_restart='["sh", "service.sh", "worker", "restart"]',
        worker_pid='["sh", "service.sh", "worker", "pid"]',
    )


def _first_start(root: Path, env: dict[str, str]) -> None:
    data, become = env["DATA"], env["BECOME"].split()
    if become:
        shutil.chown(data, "postgres")
    words = ("--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", "--username=postgres")
    init = [*become, _postgresql("initdb"), "-D", data, *words]
    subprocess.run(init, cwd=data, check=True, capture_output=True, timeout=60)
    for name in ("database", "cache"):
        subprocess.run(["sh", "service.sh", name, "start"], cwd=root, check=True, timeout=30)
    create = "for i in $(seq 100); do psql -d postgres -qc 'CREATE DATABASE shop' && exit 0; sleep 0.1; done; exit 1"
    subprocess.run(["sh", "-c", create], cwd=root, check=True, timeout=60, capture_output=True)
    subprocess.run(["php", "artisan", "migrate", "--force"], cwd=root / "app", check=True, timeout=60)
    for name in ("web", "worker"):
        subprocess.run(["sh", "service.sh", name, "start"], cwd=root, check=True, timeout=30)
