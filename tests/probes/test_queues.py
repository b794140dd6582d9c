"""How full the queues are, counted by the real stores."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from runbook_lib.command import Secret
from runbook_lib.datastores.redis import connect
from runbook_lib.datastores.sql import Place, Sql, server
from runbook_lib.laravel.database_queues import DatabaseQueues
from runbook_lib.laravel.queues import Depth
from runbook_lib.laravel.redis_queues import RedisQueues
from runbook_lib.probes.queues import QueueState, _failed_since
from tests.real.databases import Database, Driver, RedisServer, fresh_database

PREFIX = "shop_"


def test_a_redis_queue_is_counted_and_its_oldest_job_found(redis_server: RedisServer) -> None:
    redis_server.fresh()
    client = connect(Secret(f"redis://127.0.0.1:{redis_server.port}/0"), 2)
    now = time.time()
    client.rpush("shop_queues:mail", json.dumps({"createdAt": now - 900}), json.dumps({"createdAt": now - 5}))
    client.zadd("shop_queues:mail:delayed", {"later": now + 600, "due": now - 60})
    client.zadd("shop_queues:mail:reserved", {"at work": now + 60})
    client.rpush("shop_queues:reports", b"\xff no json")
    client.rpush("other_queues:mail", "not ours")
    depths = RedisQueues(client, PREFIX).depths()
    mail = depths["mail"]
    assert (mail.waiting, mail.delayed, mail.reserved) == (3, 1, 1)
    assert mail.oldest is not None
    assert abs(mail.oldest - (now - 900)) < 1
    assert depths["reports"] == Depth(waiting=1)
    assert set(depths) == {"mail", "reports"}


def test_a_hundred_thousand_jobs_are_counted_without_reading_them(redis_server: RedisServer) -> None:
    redis_server.fresh()
    client = connect(Secret(f"redis://127.0.0.1:{redis_server.port}/0"), 5)
    for _ in range(10):
        client.rpush("shop_queues:mail", *["x" * 100] * 10_000)
    sent = client.info("stats")["total_net_output_bytes"]
    assert RedisQueues(client, PREFIX).depths()["mail"].waiting == 100_000
    assert client.info("stats")["total_net_output_bytes"] - sent < 100_000
    redis_server.fresh()


@pytest.mark.parametrize("driver", ["pgsql", "mysql", "sqlite"])
def test_a_database_queue_is_counted(driver: Driver, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    database = fresh_database(request, driver, tmp_path)
    now = int(time.time())
    connection = database.connect()
    cursor = connection.cursor()
    cursor.execute(
        "CREATE TABLE jobs (id int, queue varchar(99), payload text, attempts int, reserved_at int, "
        "available_at int, created_at int)"
    )
    cursor.execute("CREATE TABLE failed_jobs (queue varchar(99), failed_at timestamp)")
    rows = [("mail", "NULL", now - 700), ("mail", "NULL", now + 99), ("mail", str(now), now - 5), ("x", str(now), now)]
    for number, (queue, reserved, available) in enumerate(rows):
        cursor.execute(f"INSERT INTO jobs VALUES ({number}, '{queue}', 'p', 0, {reserved}, {available}, {now})")
    for days in ("2001-01-01 00:00:00", time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now - 60))):
        cursor.execute(f"INSERT INTO failed_jobs VALUES ('mail', '{days}')")
    connection.commit()
    connection.close()
    sql = way(database)
    assert DatabaseQueues(sql).depths() == {
        "mail": Depth(1, 1, 1, float(now - 700)),
        "x": Depth(0, 0, 1, None),
    }
    assert _failed_since(sql, "failed_jobs", now - 3600) == {"mail": 1}


def way(database: Database) -> Sql:
    if database.driver == "sqlite":
        return Sql(database.connect, "sqlite")
    place = Place(database.driver, "127.0.0.1", database.port, database.user, Secret(""), database.name)
    return Sql(server(place, 4), database.driver)


def test_the_oldest_of_all_queues_counts() -> None:
    seen = QueueState(1000.0, {"a": Depth(waiting=2, oldest=900.0), "b": Depth(waiting=1, oldest=400.0), "c": Depth()})
    assert seen.oldest_age == 600.0
    assert seen.waiting == 3
    assert QueueState(1000.0, {"c": Depth()}).oldest_age == 0.0
