"""Redis: the cache, the flags of features, the queue. Without REDIS_PORT the shop does without."""

import socket
from contextlib import contextmanager

import settings

HOST = settings.get("REDIS_HOST", "127.0.0.1")
PORT = settings.number("REDIS_PORT")
PREFIX = settings.get("REDIS_PREFIX", "shop_")
TIMEOUT = 1.0


class StoreUnavailable(ConnectionError):
    pass


class StoreError(Exception):
    """What Redis refuses."""


def is_used():
    return PORT != 0


@contextmanager
def opened():
    """A function that sends one command and returns the answer: None, a number, bytes or a list."""
    try:
        connection = socket.create_connection((HOST, PORT), timeout=TIMEOUT)
    except OSError as error:
        raise StoreUnavailable(f"Redis at {HOST}:{PORT}: connection failed ({error})") from None
    with connection, connection.makefile("rb") as answers:

        def ask(*words):
            try:
                connection.sendall(command(words))
                return answer(answers)
            except (OSError, ValueError) as error:
                raise StoreUnavailable(f"Redis at {HOST}:{PORT}: connection lost ({error})") from None

        yield ask


def command(words):
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def answer(answers):
    line = answers.readline()
    if not line:
        raise ValueError("closed")
    kind, rest = line[:1], line[1:].strip()
    if kind == b"-":
        raise StoreError(rest.decode("utf-8", "replace"))
    if kind == b":":
        return int(rest)
    if kind == b"*":
        return [answer(answers) for _ in range(int(rest))]
    if kind == b"$":
        if int(rest) < 0:
            return None
        content = answers.read(int(rest))
        answers.read(2)
        return content
    return rest
