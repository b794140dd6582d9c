"""An incident in practice from the fault to its review, with no hand on it: who was told what, what the status page
said at each moment, and whether the post-mortem agrees with the journal."""

from __future__ import annotations

import html
import json
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.incident.receivers import Mailbox, Receiver, http, smtp, text_of
from tests.notebooks.conftest import Project

pytestmark = pytest.mark.slow

SHOP = "shop/production"
TELLING = """
[status_page]
title = "Is the shop up?"
[[status_page.components]]
name = "Online shop"
environment = "shop/production"
[review]
remote = "origin"
[services.shop.communication]
automatic = {automatic}
[services.shop.communication.audiences.team]
channels = [{{ env = "TEAM_CHAT" }}]
phases = ["started", "update", "mitigated", "verified", "review"]
[services.shop.communication.audiences.customers]
channels = [{{ env = "CUSTOMERS_MAIL" }}]
phases = ["started", "verified"]
"""


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=ada", "-c", "user.email=ada@shop.example")
    return subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def configure(project: Project, automatic: str) -> None:
    """The practice environment's own configuration, with people to tell."""
    ground = project.root / ".runbooks" / "practice"
    text = (ground / "runbooks.toml").read_text().replace('folder = ".."', 'folder = ".runbooks"')
    for name in ("staging", "production", "repository"):
        for key in ("path", "repository"):
            text = text.replace(f'{key} = "{name}"', f'{key} = "{ground / name}"')
    (project.root / "runbooks.toml").write_text(text + TELLING.format(automatic=automatic))


@pytest.fixture
def chat() -> Iterator[Receiver]:
    with http() as receiver:
        yield receiver


@pytest.fixture
def mail() -> Iterator[Mailbox]:
    with smtp() as mailbox:
        yield mailbox


