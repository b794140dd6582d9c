"""Classes read from payloads as Laravel writes them, and from those of anybody else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runbook_lib.laravel.payloads import UNREADABLE, Payload, read


def job(name: str, command: str = "", shown: str = "", **more: Any) -> bytes:
    data = {"commandName": name, "command": command}
    return json.dumps({"displayName": shown or name, "job": "x@call", "data": data, **more}).encode()


def test_a_job_is_called_by_its_class() -> None:
    assert read(job("App\\Jobs\\SendInvoice")) == Payload("App\\Jobs\\SendInvoice", ("App\\Jobs\\SendInvoice",))


def test_a_name_that_is_only_shown_is_no_class() -> None:
    assert read(job("App\\Jobs\\Import", shown="Import of 7 files")).name == "App\\Jobs\\Import"


@pytest.mark.parametrize(
    "carrier",
    ["Illuminate\\Events\\CallQueuedListener", "Illuminate\\Notifications\\SendQueuedNotifications"],
)
def test_what_the_framework_carries_is_called_by_its_own_class(carrier: str) -> None:
    payload = read(job(carrier, shown="App\\Listeners\\Greet"))
    assert payload == Payload("App\\Listeners\\Greet", ("App\\Listeners\\Greet", carrier))


def test_a_closure_names_no_class_of_its_own() -> None:
    payload = read(job("Illuminate\\Queue\\CallQueuedClosure", shown="Closure (api.php:12)"))
    assert payload == Payload("Closure (api.php:12)", ("Illuminate\\Queue\\CallQueuedClosure",))


def test_a_job_pushed_by_name_is_called_by_its_class() -> None:
    text = {"displayName": "App\\Jobs\\Import@handle", "job": "App\\Jobs\\Import@handle", "data": {"file": 1}}
    assert read(json.dumps(text).encode()).classes == ("App\\Jobs\\Import",)
    assert read(b'{"job": "App\\\\Jobs\\\\Import@handle", "data": ""}').name == "App\\Jobs\\Import"


def test_classes_inside_the_serialised_job_are_read_as_text() -> None:
    serialised = (
        'O:13:"App\\Jobs\\Pack":2:{s:5:"order";O:45:"Illuminate\\Contracts\\Database\\ModelIdentifier":1:'
        '{s:5:"class";s:16:"App\\Models\\Order";}s:7:"chained";a:1:{i:0;s:30:"O:13:"App\\Jobs\\Ship":0:{}";}'
        's:5:"level";E:19:"App\\Enums\\Level:High";}'
    )
    assert read(job("App\\Jobs\\Pack", serialised)).classes == (
        "App\\Jobs\\Pack",
        "Illuminate\\Contracts\\Database\\ModelIdentifier",
        "App\\Models\\Order",
        "App\\Jobs\\Ship",
        "App\\Enums\\Level",
    )


def test_an_encrypted_job_shows_its_own_class_only() -> None:
    assert read(job("App\\Jobs\\Pay", "eyJpdiI6IkFCQyJ9")).classes == ("App\\Jobs\\Pay",)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"not JSON",
        b"[]",
        b"7",
        b"null",
        b"{}",
        b'{"data": []}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"data": {"a": 1}}',
    ],
)
def test_what_is_no_job_is_unreadable(payload: bytes) -> None:
    assert read(payload) == Payload(UNREADABLE, ())


def test_markup_in_a_name_is_no_class() -> None:
    assert read(job("<script>alert(1)</script>")).classes == ()
