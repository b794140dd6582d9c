"""Looking at every environment: what is bad in one hides nothing of the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.actions.checking import check_all
from runbook_lib.errors import ConfigurationError
from tests.actions.routes import Routes, serving
from tests.platforms.git_shop import Shop, alone, git

TEXT = """
[services.shop.environments.production]
platform = "git"
url = "{url}"
git = {{ path = "shop" }}
[services.blog.environments.production]
platform = "git"
url = "{url}"
replica_urls = ["{url}", "http://127.0.0.1:1"]
git = {{ path = "blog/shop" }}
[services.blog.environments.production.checks]
smoke = [{{ name = "home page", path = "/home" }}]
"""


@pytest.fixture
def routes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Routes]:
    alone(monkeypatch)
    Shop(tmp_path, "in-place").build()
    Shop(tmp_path / "blog", "in-place").build()
    monkeypatch.chdir(tmp_path)
    with serving() as routes:
        (tmp_path / "runbooks.toml").write_text(TEXT.format(url=routes.url))
        yield routes


def bad(title: str) -> list[tuple[str, str, str]]:
    (table,) = [table for table in check_all()[0] if table.title == title]
    return [(row[0], row[1], row[3]) for row in table.rows if row[2] == "bad"]


def test_every_environment_has_its_table(routes: Routes) -> None:
    tables, good = check_all()
    assert [table.title for table in tables] == ["shop/production", "blog/production"]
    assert good is False
    assert bad("shop/production") == []


def test_every_route_is_asked_at_every_place(routes: Routes) -> None:
    found = bad("blog/production")
    assert ("home page", routes.url) in [(name, place) for name, place, _ in found]
    assert {name for name, place, _ in found if place == "http://127.0.0.1:1"} == {"/up", "/ready", "home page"}


def test_everything_good_is_good(routes: Routes, tmp_path: Path) -> None:
    routes.statuses["/home"] = 200
    file = tmp_path / "runbooks.toml"
    file.write_text(file.read_text().replace(', "http://127.0.0.1:1"', ""))
    assert check_all()[1] is True


def test_a_platform_that_cannot_be_read_is_bad(routes: Routes, tmp_path: Path) -> None:
    (tmp_path / "shop").rename(tmp_path / "away")
    ((name, place, saw),) = bad("shop/production")
    assert (name, place) == ("platform", "git")
    assert "there is no folder" in saw


def test_no_release_is_bad(routes: Routes, tmp_path: Path) -> None:
    git(tmp_path / "shop", "tag", "-d", "v1", "v2", "v3")
    assert bad("shop/production") == [("releases", "git", "0 releases")]


def test_a_configuration_that_cannot_be_used_is_an_error(routes: Routes, tmp_path: Path) -> None:
    (tmp_path / "runbooks.toml").write_text("")
    with pytest.raises(ConfigurationError):
        check_all()
