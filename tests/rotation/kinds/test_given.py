"""Secrets from elsewhere: given, verified by a call, the old one ended; nothing of them in the process list."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.config import Service, Target
from runbook_lib.errors import ConfigurationError, StepFailedError
from runbook_lib.rotation import asking
from runbook_lib.rotation.kinds.given import OwnSecret
from tests.rotation.processes import Processes

OLD, NEW = "sk_live_old_planted", "sk_live_new_planted"


class Provider(http.server.BaseHTTPRequestHandler):
    """It answers 200 to the keys that are valid, 401 to others."""

    valid: set[str] = set()  # noqa: RUF012 - one for the server

    def do_GET(self) -> None:
        good = self.headers.get("Authorization", "").removeprefix("Bearer ") in self.valid
        self.send_response(503 if self.path == "/down" else 200 if good else 401)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def provider() -> Iterator[str]:
    Provider.valid = {OLD, NEW}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/balance"
        server.shutdown()


def stripe(tmp_path: Path, check: dict[str, Any], **more: Any) -> OwnSecret:
    table = {"kind": "given", "places": [{"kind": "env_file", "file": ".env"}], "check": check, **more}
    environment: dict[str, Any] = {
        "platform": "git",
        "url": "http://shop.example",
        "git": {"path": "shop"},
        "rotation": {"secrets": {"STRIPE_SECRET": table}},
    }
    service = Service.model_validate({"environments": {"production": environment}})
    target = Target("shop", "production", service.environments["production"], service, tmp_path, tmp_path / "state")
    return OwnSecret("STRIPE_SECRET", target.environment.rotation.secrets["STRIPE_SECRET"], target, "run-1")


def bearer(url: str) -> dict[str, Any]:
    return {"url": url, "headers": {"Authorization": "Bearer {value}"}}


def test_it_is_taken_from_its_reference_and_shown_to_be_good(tmp_path: Path, provider: str) -> None:
    (tmp_path / "new").write_text(f"{NEW}\n")
    kind = stripe(tmp_path, bearer(provider), new={"file": "new"})
    facts = kind.facts({"value": OLD})
    assert kind.make({"value": OLD}, facts) == {"value": NEW}
    assert kind.try_out({"value": NEW}).answer == "accepted"
    assert kind.try_out({"value": "other"}).answer == "refused"
    Provider.valid = {NEW}
    assert kind.try_out({"value": OLD}).answer == "refused"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "down"])
def test_no_clear_answer_is_unknown(tmp_path: Path, provider: str, url: str) -> None:
    address = provider.replace("/v1/balance", "/down") if url == "down" else url
    reply = stripe(tmp_path, bearer(address)).try_out({"value": OLD})
    assert reply.answer == "unknown"
    assert OLD not in str(reply)


def test_a_person_types_it_without_seeing_it(
    tmp_path: Path, provider: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNBOOK_INTERACTIVE", "1")
    monkeypatch.setattr(asking, "getpass", lambda prompt: f" {NEW} ")
    kind = stripe(tmp_path, bearer(provider), steps=["Open the dashboard"])
    assert kind.make({"value": OLD}, kind.facts({"value": OLD})) == {"value": NEW}
    said = capsys.readouterr().out
    assert "Open the dashboard" in said
    assert NEW not in said


@pytest.mark.parametrize("typed", ["", OLD])
def test_nothing_and_the_same_again_are_refused(
    tmp_path: Path, provider: str, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr(asking, "getpass", lambda prompt: typed)
    with pytest.raises(StepFailedError, match=r"no new value|is the one of before"):
        stripe(tmp_path, bearer(provider)).make({"value": OLD}, {})


def test_with_nobody_here_it_is_refused_beforehand(
    tmp_path: Path, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNBOOK_INTERACTIVE", "0")
    with pytest.raises(ConfigurationError, match="nobody is here to give the new value of STRIPE_SECRET"):
        stripe(tmp_path, bearer(provider)).facts({"value": OLD})


def test_commands_make_try_and_end_it_without_an_argument(tmp_path: Path) -> None:
    (tmp_path / "valid").write_text(f"{OLD}\n")
    kind = stripe(
        tmp_path,
        {"run": ["sh", "-c", 'read -r value; grep -qxF -e "$value" valid || exit 1']},
        kind="generated",
        make=["sh", "-c", f"echo {NEW[:7]}; sleep 0"],
        retire=["sh", "-c", "cat > given"],
    )
    made = kind.make({"value": OLD}, {})
    assert made == {"value": NEW[:7]}
    with Processes() as processes:
        assert kind.try_out({"value": OLD}).answer == "accepted"
        assert kind.try_out({"value": NEW}).answer == "refused"
        kind.retire({"value": OLD}, made, {})
    assert (tmp_path / "given").read_text() == OLD
    assert OLD not in processes.text


@pytest.mark.parametrize("make", [["false"], ["echo"], ["printf", "a\\nb\\n"], ["echo", OLD]])
def test_a_command_that_makes_no_new_value(tmp_path: Path, make: list[str]) -> None:
    from runbook_lib.rotation.values import known

    known({"value": OLD})
    kind = stripe(tmp_path, {"run": ["true"]}, kind="generated", make=make)
    with pytest.raises(StepFailedError, match="`make` of STRIPE_SECRET") as caught:
        kind.make({"value": OLD}, {})
    assert OLD not in str(caught.value)


def test_a_command_that_ends_with_another_status_gives_no_answer(tmp_path: Path) -> None:
    assert stripe(tmp_path, {"run": ["sh", "-c", "exit 7"]}).try_out({"value": OLD}).answer == "unknown"
    assert stripe(tmp_path, {"run": ["no-such-program"]}).try_out({"value": OLD}).answer == "unknown"
