"""What is done after the answer: jobs on the queue, written as Laravel writes them, and the worker that does them."""

import json
import time
import traceback
import uuid
from pathlib import Path

import catalogue
import store

QUEUE = f"{store.PREFIX}queues:default"
RESERVED = f"{QUEUE}:reserved"
PAUSED = f"{store.PREFIX}queues:paused"
RETRY_AFTER = 90
TRIES = 3

CONFIRM = "INSERT OR IGNORE INTO confirmations (order_id, created_at) VALUES (?, strftime('%Y-%m-%d %H:%M:%S', 'now'))"


def confirm_order(storage, data):
    """The mail would be sent here."""
    with catalogue.opened(storage) as database, database:
        database.execute(CONFIRM, (data["order"],))
        if data["order"] % 100 == 0:
            database.execute("DELETE FROM confirmations WHERE order_id <= ?", (data["order"] - 5000,))


JOBS = {"App\\Jobs\\ConfirmOrder": confirm_order}


def payload(name, data):
    job = {
        "uuid": str(uuid.uuid4()),
        "displayName": name,
        "job": "Illuminate\\Queue\\CallQueuedHandler@call",
        "attempts": 0,
        "data": {"commandName": name, "command": json.dumps(data)},
        "createdAt": int(time.time()),
    }
    return json.dumps(job)


def push(name, data):
    with store.opened() as ask:
        ask("RPUSH", QUEUE, payload(name, data))


def take(ask):
    """The next job, marked as being worked on; None when there is none or the queue is paused."""
    if ask("GET", PAUSED):
        return None
    for lost in ask("ZRANGEBYSCORE", RESERVED, "-inf", time.time()):
        if ask("ZREM", RESERVED, lost):
            ask("RPUSH", QUEUE, lost)
    taken = ask("LPOP", QUEUE)
    if taken is not None:
        ask("ZADD", RESERVED, time.time() + RETRY_AFTER, taken)
    return taken


def work(storage, ask, taken, log):
    """Do a job. One that fails goes to the end of the queue, and is given up after TRIES."""
    job = json.loads(taken)
    try:
        JOBS[job["displayName"]](storage, json.loads(job["data"]["command"]))
    except Exception as error:
        job["attempts"] += 1
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        log.error("job %r failed, %s: %s (%s)", job["displayName"], type(error).__name__, error, place)
        if job["attempts"] < TRIES:
            ask("RPUSH", QUEUE, json.dumps(job))
    ask("ZREM", RESERVED, taken)
