"""Jobs that a real application dispatched, in each place where it can keep its queues: read, set aside and put back,
with workers at work and with processes killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.command import Secret
from runbook_lib.datastores.redis import connect
from runbook_lib.datastores.sql import Sql
from runbook_lib.errors import PlatformError
from runbook_lib.laravel.classes import Classes
from runbook_lib.laravel.database_queues import DatabaseQueues
from runbook_lib.laravel.queues import Aside, Job, Store, cannot_run_in, counts, lacking
from runbook_lib.laravel.redis_queues import RedisQueues
from tests.real.databases import Database, RedisServer, fresh_database
from tests.real.laravel_app import BASE

pytestmark = [pytest.mark.real, pytest.mark.slow]

NEWER = "v1.1.0"
PREFIX = "shop_database_"
SEND, PLACE = "App\\Jobs\\SendInvoice", "App\\Jobs\\PlaceOrder"
PLACES = ["redis", "pgsql", "mysql", "sqlite"]


@dataclass(frozen=True)
class Shop:
    """The application with its queues in one place, and the store that reads them."""

    folders: dict[str, Path]
    database: Database
    env: dict[str, str]
    store: Store
    redis_port: int = 0

    def artisan(self, tag: str, *words: str) -> str:
        env = {**os.environ, **self.env}
        argv = ["php", "artisan", *words]
        done = subprocess.run(argv, cwd=self.folders[tag], env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def dispatch(self, tag: str, code: str) -> None:
        """Run PHP inside a release."""
        boot = (
            'require "vendor/autoload.php"; $app = require "bootstrap/app.php";'
            "$app->make(Illuminate\\Contracts\\Console\\Kernel::class)->bootstrap();"
        )
        env = {**os.environ, **self.env}
        subprocess.run(["php", "-r", boot + code], cwd=self.folders[tag], env=env, check=True, timeout=60)

    def work(self, tag: str) -> None:
        self.artisan(tag, "queue:work", "--stop-when-empty", "--tries=1", "--sleep=0")

    def rows(self, query: str) -> list[Any]:
        connection = self.database.connect()
        cursor = connection.cursor()
        cursor.execute(query)
        found = [row[0] for row in cursor.fetchall()]
        connection.close()
        return found

    def older(self) -> Classes:
        return Classes(lambda path: _text(self.folders[BASE] / path))


def _text(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


@pytest.fixture(params=PLACES)
def shop(
    request: pytest.FixtureRequest, installed: dict[str, Path], tmp_path: Path, redis_server: RedisServer
) -> Iterator[Shop]:
    driver = "sqlite" if request.param == "redis" else request.param
    database = fresh_database(request, driver, tmp_path)
    if request.param == "redis":
        import redis

        env = {**database.env, **redis_server.env(redis_server.fresh(1)), "QUEUE_CONNECTION": "redis"}
        with redis.Redis(port=redis_server.port, db=1) as client:
            shop = Shop(installed, database, env, RedisQueues(client, PREFIX), redis_server.port)
            shop.artisan(NEWER, "migrate", "--force")
            yield shop
        return
    env = {**database.env, "QUEUE_CONNECTION": "database"}
    shop = Shop(installed, database, env, DatabaseQueues(Sql(database.connect, database.driver)))
    shop.artisan(NEWER, "migrate", "--force")
    yield shop


DISPATCH = """
for ($i = 1; $i <= 5; $i++) {
    App\\Jobs\\SendInvoice::dispatch("O-$i");
    App\\Jobs\\PlaceOrder::dispatch("O-$i");
}
App\\Jobs\\SendInvoice::dispatch('later')->delay(3600);
App\\Jobs\\SendInvoice::dispatch('mail')->onQueue('mail');
App\\Jobs\\PlaceOrder::withChain([new App\\Jobs\\SendInvoice('chained')])->dispatch('O-9');
"""


def test_jobs_are_counted_by_class(shop: Shop) -> None:
    shop.dispatch(NEWER, DISPATCH)
    assert counts(shop.store.jobs()) == {
        "waiting": {PLACE: 6, SEND: 6},
        "delayed": {SEND: 1},
        "reserved": {},
    }
    assert {job.queue for job in shop.store.jobs()} == {"default", "mail"}


def test_what_the_older_release_lacks_is_found(shop: Shop) -> None:
    shop.dispatch(NEWER, DISPATCH)
    assert lacking(shop.store.jobs(), shop.older()) == {SEND: 8}


def test_jobs_of_the_newer_release_fail_in_the_older_one(shop: Shop) -> None:
    shop.dispatch(NEWER, "App\\Jobs\\SendInvoice::dispatch('O-1');")
    shop.work(BASE)
    assert len(shop.rows("SELECT exception FROM failed_jobs")) == 1
    assert "incomplete" in shop.rows("SELECT exception FROM failed_jobs")[0]


def test_with_those_set_aside_the_older_release_fails_none_and_the_newer_does_them_later(shop: Shop) -> None:
    shop.dispatch(NEWER, DISPATCH)
    aside = shop.store.set_aside("run-1", cannot_run_in(shop.older()))
    assert aside.counts == {PLACE: 1, SEND: 7}
    shop.work(BASE)
    assert shop.rows("SELECT exception FROM failed_jobs") == []
    assert list(shop.store.jobs()) == []

    assert shop.store.put_back(aside) == 8
    shop.work(NEWER)
    assert shop.rows("SELECT exception FROM failed_jobs") == []
    done = shop.rows("SELECT order_number FROM invoices")
    assert sorted(done) == [*(f"O-{i}" for i in range(1, 6)), "chained"]
    assert counts(shop.store.jobs()) == {"waiting": {SEND: 1}, "delayed": {SEND: 1}, "reserved": {}}


def test_a_delayed_job_keeps_its_time(shop: Shop) -> None:
    shop.dispatch(NEWER, "App\\Jobs\\SendInvoice::dispatch('later')->delay(3600);")
    shop.store.put_back(shop.store.set_aside("run-1", lambda job: True))
    shop.work(NEWER)
    assert shop.rows("SELECT order_number FROM invoices") == []
    assert counts(shop.store.jobs())["delayed"] == {SEND: 1}


def test_setting_aside_again_adds_what_has_come(shop: Shop) -> None:
    shop.dispatch(NEWER, "App\\Jobs\\SendInvoice::dispatch('one');")
    assert shop.store.set_aside("run-1", cannot_run_in(shop.older())).count == 1
    shop.dispatch(NEWER, "App\\Jobs\\SendInvoice::dispatch('two');")
    assert shop.store.set_aside("run-1", cannot_run_in(shop.older())).count == 2
    assert shop.store.aside("run-1").count == 2


def test_putting_back_twice_returns_them_once(shop: Shop) -> None:
    shop.dispatch(NEWER, DISPATCH)
    aside = shop.store.set_aside("run-1", lambda job: True)
    assert [shop.store.put_back(aside), shop.store.put_back(aside)] == [13, 0]
    assert sum(1 for _ in shop.store.jobs()) == 13


def test_a_mark_that_was_put_back_is_used_up(shop: Shop) -> None:
    shop.dispatch(NEWER, "App\\Jobs\\SendInvoice::dispatch('one');")
    shop.store.put_back(shop.store.set_aside("run-1", lambda job: True))
    with pytest.raises(PlatformError, match="was put back"):
        shop.store.set_aside("run-1", lambda job: True)
    assert shop.store.put_back(shop.store.set_aside("run-2", lambda job: True)) == 1


def test_what_was_changed_meanwhile_is_not_put_back(shop: Shop) -> None:
    shop.dispatch(NEWER, DISPATCH)
    aside = shop.store.set_aside("run-1", lambda job: True)
    with pytest.raises(PlatformError, match="not the 13 recorded"):
        shop.store.put_back(Aside(aside.mark, aside.counts, "0" * 64))
    assert list(shop.store.jobs()) == []


def test_marks_are_apart(shop: Shop) -> None:
    shop.dispatch(NEWER, DISPATCH)
    sent = shop.store.set_aside("run-1", lambda job: job.name == SEND)
    placed = shop.store.set_aside("run-2", lambda job: job.name == PLACE)
    assert (sent.counts, placed.counts) == ({SEND: 7}, {PLACE: 6})
    assert shop.store.put_back(placed) == 6
    assert counts(shop.store.jobs())["waiting"] == {PLACE: 6}


def test_a_job_that_a_worker_has_is_left_to_it(shop: Shop) -> None:
    shop.dispatch(NEWER, "App\\Jobs\\SendInvoice::dispatch('one'); app('queue')->connection()->pop();")
    assert counts(shop.store.jobs())["reserved"] == {SEND: 1}
    assert shop.store.set_aside("run-1", lambda job: True).count == 0
    assert shop.store.set_aside("run-1", lambda job: True, reserved=True).count == 1
    assert list(shop.store.jobs()) == []


def test_payloads_of_anybody_else_are_counted_and_stay(shop: Shop) -> None:
    shop.dispatch(NEWER, "app('queue')->connection()->pushRaw('{\"hello\": 1}');")
    assert counts(shop.store.jobs())["waiting"] == {"(unreadable)": 1}
    assert shop.store.set_aside("run-1", cannot_run_in(shop.older())).count == 0


def test_an_empty_store_has_no_jobs(shop: Shop) -> None:
    assert list(shop.store.jobs()) == []
    assert shop.store.set_aside("run-1", lambda job: True).count == 0
    assert shop.store.put_back(shop.store.aside("run-1")) == 0


# SQLite lets one write at a time: a worker of Laravel's fails there beside any other that writes.
@pytest.mark.parametrize("shop", ["redis", "pgsql", "mysql"], indirect=True)
def test_with_a_worker_at_work_each_job_is_done_once(shop: Shop) -> None:
    shop.dispatch(NEWER, 'for ($i = 0; $i < 300; $i++) { App\\Jobs\\SendInvoice::dispatch("O-$i"); }')
    argv = ["php", "artisan", "queue:work", "--tries=1", "--sleep=0.01"]
    env = {**os.environ, **shop.env}
    worker = subprocess.Popen(argv, cwd=shop.folders[NEWER], env=env, stdout=subprocess.DEVNULL)
    try:
        for number in range(4):
            time.sleep(0.1)
            shop.store.put_back(shop.store.set_aside(f"run-{number}", lambda job: True))
        deadline = time.monotonic() + 30
        while any(shop.store.jobs()) and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        worker.kill()
        worker.wait()
    assert sorted(shop.rows("SELECT order_number FROM invoices")) == sorted(f"O-{i}" for i in range(300))
    assert shop.rows("SELECT exception FROM failed_jobs") == []


# -- killed -----------------------------------------------------------------------------------------------------------


class Dying:
    """Counts what is sent to a store, and kills its own process before the last of `sent`."""

    def __init__(self, inner: Any, sent: list[int]) -> None:
        self._inner, self._sent = inner, sent

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._inner, name)
        if name == "cursor":
            return lambda: Dying(member(), self._sent)
        if name not in ("eval", "execute", "commit"):
            return member

        def send(*words: Any) -> Any:
            self._sent[0] -= 1
            if self._sent[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return member(*words)

        return send

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            super().__setattr__(name, value)
        else:
            setattr(self._inner, name, value)


def _dying_store(shop: Shop, sent: int) -> Store:
    import redis

    left = [sent]
    if shop.redis_port:
        client: Any = Dying(redis.Redis(port=shop.redis_port, db=1), left)
        return RedisQueues(client, PREFIX)
    database = shop.database
    return DatabaseQueues(Sql(lambda: Dying(database.connect(), left), database.driver))


def _killed(shop: Shop, sent: int, aside: Aside | None = None) -> bool:
    """Set aside or put back in a process that is killed before it sends its `sent`th command. Whether it was."""

    def work() -> None:
        store = _dying_store(shop, sent)
        if aside:
            store.put_back(aside)
        else:
            store.set_aside("run-1", lambda job: True)

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(30)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def test_killed_anywhere_nothing_is_lost_and_nothing_doubled(shop: Shop) -> None:
    number = 330
    fill = (
        "Illuminate\\Support\\Facades\\DB::beginTransaction();"
        f"for ($i = 0; $i < {number}; $i++) {{"
        '    $sent = App\\Jobs\\SendInvoice::dispatch("O-$i");'
        "    if ($i % 2) { $sent->delay(3600); }"
        "    unset($sent);"
        "}"
        "Illuminate\\Support\\Facades\\DB::commit();"
    )
    shop.dispatch(NEWER, fill)
    before = Aside.of("run-1", [job.payload for job in shop.store.jobs()])
    assert before.count == number

    seen = set()
    sent = 1
    while _killed(shop, sent):
        kept, queued = shop.store.aside("run-1").count, sum(1 for _ in shop.store.jobs())
        assert kept + queued == number
        seen.add(kept)
        sent += 1
    assert len(seen) > 2
    assert shop.store.aside("run-1") == before
    assert list(shop.store.jobs()) == []

    seen = set()
    sent = 1
    while _killed(shop, sent, before):
        queued = [job.payload for job in shop.store.jobs()]
        assert len(queued) == len(set(queued))
        seen.add(len(queued))
        sent += 1
    assert len(seen) > 2
    assert Aside.of("run-1", [job.payload for job in shop.store.jobs()]) == before
    assert counts(shop.store.jobs()) == {"waiting": {SEND: 165}, "delayed": {SEND: 165}, "reserved": {}}


# -- Redis alone ------------------------------------------------------------------------------------------------------


def test_keys_of_other_applications_are_left_alone(redis_server: RedisServer) -> None:
    import redis

    redis_server.fresh(2)
    with redis.Redis(port=redis_server.port, db=2) as client:
        client.rpush("a*b_queues:default", b"own")
        client.rpush("aXb_queues:default", b"other")
        store = RedisQueues(client, "a*b_")
        assert [job.payload for job in store.jobs()] == [b"own"]
        assert store.set_aside("m", lambda job: True).count == 1
        assert client.lrange("aXb_queues:default", 0, -1) == [b"other"]


def test_a_flag_among_the_queues_is_no_queue(redis_server: RedisServer) -> None:
    import redis

    redis_server.fresh(2)
    with redis.Redis(port=redis_server.port, db=2) as client:
        client.rpush("shop_queues:default", b"one")
        client.set("shop_queues:paused", 1)
        assert list(RedisQueues(client, "shop_").depths()) == ["default"]


def test_names_for_a_cluster_stay_in_one_slot(redis_server: RedisServer) -> None:
    import redis

    redis_server.fresh(2)
    with redis.Redis(port=redis_server.port, db=2) as client:
        client.rpush("queues:{default}", b"job")
        store = RedisQueues(client, "")
        aside = store.set_aside("m", lambda job: True)
        assert client.keys() == [b"queues:{default}:aside:m"]
        assert store.put_back(aside) == 1
        assert [job.queue for job in store.jobs()] == ["{default}"]


def test_payloads_are_moved_byte_by_byte(redis_server: RedisServer) -> None:
    import redis

    redis_server.fresh(2)
    odd = [b"", b"\x00\xff\n\n", b"a\nb\nc", b"\n"]
    with redis.Redis(port=redis_server.port, db=2) as client:
        client.rpush("queues:odd", *odd)
        client.zadd("queues:odd:delayed", {b"\nx\x00": 1772323200.25})
        store = RedisQueues(client, "")
        store.put_back(store.set_aside("m", lambda job: True))
        assert client.lrange("queues:odd", 0, -1) == odd
        assert client.zrange("queues:odd:delayed", 0, -1, withscores=True) == [(b"\nx\x00", 1772323200.25)]


def test_a_redis_that_is_not_there_is_told() -> None:
    with pytest.raises(PlatformError, match="Redis") as told:
        list(RedisQueues(connect(Secret("redis://:pass-9a3@127.0.0.1:1/0")), "").jobs())
    assert "pass-9a3" not in str(told.value)


def test_a_database_that_is_not_there_is_told() -> None:
    store = DatabaseQueues(Sql(Database("pgsql", "none", 1, "nobody").connect, "pgsql"))
    with pytest.raises(PlatformError, match="the database"):
        list(store.jobs())


def test_a_name_of_a_table_is_a_name() -> None:
    with pytest.raises(PlatformError, match="is no name of a table"):
        DatabaseQueues(Sql(lambda: None, "sqlite"), "jobs; DROP TABLE users")


def test_a_job_is_its_own_in_the_place_where_it_is() -> None:
    assert Job("default", "waiting", b"{}") != Job("mail", "waiting", b"{}")
