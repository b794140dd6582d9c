"""Counting and choosing jobs, without any store."""

from __future__ import annotations

import json

import pytest

from runbook_lib.errors import PlatformError
from runbook_lib.laravel.classes import Classes
from runbook_lib.laravel.queues import Aside, Job, cannot_run_in, checked_mark, counts, lacking, refuse_other

OLD = Classes(
    {
        "composer.json": '{"autoload": {"psr-4": {"App\\\\": "app/"}}}',
        "app/Jobs/Place.php": "<?php\nnamespace App\\Jobs;\nclass Place {}\n",
    }.get
)


def payload(name: str, chained: str = "") -> bytes:
    command = f'O:{len(name)}:"{name}":1:{{s:7:"chained";a:1:{{i:0;s:9:"O:9:"{chained}":0:{{}}";}}}}' if chained else ""
    return json.dumps({"displayName": name, "data": {"commandName": name, "command": command}}).encode()


JOBS = [
    Job("default", "waiting", payload("App\\Jobs\\Place")),
    Job("default", "waiting", payload("App\\Jobs\\Send")),
    Job("mail", "delayed", payload("App\\Jobs\\Send")),
    Job("mail", "waiting", payload("App\\Jobs\\Place", "App\\Jobs\\Send")),
    Job("mail", "reserved", b"not JSON"),
]


def test_jobs_are_counted_by_class_and_place() -> None:
    assert counts(JOBS) == {
        "waiting": {"App\\Jobs\\Place": 2, "App\\Jobs\\Send": 1},
        "delayed": {"App\\Jobs\\Send": 1},
        "reserved": {"(unreadable)": 1},
    }


def test_the_classes_that_a_release_lacks_are_counted() -> None:
    assert lacking(JOBS, OLD) == {"App\\Jobs\\Send": 3}


def test_a_job_whose_chain_goes_on_with_a_missing_class_cannot_run() -> None:
    assert [cannot_run_in(OLD)(job) for job in JOBS] == [False, True, True, True, False]


def test_the_checksum_does_not_depend_on_the_order() -> None:
    assert Aside.of("m", [b"a", b"b"]) == Aside.of("m", [b"b", b"a"])
    assert Aside.of("m", [b"a", b"b"]) != Aside.of("m", [b"a", b"c"])
    assert Aside.of("m", [b"a", b"a"]).count == 2


@pytest.mark.parametrize("mark", ["", "a b", "*", "a:b", "a/b", "x" * 200, "-a", "a\n"])
def test_a_mark_is_a_plain_name(mark: str) -> None:
    with pytest.raises(PlatformError, match="cannot be a mark"):
        checked_mark(mark)


def test_what_is_kept_has_to_be_what_was_recorded() -> None:
    with pytest.raises(PlatformError, match="1 jobs are kept, which are not the 2 recorded"):
        refuse_other(Aside.of("m", [b"a"]), Aside.of("m", [b"a", b"b"]))


def test_a_payload_is_in_no_representation() -> None:
    assert "commandName" not in repr(JOBS[0])
