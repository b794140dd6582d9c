"""Where secrets leak: in files and on the site; and no value in any argv."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.breach.leaks import published, served, written
from runbook_lib.breach.secrets_known import KnownSecret, known_secrets
from runbook_lib.config import Target
from runbook_lib.platforms import platform_of
from tests.breach.shop import KEY, shop
from tests.rotation.processes import Processes


class Quiet(http.server.SimpleHTTPRequestHandler):
    """The whole folder served, as by a web server whose root is one folder too high."""

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(tmp_path / "app"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def known(target: Target) -> list[KnownSecret]:
    return known_secrets(target, platform_of(target), ["local"])[0]


def test_secrets_are_known_by_their_names(tmp_path: Path) -> None:
    found = known(shop(tmp_path))
    assert [(one.name, one.rotated_by) for one in found] == [("APP_KEY", "KEY"), ("STRIPE_SECRET", "")]
    assert KEY not in repr(found)


def test_an_unreadable_file_is_said(tmp_path: Path) -> None:
    target = shop(tmp_path)
    (tmp_path / "app/.env").unlink()
    found, unseen = known_secrets(target, platform_of(target), ["local"])
    assert found == []
    assert unseen[0].startswith(".env on local is not there")


def test_files_that_hold_a_value_in_any_form(tmp_path: Path) -> None:
    target = shop(tmp_path)
    (tmp_path / "app/storage/logs/shop.log").write_text(f"boom key={KEY.removeprefix('base64:')}\n")
    (tmp_path / "app/storage/app/public/backup.txt").write_text("x\nsk_live_planted\n")
    with Processes() as processes:
        found, unseen = written(target, platform_of(target), ["local"], known(target))
    assert {(leak.where, leak.secrets) for leak in found} == {
        ("local: storage/logs/shop.log", ("APP_KEY",)),
        ("local: storage/app/public/backup.txt", ("STRIPE_SECRET",)),
    }
    assert unseen == []
    assert "sk_live_planted" not in processes.text


def test_routes_that_give_what_they_must_not(tmp_path: Path, site: str) -> None:
    target = shop(tmp_path, site)
    found, unseen = served(target, known(target))
    by_route = {leak.where.removeprefix(site): leak.secrets for leak in found}
    assert by_route["/.env"] == ("APP_KEY", "STRIPE_SECRET")
    assert by_route["/.git/config"] == ()
    assert all(leak.served for leak in found)
    assert unseen == []


def test_a_site_that_answers_everything_with_its_page_gives_nothing_away(tmp_path: Path, site: str) -> None:
    class Page(Quiet):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"<!doctype html>{self.path}".encode())

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        target = shop(tmp_path, f"http://127.0.0.1:{server.server_port}")
        assert served(target, known(target)) == ([], [])
        server.shutdown()


def test_a_public_file_is_served_when_the_site_gives_it(tmp_path: Path, site: str) -> None:
    target = shop(tmp_path, f"{site}/public")
    (tmp_path / "app/public/backup.txt").write_text("sk_live_planted")
    found, _ = written(target, platform_of(target), ["local"], known(target))
    assert [leak.served for leak in found] == [False]
    assert [leak.served for leak in published(target, found)] == [True]


def test_a_site_that_does_not_answer_is_said(tmp_path: Path) -> None:
    target = shop(tmp_path)
    found, unseen = served(target, known(target))
    assert found == []
    assert unseen[0].startswith("http://127.0.0.1:9 cannot be asked")
