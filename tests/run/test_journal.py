"""The record: what is written stays, what was changed is found, what cannot be written stops everything."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.command import MASK, Secret
from runbook_lib.errors import JournalCorruptError, JournalError
from runbook_lib.run.journal import Journal


def fill(journal: Journal, run: str = "r1", steps: int = 3) -> None:
    journal.append(run, "opened", {"runbook": "rollback", "environment": "shop/production", "identity": "i"})
    for number in range(steps):
        journal.append(run, "step started", {"step": str(number)})
    journal.append(run, "closed", {"status": "succeeded"})


@pytest.fixture
def filled(journal: Journal) -> Journal:
    fill(journal)
    return journal


def tamper(journal: Journal, script: str) -> None:
    """Change the file as somebody would who has read the schema."""
    with sqlite3.connect(journal.file) as connection:
        connection.executescript("DROP TRIGGER events_stay; DROP TRIGGER events_remain;" + script)


# -- appending ------------------------------------------------------------------------------------------------------


def test_events_are_numbered_without_gaps_and_chained(filled):
    assert [event.seq for event in filled.events()] == [1, 2, 3, 4, 5]
    assert filled.verify() == 5


def test_an_event_comes_back_as_it_went_in(journal):
    data = {"text": "ünïcode", "number": 1.5, "list": [1, None, True], "nested": {"a": "b"}}
    written = journal.append("r1", "kind", data)
    assert list(journal.events()) == [written]
    assert written.data == data


def test_events_can_be_had_by_run_kind_and_number(filled):
    fill(filled, "r2", steps=1)
    assert {event.run for event in filled.events("r2")} == {"r2"}
    assert [event.seq for event in filled.events(kind="opened")] == [1, 6]
    assert [event.seq for event in filled.events(after=6)] == [7, 8]


def test_what_is_no_json_is_not_written(journal):
    with pytest.raises((TypeError, ValueError)):
        journal.append("r1", "kind", {"number": float("nan")})
    assert list(journal.events()) == []


@pytest.mark.parametrize(
    "text",
    ["'; DROP TABLE events; --", "\x1b[31mred\x00", "\u202egnp.exe", "<script>", "\ud83d", "a\nb\r\n", "x" * 100_000],
    ids=["sql", "control", "direction", "html", "half a surrogate pair", "lines", "long"],
)
def test_hostile_text_is_kept_as_text(journal, text):
    journal.append("r1", "kind", {"text": text, text: "key"})
    assert [event.data for event in journal.events()] == [{"text": text, text: "key"}]
    assert journal.verify() == 1


@pytest.mark.parametrize("value", ["s3cret", 'with "quotes"', "back\\slash", "two\nlines", "ümlaut"])
def test_a_secret_is_masked_wherever_it_stands(journal, value):
    Secret(value)
    data = {"text": f"password {value}!", "list": [value], "nested": {"deep": [{"x": value}]}}
    written = journal.append("r1", "kind", data)
    assert written.data == {"text": f"password {MASK}!", "list": [MASK], "nested": {"deep": [{"x": MASK}]}}
    assert next(journal.events()) == written


@pytest.mark.parametrize("value", ["true", '"', ":", "1"])
def test_a_secret_that_looks_like_json_does_not_break_the_record(journal, value, monkeypatch):
    monkeypatch.setattr("runbook_lib.command._known", {value})
    journal.append("r1", "kind", {"flag": True, "number": 1})
    assert next(journal.events()).data == {"flag": True, "number": 1}


def test_only_the_owner_can_read_the_record(journal):
    journal.append("r1", "kind", {})
    assert journal.file.stat().st_mode & 0o777 == 0o600
    assert journal.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("statement", ["UPDATE events SET kind = 'x'", "DELETE FROM events"])
def test_events_can_be_neither_changed_nor_deleted(filled, statement):
    with pytest.raises(sqlite3.DatabaseError, match="append-only"), sqlite3.connect(filled.file) as connection:
        connection.execute(statement)


def test_a_clock_that_goes_backwards_does_not_confuse_the_order(journal, monkeypatch):
    fill(journal, "r1")
    real = time.time
    monkeypatch.setattr("runbook_lib.run.journal.time.time", lambda: real() - 86_400)
    fill(journal, "r2")
    assert [record.run for record in journal.runs()] == ["r2", "r1"]
    assert [event.seq for event in journal.events()] == list(range(1, 11))
    assert journal.verify() == 10


# -- summaries ------------------------------------------------------------------------------------------------------


def test_the_summary_follows_the_events(journal):
    journal.append("r1", "opened", {"runbook": "rollback", "environment": "e", "identity": "i"})
    statuses = [journal.run("r1").status]
    for kind in ("approval asked", "approved", "interrupted", "continued"):
        journal.append("r1", kind, {})
        statuses.append(journal.run("r1").status)
    journal.append("r1", "closed", {"status": "failed"})
    assert [*statuses, journal.run("r1").status] == [
        "running", "waiting", "running", "interrupted", "running", "failed",
    ]  # fmt: skip


def test_unfinished_runs_are_found_by_what_makes_them_the_same_command(journal):
    fill(journal, "done")
    journal.append("left", "opened", {"runbook": "rollback", "environment": "e", "identity": "i"})
    assert [record.run for record in journal.runs(identity="i", unfinished=True)] == ["left"]
    assert journal.runs(identity="j") == []


def test_a_run_is_found_by_the_beginning_of_its_id(filled):
    fill(filled, "other")
    assert filled.run("oth").run == "other"


@pytest.mark.parametrize("name", ["", "r", "nothing", "%", "r_"])
def test_a_run_that_is_not_one_is_refused(filled, name):
    fill(filled, "r2")
    with pytest.raises(JournalError, match=r"no run is called|several runs"):
        filled.run(name)


# -- verify ---------------------------------------------------------------------------------------------------------

CHANGES = {
    "edited": ('UPDATE events SET data = \'{"step":"9"}\' WHERE seq = 3', "event 3"),
    "time edited": ("UPDATE events SET at = at - 1 WHERE seq = 3", "event 3"),
    "kind edited": ("UPDATE events SET kind = 'x' WHERE seq = 3", "event 3"),
    "moved to another run": ("UPDATE events SET run = 'r2' WHERE seq = 3", "event 3"),
    "no JSON": ("UPDATE events SET data = 'x' WHERE seq = 3", "event 3"),
    "first deleted": ("DELETE FROM events WHERE seq = 1", "event 1 is missing"),
    "middle deleted": ("DELETE FROM events WHERE seq = 3", "event 3 is missing"),
    "middle deleted and renumbered": (
        "DELETE FROM events WHERE seq = 3; UPDATE events SET seq = 3 WHERE seq = 4; UPDATE events SET seq = 4 "
        "WHERE seq = 5",
        "event 3",
    ),
    "last deleted": ("DELETE FROM events WHERE seq = 5", "events after 4 are missing"),
    "all deleted": ("DELETE FROM events", "events after 0 are missing"),
    "inserted": (
        "INSERT INTO events SELECT 6, run, at, kind, data, hash FROM events WHERE seq = 5",
        "event 6",
    ),
    "reordered": (
        "UPDATE events SET seq = 99 WHERE seq = 2; UPDATE events SET seq = 2 WHERE seq = 3; "
        "UPDATE events SET seq = 3 WHERE seq = 99",
        "event 2",
    ),
    "summary edited": ("UPDATE runs SET status = 'failed'", "list of runs"),
    "summary deleted": ("DELETE FROM runs", "list of runs"),
    "summary invented": ("INSERT INTO runs SELECT 'r9', runbook, '', '', status, 1, 1 FROM runs", "list of runs"),
    "head edited": ("UPDATE head SET hash = 'x'", "missing"),
}


@pytest.mark.parametrize(("script", "says"), CHANGES.values(), ids=CHANGES)
def test_verify_finds_a_change(filled, script, says):
    tamper(filled, script)
    with pytest.raises(JournalCorruptError, match=says) as found:
        filled.verify()
    assert "evidence" in found.value.next_step


@pytest.mark.parametrize("name", ["last deleted", "all deleted", "inserted", "head edited"])
def test_a_journal_whose_end_was_changed_is_not_built_upon(filled, name):
    tamper(filled, CHANGES[name][0])
    with pytest.raises(JournalCorruptError):
        Journal(filled.folder)


def test_verify_finds_a_tail_that_was_cut_and_mended(world, journal):
    world.procedure()
    tamper(
        journal,
        "DELETE FROM events WHERE seq > 3;"
        "UPDATE head SET seq = 3, hash = (SELECT hash FROM events WHERE seq = 3);"
        "UPDATE runs SET status = 'running'",
    )
    with pytest.raises(JournalCorruptError, match=r"lacks event 20, with which .*rollback"):
        Journal(journal.folder).verify()


def test_verify_finds_a_record_that_was_damaged(world, journal):
    world.procedure()
    (journal.folder_of(journal.runs()[0].run) / "run.json").write_text("{}")
    with pytest.raises(JournalCorruptError, match=r"run\.json"):
        journal.verify()


def test_a_run_whose_record_was_never_written_does_not_matter(world, journal):
    world.procedure()
    shutil.rmtree(journal.folder / "runs")
    assert journal.verify() == 20


@pytest.mark.slow
def test_twenty_thousand_events_are_verified_in_seconds(journal):
    journal._connection().execute("PRAGMA synchronous=OFF")
    for number in range(20_000):
        journal.append("", "filler", {"number": number, "text": "x" * 100})
    started = time.monotonic()
    assert journal.verify() == 20_000
    assert time.monotonic() - started < 10


# -- files that are no journal --------------------------------------------------------------------------------------


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "journal.db").write_text("this is no database" * 100)
    with pytest.raises(JournalCorruptError, match="damaged") as refused:
        Journal(tmp_path)
    assert "move" in refused.value.next_step


def test_a_truncated_file_is_refused(filled, tmp_path):
    filled._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other = tmp_path / "other"
    other.mkdir()
    whole = filled.file.read_bytes()
    (other / "journal.db").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(JournalCorruptError):
        Journal(other).verify()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot be made") as refused:
        Journal(tmp_path / "file" / "state")
    assert "permissions" in refused.value.next_step


@pytest.fixture
def readable() -> Iterator[Path]:
    """A folder with a journal that this process may read and not write: as another user, when it is root."""
    folder = Path(tempfile.mkdtemp())
    fill(Journal(folder))
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65_534)
    yield folder
    if root:
        os.seteuid(0)
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_folder_that_cannot_be_written_is_refused(readable):
    with pytest.raises(JournalError, match="cannot be used") as refused:
        Journal(readable).append("r2", "opened", {})
    assert "permissions" in refused.value.next_step


# -- several processes ----------------------------------------------------------------------------------------------


def append_many(folder: Path, name: str, count: int) -> None:
    for number in range(count):
        Journal(folder).append(name, "filler", {"number": number})


def four_processes(folder: Path, count: int) -> list[multiprocessing.Process]:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=append_many, args=(folder, f"r{n}", count)) for n in range(4)]
    for process in processes:
        process.start()
    return processes


@pytest.mark.slow
def test_four_processes_keep_one_chain(journal):
    processes = four_processes(journal.folder, 100)
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert journal.verify() == 400
    for n in range(4):
        assert [event.data["number"] for event in journal.events(f"r{n}")] == list(range(100))


@pytest.mark.slow
def test_a_journal_that_is_being_written_is_not_called_changed(journal):
    processes = four_processes(journal.folder, 150)
    while any(process.is_alive() for process in processes):
        Journal(journal.folder).verify()
    assert journal.verify() == 600


def test_an_event_that_comes_while_it_is_verified_is_not_called_a_change(filled, monkeypatch):
    head = Journal._head
    other = Journal(filled.folder)

    def meanwhile(journal, connection):
        if journal is filled:
            monkeypatch.setattr(Journal, "_head", head)
            other.append("", "filler", {})
        return head(journal, connection)

    monkeypatch.setattr(Journal, "_head", meanwhile)
    assert filled.verify() == 5


def test_the_record_says_with_which_event_a_run_ended(world, journal):
    world.procedure()
    record = json.loads((journal.folder_of(journal.runs()[0].run) / "run.json").read_text())
    last = list(journal.events())[-1]
    assert record["journal"] == {"seq": last.seq, "hash": last.hash}
