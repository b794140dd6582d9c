"""Messages of logs over time: since when, how often before, on which hosts."""

from __future__ import annotations

import time

import pytest

from runbook_lib.command import MASK, Secret
from runbook_lib.platforms.base import LogLine
from runbook_lib.probes.messages import MOST, host_log, messages

NOW = 1_700_000_000.0


def log(*entries: tuple[float, str], host: str = "web-1"):
    return host_log([LogLine(host, text, NOW + at) for at, text in entries], NOW)


def test_a_message_that_began_lately_is_new_where_the_log_goes_back_further() -> None:
    found = log((-3600, "INFO started"), (-60, "ERROR order 1 failed"), (-30, "ERROR order 2 failed"))
    (message,) = messages({"web-1": found}, {})
    assert message.count == 2
    assert message.before == 0
    assert message.began == NOW - 60
    assert message.is_new


def test_a_log_that_begins_with_the_message_does_not_say_that_it_is_new() -> None:
    (message,) = messages({"web-1": log((-60, "ERROR boom"), (-30, "ERROR boom"))}, {})
    assert not message.is_new


def test_a_message_of_long_ago_that_comes_back_began_anew_and_is_not_new() -> None:
    found = log((-7200, "ERROR boom"), (-7190, "ERROR boom"), (-20, "ERROR boom"))
    (message,) = messages({"web-1": found}, {})
    assert (message.count, message.before, message.began) == (1, 2, NOW - 20)
    assert not message.is_new


def test_a_message_that_came_every_second_and_paused_for_a_minute_began_anew() -> None:
    before, now = [(-200.0 + n, "ERROR boom") for n in range(60)], [(-60.0 + n, "ERROR boom") for n in range(60)]
    (message,) = messages({"web-1": log(*before, *now)}, {})
    assert (message.began, message.count, message.before) == (NOW - 60, 60, 60)


def test_a_message_that_comes_every_few_minutes_goes_on() -> None:
    (message,) = messages({"web-1": log(*[(-3600.0 + 300 * n, "ERROR boom") for n in range(12)])}, {})
    assert message.began == NOW - 3600


def test_a_message_that_comes_back_with_a_release_began_anew() -> None:
    found = log((-200, "ERROR boom"), (-60, "ERROR boom"), (-55, "ERROR boom"))
    (message,) = messages({"web-1": found}, {}, switched=[NOW - 62])
    assert (message.began, message.before) == (NOW - 60, 1)
    (message,) = messages({"web-1": found}, {})
    assert message.began == NOW - 200


def test_a_message_that_went_on_while_a_release_went_live_did_not_begin_with_it() -> None:
    found = log(*[(-600.0 + 15 * n, "ERROR boom") for n in range(40)])
    (message,) = messages({"web-1": found}, {}, switched=[NOW - 62])
    assert message.began == NOW - 600


def test_clocks_that_differ_are_corrected() -> None:
    logs = {"web-1": log((-60, "ERROR boom")), "web-2": log((240, "ERROR boom"), host="web-2")}
    (message,) = messages(logs, {"web-2": 300.0})
    assert message.last == message.first == NOW - 60
    assert message.hosts == ("web-1", "web-2")


def test_lines_of_the_future_and_without_time_do_no_harm() -> None:
    lines = [LogLine("web-1", "ERROR boom", 9e12), LogLine("web-1", "ERROR no time", None)]
    (message,) = messages({"web-1": host_log(lines, NOW)}, {})
    assert message.last <= NOW + 300


def test_warnings_about_keys_are_kept_apart() -> None:
    found = log((-10, "WARNING request with a revoked API key from 10.9.8.7"), (-9, "INFO key accepted"))
    assert not messages({"web-1": found}, {})
    assert len(messages({"web-1": found}, {}, suspicious=True)) == 1


def test_secrets_are_masked_and_control_characters_shown() -> None:
    Secret("hunter2-hunter2")
    (message,) = messages({"web-1": log((-10, "ERROR hunter2-hunter2 \x1b[2Jx"))}, {})
    assert MASK in message.text
    assert "\x1b" not in message.text


@pytest.mark.slow
def test_any_number_of_hostile_lines_is_read_in_bounded_time_and_memory() -> None:
    lines = [LogLine("web-1", "ERROR " + chr(0x4E00 + n % 5000) * 3000 + "'\"" * 50, NOW) for n in range(4000)]
    began = time.monotonic()
    found = host_log(lines, NOW)
    assert len(found.times) <= MOST
    assert time.monotonic() - began < 5
