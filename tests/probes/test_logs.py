"""Errors in logs, grouped by message."""

from __future__ import annotations

import time

import pytest

from runbook_lib.command import MASK, Secret
from runbook_lib.platforms.base import LogLine
from runbook_lib.probes.logs import errors, example_of, message_of, new_errors


def lines(*texts):
    return [LogLine("web-1", text) for text in texts]


@pytest.mark.parametrize(
    "text",
    ["[2026-01-01] production.ERROR: boom", "CRITICAL disk", "PHP Fatal: Uncaught TypeError", "FATAL: role",
     "Traceback (most recent call last):"],
)  # fmt: skip
def test_an_error_is_seen(text):
    assert sum(errors(lines(text)).values()) == 1


@pytest.mark.parametrize("text", ["INFO started", "no errors today", "ERRORLEVEL=0", "error_reporting = E_ALL", ""])
def test_what_is_no_error_is_left_out(text):
    assert not errors(lines(text))


def test_occurrences_of_one_message_are_counted_together():
    found = errors(
        lines(
            'ERROR: order 17 of "ada" failed at 10:00:01 0xdeadbeef',
            'ERROR: order 1234 of "bob" failed at 11:22:33 0x12345678',
        )
    )
    assert list(found.values()) == [2]


def test_only_what_was_not_there_before_is_new():
    before = lines("ERROR: slow query 1", "INFO x")
    after = lines("ERROR: slow query 2", "ERROR: price is null", "ERROR: price is null")
    assert new_errors(before, after) == {"ERROR: price is null": 2}


def test_a_message_comes_out_printable_and_masked():
    secret = Secret("logged-s3cret-value")
    (message,) = errors(lines(f"ERROR \x1b[31m {secret.reveal()}"))
    assert message.isprintable()
    assert MASK in message


def test_an_example_is_the_line_without_its_time():
    line = "[2026-01-31 12:00:00] production.ERROR: the provider answers 401: {'order': 7}"
    assert example_of(line) == "production.ERROR: the provider answers 401: {'order': 7}"
    assert message_of(line) == "production.ERROR: the provider answers …: {…: …}"


def test_a_monstrous_line_is_read_quickly():
    started = time.monotonic()
    errors(lines("ERROR " + "a-" * 500_000, "'" * 100_000 + "ERROR"))
    assert time.monotonic() - started < 10
