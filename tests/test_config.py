"""runbooks.toml: what is read from it, and what is said of a file that cannot be used."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from runbook_lib import config
from runbook_lib.config import Configuration, Environment, Laravel, Loaded, SecretReference, Table
from runbook_lib.config.problems import table_of
from runbook_lib.errors import ConfigurationError

EXAMPLE = Path(__file__).parent.parent / "runbooks.example.toml"

PRODUCTION = """
[services.shop.environments.production]
platform = "git"
url = "http://shop.example"
[services.shop.environments.production.git]
path = "shop"
"""
STAGING = PRODUCTION.replace("production", "staging").replace('path = "shop"', 'path = "staging"')
KEY = "services.shop.environments.production"


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Loaded]:
    def load(text: str | bytes = PRODUCTION) -> Loaded:
        file = tmp_path / "runbooks.toml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return config.load(file)

    return load


# -- every key is described, and the example shows it -----------------------------------------------------------------


def tables(table: type[Table]) -> Iterator[type[Table]]:
    """A table and all tables within it."""
    yield table
    for field in table.model_fields.values():
        inner = table_of(field.annotation)
        if inner is not None:
            yield from tables(inner)


KEYS = sorted({(table, name) for table in tables(Configuration) for name in table.model_fields}, key=str)


def test_the_walk_finds_the_tables() -> None:
    assert {SecretReference, config.Hook, config.Smoke, config.Docker} <= {table for table, _ in KEYS}


@pytest.mark.parametrize(("table", "name"), KEYS, ids=lambda value: getattr(value, "__name__", value))
def test_every_key_is_described_in_a_sentence(table: type[Table], name: str) -> None:
    description = table.model_fields[name].description or ""
    assert len(description) > 10
    assert description.endswith(".")


def used(table: type[Table], data: Any) -> Iterator[tuple[type[Table], str]]:
    """The keys that a part of a file uses."""
    if isinstance(data, list):
        for item in data:
            yield from used(table, item)
    elif isinstance(data, dict):
        known = set(data) & set(table.model_fields)
        yield from ((table, name) for name in known)
        for name, value in data.items():
            inner = table_of(table.model_fields[name].annotation) if name in known else table
            if inner is not None:
                # The names of services, environments and variables lead to tables, too.
                named = isinstance(value, dict) and name in known and _is_named(table, name)
                for part in value.values() if named else [value]:
                    yield from used(inner, part)


def _is_named(table: type[Table], name: str) -> bool:
    annotation = table.model_fields[name].annotation
    return getattr(annotation, "__origin__", None) is dict and bool(get_args(annotation))


def test_the_example_uses_every_key() -> None:
    shown = set(used(Configuration, tomllib.loads(EXAMPLE.read_text())))
    assert [f"{table.__name__}.{name}" for table, name in KEYS if (table, name) not in shown] == []


def test_the_example_says_what_every_key_means() -> None:
    comments = re.sub(r"\s+", " ", re.sub(r"(?m)^# ?|^[^#\n].*$", " ", EXAMPLE.read_text()))
    descriptions = [str(table.model_fields[name].description) for table, name in KEYS]
    assert [text for text in descriptions if text not in comments] == []


def test_the_example_can_be_used_as_it_is() -> None:
    loaded = config.load(EXAMPLE)
    assert loaded.target("shop").staging is not None
    assert loaded.target("blog").environment.docker is not None


def test_the_example_shows_defaults_where_there_are_some() -> None:
    environment = config.load(EXAMPLE).target("shop").environment
    assert environment.checks.model_copy(update={"smoke": [], "version": ""}) == config.Checks()
    assert environment.observation.model_copy(update={"metrics": ""}) == config.Observation()


# -- what is wrong --------------------------------------------------------------------------------------------------


def added(text: str, table: str = "") -> str:
    return PRODUCTION + (f"[{KEY}.{table}]\n" if table else "") + text + "\n"


PEOPLE = "[services.shop.communication]\n"
TEAM = "[services.shop.communication.audiences.team]\n"

WRONG = {
    "nobody to remind": (
        PRODUCTION + PEOPLE + "remind = 'x'\n" + TEAM + "channels = [{ env = 'A' }]",
        "communication: remind names 'x', which is no audience",
    ),
    "nobody at all": (PRODUCTION + PEOPLE, "communication.audiences: is missing (Those who are told"),
    "an audience without channels": (PRODUCTION + TEAM + "channels = []", "team.channels: must not be empty"),
    "a url in plain sight": (PRODUCTION + TEAM + "channels = ['slack://token']", "team.channels.0: must be a table"),
    "an unknown phase": (
        PRODUCTION + TEAM + "channels = [{ env = 'A' }]\nphases = ['begun']",
        "phases.0: must be 'start",
    ),
    "a component of nothing": (
        PRODUCTION + "[[status_page.components]]\nname = 'x'\nenvironment = 'shop/x'",
        "status_page.components.0.environment names 'shop/x'; there are shop/production",
    ),
    "nothing": ("", "services: is missing (What is operated.)"),
    "no service": ("[services]", "services: must not be empty"),
    "no table": ("services = 5", "services: must be a table"),
    "no TOML": ("[[[", "is not valid TOML"),
    "a key twice": (added("path = 'x'"), "is not valid TOML"),
    "unknown table": (added("[servces.x]"), "servces: unknown key; did you mean services?"),
    "unknown key": (added("shred = []"), f"{KEY}.git.shred: unknown key; did you mean shared?"),
    "unlike any key": (added("zzz = 1", "approval"), "unknown key; there are policy, expires, wait"),
    "a name with a space": (PRODUCTION.replace(".shop.", ".'my shop'."), "services.my shop: must be 1 to 63 letters"),
    "a name for a terminal": (PRODUCTION.replace(".shop.", '."\\u001b[31m".'), r"services.\x1b[31m: must be"),
    "text for a list": (added("hosts = 'local'"), "git.hosts: must be a valid list (Where the application runs"),
    "text for a command": (added("install = ['composer install']"), "git.install.0: a command is a list of words"),
    "text for a hook": (added("before = [{ run = 'x' }]", "hooks"), "hooks.before.0.run: a command is a list"),
    "text for a probe": (
        added("before = [{ run = ['x'], done = 'x' }]", "hooks"),
        "before.0.done: a command is a list",
    ),
    "a command without words": (added("install = [[]]"), "git.install.0: must not be empty"),
    "a command without program": (added("install = [['', 'x']]"), "the first word is the program"),
    "text for a number": (added("timeout = '5'", "checks"), "checks.timeout: must be a valid number (Seconds"),
    "yes for a number": (added("timeout = true", "checks"), "checks.timeout: must be a valid number"),
    "no number": (added("timeout = nan", "checks"), "checks.timeout: must be a finite number"),
    "no end": (added("window = inf", "observation"), "observation.window: must be a finite number"),
    "too small": (added("timeout = 0", "checks"), "checks.timeout: must be greater than 0"),
    "half a request": (added("min_requests = 1.5", "observation"), "observation.min_requests: must be a valid integer"),
    "a number for yes": (added("before = [{ run = ['x'], repeatable = 1 }]", "hooks"), "must be a valid boolean"),
    "a route": (added("up = 'up'", "checks"), "checks.up: must begin with / (Liveness route"),
    "an optional route": (added("version = 'version'", "checks"), "checks.version: a route starts with /"),
    "a url": (PRODUCTION.replace("http:", "ftp:"), "production.url: must begin with http:// or https://"),
    "a choice": (added("policy = 'maybe'", "approval"), "must be 'none', 'confirm' or 'second-person'"),
    "no platform": (PRODUCTION.replace('platform = "git"', ""), "production.platform: is missing (What runs it"),
    "another platform": (PRODUCTION.replace('"git"', '"docker"'), 'platform = "docker" does not use the table git'),
    "no table of its platform": (PRODUCTION.partition(f"[{KEY}.git]")[0], 'platform = "git" needs the table git'),
    "releases without repository": (added("layout = 'releases'"), 'layout = "releases" needs repository'),
    "shared in place": (added("shared = ['x']"), 'shared belongs to layout = "releases"'),
    "an option for a host": (added("hosts = ['-oProxyCommand=x']"), "is no host"),
    "a host twice": (added("hosts = ['a', 'a']"), "a host is named twice"),
    "no host": (added("hosts = []"), "git.hosts: must not be empty"),
    "a relative path far away": (added("hosts = ['web-1']"), "shop must be absolute: it is a path on web-1, too"),
    "a number for a variable": (added("env = { A = 5 }"), 'git.env.A: must be text, { env = "NAME" } or { file'),
    "a secret from two places": (added("env = { A = { env = 'x', file = 'y' } }"), "git.env.A: name exactly one of"),
    "a secret from nowhere": (added("env = { A = {} }"), "git.env.A: name exactly one of env and file"),
    "a secret's unknown key": (added("env = { A = { envv = 'x' } }"), "git.env.A.envv: unknown key; did you mean env?"),
    "a variable's name": (added("env = { 'A; id' = 'x' }"), "git.env.A; id: must be letters, digits and underscores"),
    "its own staging": (PRODUCTION.replace("url", 'staging = "production"\nurl'), "which is the environment itself"),
    "a staging that is none": (PRODUCTION.replace("url", 'staging = "test"\nurl'), "which is no environment"),
    "one folder twice": (PRODUCTION + STAGING.replace('"staging"', '"shop"'), "staging and production are one folder"),
}


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said(load: Callable[..., Loaded], text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)) as caught:
        load(text)
    assert "runbooks.toml" in caught.value.message
    assert caught.value.next_step


def test_everything_that_is_wrong_is_said_at_once(load: Callable[..., Loaded]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(added("shred = []\nhosts = 5") + f"[{KEY}.checks]\ntimeout = -1\n")
    assert caught.value.message.count("\n") == 3


@pytest.mark.parametrize("name", ["../..", "/etc", ".", "", "a/../..", "storage/../../x"])
def test_what_is_shared_lies_below_the_release(load: Callable[..., Loaded], name: str) -> None:
    with pytest.raises(ConfigurationError, match="must be a name below the release's folder"):
        load(added(f"layout = 'releases'\nrepository = 'r'\nshared = ['{name}']"))


@pytest.mark.parametrize("names", ["'storage', 'storage/app'", "'storage', 'storage/'"])
def test_what_is_shared_is_shared_once(load: Callable[..., Loaded], names: str) -> None:
    with pytest.raises(ConfigurationError, match="is shared twice"):
        load(added(f"layout = 'releases'\nrepository = 'r'\nshared = [{names}]"))


# -- files ----------------------------------------------------------------------------------------------------------


def test_a_mark_of_an_editor_in_front_does_not_matter(load: Callable[..., Loaded]) -> None:
    assert load(b"\xef\xbb\xbf" + PRODUCTION.encode()).target().label == "shop/production"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", PRODUCTION.encode("utf-16")])
def test_other_encodings_are_refused(load: Callable[..., Loaded], content: bytes) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(content)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        config.load(tmp_path / "runbooks.toml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "runbooks.toml").mkdir()
    assert config.find(tmp_path) is None or config.find(tmp_path) != tmp_path / "runbooks.toml"
    with pytest.raises(ConfigurationError, match="cannot be read"):
        config.load(tmp_path / "runbooks.toml")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    # Permissions do not stop root; the memory of a process cannot be read from its beginning by anybody.
    (tmp_path / "runbooks.toml").symlink_to("/proc/self/mem")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        config.load(tmp_path / "runbooks.toml")


def test_the_nearest_file_upwards_is_found(tmp_path: Path) -> None:
    (tmp_path / "a/b/c").mkdir(parents=True)
    (tmp_path / "runbooks.toml").touch()
    (tmp_path / "a/runbooks.toml").touch()
    assert config.find(tmp_path / "a/b/c") == tmp_path / "a/runbooks.toml"


def test_the_project_is_where_its_state_is_or_its_repository(tmp_path: Path) -> None:
    (tmp_path / "project/.git").mkdir(parents=True)
    (tmp_path / "project/deep/down").mkdir(parents=True)
    assert config.project_root(tmp_path / "project/deep/down") == tmp_path / "project"
    (tmp_path / "project/deep/.runbooks").mkdir()
    assert config.project_root(tmp_path / "project/deep/down") == tmp_path / "project/deep"


# -- targets --------------------------------------------------------------------------------------------------------


def test_paths_start_from_the_files_folder(load: Callable[..., Loaded], tmp_path: Path) -> None:
    target = load('[journal]\nfolder = "../record"\n' + PRODUCTION).target()
    assert target.root == tmp_path
    assert target.state == tmp_path.parent / "record"
    assert target.resolve(Path("shop")) == tmp_path / "shop"
    assert target.resolve(Path("/srv")) == Path("/srv")
    assert target.resolve(Path("~/shop")) == Path.home() / "shop"


def test_the_only_service_need_not_be_named(load: Callable[..., Loaded]) -> None:
    loaded = load(PRODUCTION + STAGING)
    assert loaded.target().label == loaded.target("shop", "production").label == "shop/production"
    assert loaded.target(environment="staging").staging is None


@pytest.mark.parametrize(
    ("service", "environment", "said"),
    [
        ("shpo", "production", "no service 'shpo'.*\nNext: use one of: shop"),
        ("", "prod", "service shop has no environment 'prod'\nNext: use one of: production"),
    ],
)
def test_a_target_that_is_not_there(load: Callable[..., Loaded], service: str, environment: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        load().target(service, environment)


def test_one_of_several_services_has_to_be_named(load: Callable[..., Loaded]) -> None:
    with pytest.raises(ConfigurationError, match="has several services: shop, blog"):
        load(PRODUCTION + PRODUCTION.replace("shop", "blog")).target()


def test_a_command_names_the_service_only_where_there_are_several(load: Callable[..., Loaded]) -> None:
    assert load().target().command("triage") == "papermill triage.ipynb -p environment production"
    blog = load(PRODUCTION + PRODUCTION.replace("shop", "blog")).target("blog")
    assert blog.command("rollback", tag="v1") == (
        "papermill rollback.ipynb -p tag v1 -p service blog -p environment production"
    )


def test_staging_is_a_target_of_its_own(load: Callable[..., Loaded]) -> None:
    staging = load(PRODUCTION.replace("url", 'staging = "staging"\nurl') + STAGING).target().staging
    assert staging is not None
    assert (staging.label, staging.staging) == ("shop/staging", None)


# -- secrets --------------------------------------------------------------------------------------------------------


def secret(load: Callable[..., Loaded], reference: str) -> str:
    target = load(added(f"env = {{ A = {reference} }}")).target()
    assert isinstance(target.environment, Environment)
    assert target.environment.git is not None
    value = target.secrets_resolved(target.environment.git.env)["A"]
    return value if isinstance(value, str) else value.reveal()


def test_a_secret_of_a_variable(load: Callable[..., Loaded], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_KEY", "a secret of a variable")
    assert secret(load, '{ env = "SHOP_KEY" }') == "a secret of a variable"


def test_a_secret_of_a_file_beside_the_configuration(
    load: Callable[..., Loaded], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("a secret of a file\nanother line\n")
    monkeypatch.chdir("/")
    assert secret(load, '{ file = "key" }') == "a secret of a file"


def test_a_plain_value_is_no_secret(load: Callable[..., Loaded]) -> None:
    assert secret(load, '"plain"') == "plain"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ('{ env = "SHOP_UNSET" }', "SHOP_UNSET is not set"),
        ('{ env = "SHOP_EMPTY" }', "SHOP_EMPTY is empty"),
        ('{ file = "missing" }', "missing cannot be read"),
        ('{ file = "empty" }', "empty first line"),
        ('{ file = "blank" }', "empty first line"),
        ('{ file = "binary" }', "cannot be read"),
    ],
)
def test_a_secret_that_is_not_there(
    load: Callable[..., Loaded], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str, said: str
) -> None:
    monkeypatch.setenv("SHOP_EMPTY", "")
    for name, content in (("empty", b""), ("blank", b"\nx"), ("binary", b"\xff\xfe")):
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=said):
        secret(load, reference)
    assert os.environ.get("SHOP_UNSET") is None


@pytest.mark.parametrize(("driver", "kind"), [("mysql", "mysql"), ("mariadb", "mysql"), ("pgsql", "pgsql")])
def test_a_driver_called_mariadb_speaks_to_what_mysql_does(driver: Any, kind: str) -> None:
    assert Laravel(database=driver).kind == kind