@pytest.fixture
def broken(practice: Project, chat: Receiver, mail: Mailbox, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Practice with the bad release live, and real receivers for those who are told."""
    monkeypatch.setenv("TEAM_CHAT", f"json://{chat.address}/T0kenOfTheChat")
    to = f"mailto://127.0.0.1:{mail.port}/?from=shop@shop.example&to=customers@shop.example&format=text"
    monkeypatch.setenv("CUSTOMERS_MAIL", to)
    (practice.root / "runbooks.toml").unlink(missing_ok=True)
    done = practice.run("runbook", "practice", "break", "bad-release")
    assert done.returncode == 0, done.stderr
    return practice


def state(project: Project) -> str:
    said: dict[str, Any] = project.json("runbook", "status-page", "--out", str(project.root / "page"))
    return str(said["components"]["Online shop"])


def told(project: Project, phase: str, *more: str) -> None:
    done = project.run("papermill", "communicate.ipynb", "-p", "phase", phase, *more)
    assert done.returncode == 0, done.stdout + done.stderr


def titles(chat: Receiver) -> list[str]:
    return [request.json["title"] for request in chat.got]


def events(project: Project) -> list[dict[str, Any]]:
    with sqlite3.connect(project.root / ".runbooks" / "journal.db") as connection:
        rows = connection.execute("SELECT seq, run, at, kind, data FROM events ORDER BY seq").fetchall()
    return [{"run": run, "at": at, "kind": kind, **json.loads(data)} for _, run, at, kind, data in rows]


def compare(text: str, record: list[dict[str, Any]], incident: str) -> list[str]:
    """What the post-mortem says otherwise than the journal, or leaves out. Reads the journal by itself."""
    wrong: list[str] = []
    front = yaml.safe_load(text.split("---")[1])
    body = html.unescape(text.replace("\\", ""))
    runs = {e["run"] for e in record if e["kind"] == "opened" and e["parameters"].get("incident") == incident}
    repairs = {e["run"] for e in record if e["kind"] == "opened" and e["runbook"] == "rollback"} & runs
    (declared,) = (e for e in record if e["kind"] == "incident declared" and e["incident"] == incident)
    here = [e for e in record if e.get("environment") == SHOP and e["at"] >= declared["began"]]
    moments = {
        "began": declared["began"],
        "declared": declared["at"],
        "detected": min(e["at"] for e in [declared, *(e for e in here if e.get("verdict") == "FAIL")]),
        "decided": next(e["at"] for e in record if e["kind"] == "approved" and e["run"] in repairs),
        "mitigated": next(e["at"] for e in here if e["kind"] == "verified" and e["run"] in repairs),
        "verified": next(e["at"] for e in here if e["kind"] == "observed" and e["verdict"] == "PASS"),
        "closed": next(e["at"] for e in record if e["kind"] == "incident closed" and e["incident"] == incident),
    }
    for name, at in moments.items():
        if abs(datetime.fromisoformat(front[name]).timestamp() - at) > 0.002:
            wrong.append(f"{name}: {front[name]}, the journal has {at}")
    for event in record:
        mine = event["run"] in repairs or event.get("incident") == incident
        if event["kind"] == "step finished" and mine and event["title"] not in body:
            wrong.append(f"step {event['title']}")
        if event["kind"] == "noted" and mine and event["text"] not in body:
            wrong.append(f"note {event['text']}")
        if event["kind"] == "message sent" and mine and f"| {event['audience']} | {event['channel']} |" not in body:
            wrong.append(f"message to {event['audience']}")
    written = next(e["at"] for e in record if e["kind"] == "post-mortem written" and e["incident"] == incident)
    sent = [e for e in record if e["kind"] == "message sent" and e["incident"] == incident]
    messages = sum(1 for e in sent if e["at"] < written)
    if len(re.findall(r"\| sent \|", body)) != messages:
        wrong.append(f"{messages} messages were sent")
    return wrong


def test_from_the_fault_to_the_review(broken: Project, chat: Receiver, mail: Mailbox) -> None:
    configure(broken, "false")
    root = broken.root
    git(root, "init", "--quiet", "--initial-branch", "main")
    git(root.parent, "init", "--quiet", "--bare", f"{root}-remote.git")
    git(root, "remote", "add", "origin", f"{root}-remote.git")
    git(root, "add", "notebooks")
    git(root, "commit", "--quiet", "-m", "runbooks")

    assert state(broken) == "operational"
    incident = broken.json("runbook", "incident", "open", "checkouts fail", "--severity", "SEV1")["id"]
    assert state(broken) == "major outage"
    told(broken, "started", "-p", "impact", "Every second checkout fails")
    assert broken.run("papermill", "verify.ipynb", "-p", "window", "1").returncode == 1
    refused = broken.run("papermill", "communicate.ipynb", "-p", "phase", "verified")
    assert refused.returncode == 1
    assert "no observation" in refused.stderr
    assert state(broken) == "major outage"
    rollback = broken.rollback("tag", "v1.4.2", "window", "1")
    assert rollback.returncode == 0, rollback.stderr
    assert state(broken) == "operational"
    told(broken, "verified")
    told(broken, "verified")
    note = ("runbook", "incident", "note", "the gate <asked> for nobody", "--about", "rollback", "--step", "4")
    assert broken.run(*note).returncode == 0
    assert broken.run("runbook", "incident", "close", "--reason", "verified").returncode == 0
    assert state(broken) == "operational"
    review = broken.run("papermill", "review.ipynb", "-p", "meeting", "2026-12-01T10:00")
    assert review.returncode == 0, review.stdout + review.stderr

    # Messages, in order, once each.
    assert titles(chat) == [
        "[SEV1] shop production: checkouts fail",
        "[SEV1] Resolved: checkouts fail",
        f"Review of {incident}: checkouts fail",
    ]
    assert [one["Subject"] for one in mail.mails] == ["shop: we are looking into a problem", "shop: resolved"]
    assert "Every second checkout fails" in text_of(mail.mails[0])

    # The page has what was told, and nothing of the inside.
    page = (root / "page" / "index.html").read_text()
    assert "Every second checkout fails" in page
    assert "gate" not in page

    # The post-mortem agrees with the journal.
    (file,) = (root / "docs" / "postmortems").glob(f"*{incident}.md")
    text, record = file.read_text(), events(broken)
    assert compare(text, record, incident) == []
    # A checker that finds nothing must be one that could.
    for said, other in (("| sent |", "| lost |"), ("for nobody", "for somebody"), ('mitigated: "20', 'mitigated: "19')):
        assert said in text
        assert compare(text.replace(said, other), record, incident)
    assert file.with_suffix(".ics").read_text().startswith("BEGIN:VCALENDAR")

    # The note is a branch on the remote, the checkout is as it was.
    assert f"review/{incident}-rollback" in git(Path(f"{root}-remote.git"), "branch")
    assert "notebooks" not in git(root, "status", "--porcelain")
    assert "T0kenOfTheChat" not in "".join(map(str, events(broken))) + review.stdout + rollback.stdout
    assert broken.run("runbook", "verify-journal").returncode == 0


def test_with_updates_driven_by_the_run(broken: Project, chat: Receiver, mail: Mailbox) -> None:
    configure(broken, "true")
    assert broken.run("runbook", "incident", "open", "checkouts fail", "--severity", "SEV2").returncode == 0
    assert state(broken) == "partial outage"
    done = broken.rollback("tag", "v1.4.2", "window", "1")
    assert done.returncode == 0, done.stderr
    assert [title.split("] ")[1].split(":")[0] for title in titles(chat)] == [
        "shop production", "Mitigated", "Resolved",
    ]  # fmt: skip
    assert [one["Subject"] for one in mail.mails] == ["shop: we are looking into a problem", "shop: resolved"]
    assert state(broken) == "operational"
    assert broken.run("runbook", "incident", "close", "--reason", "verified").returncode == 0
