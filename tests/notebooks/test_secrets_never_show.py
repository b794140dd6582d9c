"""Rotations that go wrong in every place show no value: not in what is said, kept, asked for later, or left behind."""

from __future__ import annotations

import base64
import html
import json
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actions.routes import serving
from tests.breach.shop import shop
from tests.notebooks.conftest import Project
from tests.rotation.processes import Processes

pytestmark = pytest.mark.slow

OLD = "planted-Old/value+1 & \"x\" 'y'"
MADE = "planted-New=value;2<b>"
CONFIGURATION = """
[services.shop.environments.production]
platform = "git"
url = "{url}"
approval.policy = "none"
checks = {{ within = 1, timeout = 2 }}
git = {{ path = "{root}/app" }}

[services.shop.environments.production.rotation.secrets.MAIL_PASSWORD]
kind = "generated"
make = ["sh", "-c", "cat made; cat made >> accepted"]
retire = ["sh", "-c", '''{retire}''']
places = [
  {{ kind = "env_file", file = ".env" }},
  {{ kind = "command", read = ["cat", "{root}/store"], write = ["sh", "-c", '''{write}'''] }},
]
check = {{ run = ["sh", "-c", '''{check}'''] }}
"""
# Each says the value that it was given, and most of what it says is an error.
SAYS = 'value=$(cat); echo "it is $value"; echo "cannot take $value" >&2; '
DIES = "printf '%s\\n' \"$value\" > dead; grep -vxFf dead accepted > left; mv left accepted; rm dead"
ASKS = "printf '%s\\n' \"$value\" | grep -qxFf - accepted"
GOOD = {"retire": f"{SAYS} {DIES}", "write": f'{SAYS} printf %s "$value" > store', "check": f"{SAYS} {ASKS}"}
WRONG = [
    ("write", f"{SAYS} exit 3", "cannot take"),
    ("check", f'{SAYS} case "$value" in *Old*) exit 0;; esac; exit 1', "is refused"),
    ("retire", f"{SAYS} exit 4", "`retire` of MAIL_PASSWORD ended with status 4"),
]
# An error that nobody foresaw, with values in its message and in its frames.
UNFORESEEN = """
import sys
from runbook_lib.rotation.places.command import CommandPlace

def write(self, values):
    value = values["value"]
    raise ValueError(f"what is this: {value!r} {values}")

CommandPlace.write = write
sys.argv = ["papermill", *sys.argv[1:]]
from papermill.cli import papermill
papermill()
"""
ROTATE = ("rotate_secrets.ipynb", "-p", "secret", "MAIL_PASSWORD")
ASKED_LATER = [
    ("runbook", "history", "--json"),
    ("runbook", "in-force", "--json"),
    ("runbook", "incident", "status", "1", "--json"),
    ("runbook", "status-page", "page"),
    ("runbook", "verify-journal"),
    ("papermill", "review.ipynb"),
]


class Place:
    """A shop with its secret in a file and in a store. values: all that may be seen nowhere."""

    def __init__(self, project: Project, url: str) -> None:
        self.project, self.root, self.url = project, project.root, url
        shop(project.root)
        (self.root / "app/.env").write_text(f"APP=1\nMAIL_PASSWORD={json.dumps(OLD)}\n")
        (self.root / "store").write_text(OLD)
        (self.root / "made").write_text(f"{MADE}\n")
        (self.root / "accepted").write_text(f"{OLD}\n")

    def configure(self, **commands: str) -> None:
        text = CONFIGURATION.format(url=self.url, root=self.root, **{**GOOD, **commands})
        (self.root / "runbooks.toml").write_text(text)

    def nowhere(self, said: str, processes: Processes, *asked: tuple[str, ...]) -> None:
        texts = {"output": said, **processes.seen}
        run = self.project.last_run()["run"]
        for words in (("runbook", "show", run), ("runbook", "show", run, "--json"), *asked):
            done = self.project.run(*words)
            texts[" ".join(words)] = done.stdout + done.stderr
        own = {self.root / name for name in ("app/.env", "store", "made", "accepted")}
        for kept in (self.root / ".runbooks/secrets").iterdir():
            # Of a run that can be continued: that is where the values are meant to be.
            assert kept.stat().st_mode & 0o777 == 0o600
            own.add(kept)
        for file in [*self.root.rglob("*"), *Path("/tmp").glob("tmp*"), *Path.home().glob(".*history")]:
            if file.is_file() and file not in own:
                texts[str(file)] = file.read_bytes().decode("latin-1")
        assert any("journal" in name for name in texts)
        assert any(name.endswith("rotate_secrets.ipynb") and "/runs/" in name for name in texts)
        assert {name for name, text in texts.items() if any(form in text for form in forms())} == set()


def forms() -> Iterator[str]:
    for value in (OLD, MADE):
        yield value
        yield value[8:]
        yield json.dumps(value)[1:-1]
        yield repr(value)[1:-1]
        yield html.escape(value)
        yield json.dumps(repr(value)[1:-1])[1:-1]
        yield urllib.parse.quote(value, safe="")
        yield base64.b64encode(value.encode()).decode().rstrip("=")
        yield value.encode().hex()


@pytest.fixture
def place(project: Project) -> Iterator[Place]:
    with serving() as routes:
        yield Place(project, routes.url)


@pytest.mark.parametrize(("what", "command", "message"), WRONG)
def test_a_command_that_fails_and_says_the_value(place: Place, what: str, command: str, message: str) -> None:
    place.configure(**{what: command})
    with Processes() as processes:
        done = place.project.run("papermill", *ROTATE)
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
    place.nowhere(done.stdout + done.stderr, processes)


def test_an_error_that_nobody_foresaw(place: Place) -> None:
    place.configure()
    with Processes() as processes:
        done = place.project.run(sys.executable, "-c", UNFORESEEN, *ROTATE)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "what is this" in said
    assert (place.root / "store").read_text() == OLD
    place.nowhere(said, processes, *ASKED_LATER)


def test_a_rotation_that_goes_well(place: Place) -> None:
    place.configure()
    with Processes() as processes:
        done = place.project.run("papermill", *ROTATE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (place.root / "store").read_text() == MADE
    assert (place.root / "accepted").read_text() == f"{MADE}\n"
    assert list((place.root / ".runbooks/secrets").iterdir()) == []
    place.nowhere(done.stdout + done.stderr, processes)
