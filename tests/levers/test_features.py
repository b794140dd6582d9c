"""Features switched off in real stores, and what was there before put back, whatever it was."""

from __future__ import annotations

import pytest
import redis

from runbook_lib.errors import ConfigurationError, ParameterError, PlatformError, VerificationFailedError
from tests.levers.mitigating import Project, mitigate, plan, undo
from tests.levers.stores import connected, run
from tests.real.databases import Database, RedisServer

KEY = "shop:features:it's; a 'key'"
REDIS = f"""
[LEVERS.features.recommendations]
redis = "{KEY}"
[LEVERS.features.reviews]
redis = "shop:features:reviews"
off = "off"
"""
TABLE = """
[LEVERS.features.recommendations]
table = "features"
column = "select"
key = "name"
row = "it's; DROP TABLE features --"
"""
COMMANDS = """
[LEVERS.features.search]
disable = ["rm", "-f", "search-on"]
enable = ["touch", "search-on"]
enabled = ["test", "-e", "search-on"]
"""
NAME = "recommendations"


@pytest.fixture
def client(project: Project, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> redis.Redis:
    number = redis_server.fresh(5)
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{redis_server.port}/{number}")
    project.configure(REDIS, redis='url = { env = "REDIS_URL" }')
    return redis.Redis(port=redis_server.port, db=number)


@pytest.mark.real
class TestRedis:
    @pytest.mark.parametrize("was", [b"1", b"yes", b"", b"\xff\x00", None], ids=str)
    def test_what_was_there_is_put_back(self, project: Project, client: redis.Redis, was: bytes | None) -> None:
        if was is not None:
            client.set(KEY, was)
        mitigate("disable_features", NAME)
        assert client.get(KEY) == b"0"
        assert project.says == ["in effect"]
        undo("disable_features", NAME)
        assert client.get(KEY) == was
        assert project.in_force == []

    def test_what_it_had_left_to_live_is_kept(self, client: redis.Redis) -> None:
        client.set(KEY, "1", ex=500)
        mitigate("disable_features", NAME)
        assert client.ttl(KEY) > 400

    def test_several_at_once_are_in_force_each(self, project: Project, client: redis.Redis) -> None:
        client.mset({KEY: "1", "shop:features:reviews": "on"})
        summary = mitigate("disable_features", "recommendations, reviews")
        assert "-p value 'recommendations, reviews'" in summary
        assert client.get("shop:features:reviews") == b"off"
        assert [item.what for item in project.in_force] == [
            "feature recommendations switched off",
            "feature reviews switched off",
        ]
        undo("disable_features", "reviews")
        assert [item.facts["value"] for item in project.in_force] == ["recommendations"]
        undo("disable_features", "recommendations")
        assert client.mget([KEY, "shop:features:reviews"]) == [b"1", b"on"]

    def test_switched_on_by_hand_it_is_noticed(self, project: Project, client: redis.Redis) -> None:
        client.set(KEY, "1")
        mitigate("disable_features", NAME)
        client.set(KEY, "1")
        assert project.says == ["not in effect: undone by hand, or never come to be"]
        undo("disable_features", NAME)
        assert [event.data.get("by") for event in project.journal.events(kind="lifted")] == ["was undone by hand"]

    def test_a_key_that_is_no_text_is_an_error(self, project: Project, client: redis.Redis) -> None:
        client.rpush(KEY, "a list")
        with pytest.raises(PlatformError, match="WRONGTYPE"):
            mitigate("disable_features", NAME)
        assert project.in_force == []

    def test_what_users_still_see_goes_back(self, project: Project, client: redis.Redis) -> None:
        client.set(KEY, "1")
        check = 'check = { name = "gone", path = "/recommendations", status = 404 }\n'
        project.configure(REDIS.replace("[LEVERS.features.reviews]", check + "[LEVERS.features.reviews]"),
                          redis='url = { env = "REDIS_URL" }')  # fmt: skip
        project.routes.statuses["/recommendations"] = 200
        with pytest.raises(VerificationFailedError, match="200 instead of 404"):
            mitigate("disable_features", NAME)
        assert (client.get(KEY), project.in_force) == (b"1", [])
        del project.routes.statuses["/recommendations"]
        mitigate("disable_features", NAME)
        assert len(project.in_force) == 1

    @pytest.mark.slow
    @pytest.mark.parametrize(("number", "when"), [(6, "after"), (8, "after"), (9, "before")])
    def test_killed_and_given_again_what_was_there_before_is_known(
        self, project: Project, client: redis.Redis, number: int, when: str
    ) -> None:
        client.set(KEY, "yes")
        project.killed(number, when, "disable_features", NAME)
        mitigate("disable_features", NAME)
        assert client.get(KEY) == b"0"
        undo("disable_features", NAME)
        assert client.get(KEY) == b"yes"


@pytest.mark.real
@pytest.mark.parametrize("driver", ["pgsql", "mysql", "sqlite"])
class TestDatabase:
    @pytest.fixture
    def database(self, project, driver, request, monkeypatch) -> Database:
        """Two flags; the column is a word of SQL, the row's name looks like a statement."""
        if driver == "sqlite":
            database = Database("sqlite", str(project.root / "shop.db"))
            (project.root / "shop.db").touch()
            project.configure(TABLE, database='kind = "sqlite"\nfile = "shop.db"')
        else:
            database = request.getfixturevalue("postgresql" if driver == "pgsql" else "mariadb").fresh()
            connected(project, database, TABLE, monkeypatch)
        column, kind = ("`select`", "BOOLEAN") if driver == "mysql" else ('"select"', "BOOLEAN")
        on = "true" if driver == "pgsql" else "1"
        run(database, f"CREATE TABLE features (name VARCHAR(80), {column} {kind})")
        rows = f"INSERT INTO features VALUES ('it''s; DROP TABLE features --', {on}), ('other', {on})"
        if driver == "sqlite":
            connection = database.connect()
            connection.execute(rows)
            connection.commit()
            connection.close()
        else:
            run(database, rows)
        return database

    def flags(self, database: Database) -> list[int]:
        return [row[1] and int(row[1]) for row in run(database, "SELECT * FROM features ORDER BY name")]

    def test_one_row_is_changed_and_put_back(self, project: Project, database: Database) -> None:
        mitigate("disable_features", NAME)
        assert self.flags(database) == [0, 1]
        assert project.says == ["in effect"]
        undo("disable_features", NAME)
        assert self.flags(database) == [1, 1]

    def test_null_is_put_back_as_null(self, project: Project, database: Database) -> None:
        column = "`select`" if database.driver == "mysql" else '"select"'
        connection = database.connect()
        connection.cursor().execute(f"UPDATE features SET {column} = NULL")
        connection.commit()
        connection.close()
        mitigate("disable_features", NAME)
        undo("disable_features", NAME)
        assert self.flags(database) == [None, None]

    def test_a_row_that_is_not_there_is_an_error(self, project: Project, database: Database) -> None:
        connection = database.connect()
        connection.cursor().execute("DELETE FROM features WHERE name LIKE 'it%'")
        connection.commit()
        connection.close()
        with pytest.raises(PlatformError, match="features has 0 rows"):
            mitigate("disable_features", NAME)


class TestCommands:
    def test_it_is_switched_off_and_on_again(self, project: Project) -> None:
        (project.root / "search-on").touch()
        project.configure(COMMANDS)
        mitigate("disable_features", "search")
        assert not (project.root / "search-on").exists()
        undo("disable_features", "search")
        assert (project.root / "search-on").exists()

    def test_what_was_off_before_stays_off(self, project: Project) -> None:
        project.configure(COMMANDS)
        assert "search is off already" in str(plan("disable_features", "search"))
        mitigate("disable_features", "search")
        undo("disable_features", "search")
        assert not (project.root / "search-on").exists()

    def test_a_probe_that_says_neither_is_an_error(self, project: Project) -> None:
        project.configure(COMMANDS.replace('["test", "-e", "search-on"]', '["sh", "-c", "exit 7"]'))
        with pytest.raises(PlatformError, match="nothing tells whether search is on"):
            mitigate("disable_features", "search")


def test_without_features_the_key_to_add_is_named(project: Project) -> None:
    project.configure()
    with pytest.raises(ConfigurationError, match="disable_features has no lever") as caught:
        mitigate("disable_features", "search")
    assert "levers.features.NAME" in caught.value.next_step


@pytest.mark.parametrize("name", ["", "serch", "search; rm -rf /", "$(id)", "search,search", "../search", "-rf"])
def test_a_feature_that_is_not_configured_is_refused(project: Project, name: str) -> None:
    project.configure(COMMANDS)
    with pytest.raises(ParameterError, match=r"no feature is called|named twice"):
        mitigate("disable_features", name)
    assert project.journal.runs() == []


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("redis = 'x'\ntable = 't'\nrow = 'r'", "exactly one way"),
        ("off = '0'", "exactly one way"),
        ("disable = ['x']\nenable = ['y']", "disable, enable and enabled go together"),
        ("table = 'features; DROP TABLE x'\nrow = 'r'", "must be a plain name in SQL"),
        ("table = 't'\nrow = 'r'\ncolumn = 'a\"b'", "must be a plain name in SQL"),
        ("table = 't'", "table and row go together"),
    ],
)
def test_a_feature_is_switched_in_one_way(project: Project, lines: str, why: str) -> None:
    project.configure(f"[LEVERS.features.search]\n{lines}\n")
    with pytest.raises(ConfigurationError, match=why):
        mitigate("disable_features", "search")
