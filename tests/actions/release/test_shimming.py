"""Shims around a switch: in force before they are made, proven in the schema, and the way back from them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from runbook_lib.actions.release.doors import Doors
from runbook_lib.actions.release.shimming import Shimming, blocking, database_of, put_in_force, shims_in_force
from runbook_lib.command import Command, Result
from runbook_lib.connectors.base import Connector
from runbook_lib.errors import PlatformError, StepFailedError
from runbook_lib.migrations.shimming import Work
from runbook_lib.run.plan import Section, Step
from runbook_lib.run.run import Run
from tests.actions.application import Application, Host

ADD = Work(
    "add column back", "orders", ("total",), "", "orders: total is back", ("ALTER TABLE orders ADD total INT",),
    ("ALTER TABLE orders DROP total",), ("SELECT COUNT(*) FROM orders WHERE total < 0", "rows have a total below 0"),
)  # fmt: skip
NOTE = Work("add column back", "orders", ("memo",), "", "orders: memo is back", ("ADD memo",), ("DROP memo",))


class Altered(Application):
    """Its schema follows the statements. deaf: it says yes to them, and does nothing. rows: that a shim's way back
    would lose."""

    deaf = False
    rows = 0

    def live(self, command: Command, host: str) -> tuple[Connector, Command]:
        return Altering(self, host), command


class Altering(Host):
    application: Altered

    def read(self, command: Command) -> Result:
        if "COUNT" in str(command.raw) + str(command.input):
            return Result(0, f'[{{"found": {self.application.rows}}}]')
        return super().read(command)

    def change(self, command: Command, mark: str, *, repeatable: bool = False) -> Result:
        said = str(command.raw)
        words = said.replace('\\"', " ").replace('"', " ").replace("'", " ").replace("]", " ").split()
        for before, name in pairwise(words):
            if before == "ADD" and not self.application.deaf:
                self.application.columns[name] = "integer"
            elif before == "DROP" and not self.application.deaf:
                self.application.columns.pop(name, None)
        return super().change(command, mark, repeatable=repeatable)


@pytest.fixture
def application(served: Application) -> Altered:
    return Altered(url=served.url, folder=served.folder)


def shimming(application: Altered, run: Run, *works: Work) -> Shimming:
    target = application.target(application.url, application.folder)
    doors = Doors(target, application, application.hosts, "production", run)
    return Shimming(doors, works, database_of(target, application, "web-1").tables().described())


def switch(application: Altered) -> Section:
    def do() -> str:
        application.ran.append(("web-1", "switch"))
        return ""

    step = Step("production.switch", "switch", do, lambda: None)
    return Section("production", "shop/production", "make v1 live", (step,), (replace(step, id="production.back"),))


def forced(run: Run, application: Altered) -> list[str]:
    return [item.what for item in shims_in_force(run, application.target())]


def test_a_shim_is_made_before_the_code_and_compared(application: Altered, run: Run) -> None:
    section = shimming(application, run, ADD).around(switch(application))
    remarks = [step.do() for step in section.steps]
    assert section.title == "make v1 live, with 1 shim"
    assert [step.id.rpartition("production.")[2] for step in section.steps] == [
        "web-1.shim-1",
        "web-1.shims.compare",
        "switch",
    ]
    assert "total" in application.columns
    assert "differences of the shims: 1" in remarks


def test_it_is_in_force_before_its_first_statement(application: Altered, run: Run) -> None:
    seen: list[list[str]] = []
    application.during = lambda name: seen.append(forced(run, application))
    shimming(application, run, ADD).around(switch(application)).steps[0].do()
    assert seen[0] == ["shim: orders: total is back"]


def test_what_is_said_to_be_done_and_is_not_in_the_schema_fails(application: Altered, run: Run) -> None:
    application.deaf = True
    step = shimming(application, run, ADD).around(switch(application)).steps[0]
    with pytest.raises(StepFailedError, match="is not to be seen in the schema"):
        step.do()


def test_a_shim_that_holds_is_done(application: Altered, run: Run) -> None:
    step = shimming(application, run, ADD).around(switch(application)).steps[0]
    assert not step.done()
    application.columns["total"] = "integer"
    assert step.done()


def test_the_plan_shows_the_statements(application: Altered, run: Run) -> None:
    section = shimming(application, run, ADD).around(switch(application))
    assert section.steps[0].shows == ADD.sql
    assert section.back[-1].shows == ADD.undo


def test_the_way_back_takes_the_last_one_back_first(application: Altered, run: Run) -> None:
    section = shimming(application, run, ADD, NOTE).around(switch(application))
    for step in (*section.steps, *section.back):
        step.do()
    assert [step.title for step in section.back[1:]] == ["undo: orders: memo is back", "undo: orders: total is back"]
    assert [step.undoes for step in section.back[1:]] == ["production.web-1.shim-2", "production.web-1.shim-1"]
    assert not {"total", "memo"} & application.columns.keys()
    assert forced(run, application) == []


def test_on_the_way_back_one_that_rows_need_is_left_in_force(application: Altered, run: Run) -> None:
    section = shimming(application, run, ADD).around(switch(application))
    section.steps[0].do()
    application.rows = 3
    assert section.back[-1].do() == "left in force: 3 rows have a total below 0"
    assert "total" in application.columns
    assert forced(run, application) == ["shim: orders: total is back"]


def test_taking_back_is_refused_while_rows_need_it(application: Altered, run: Run) -> None:
    application.rows, application.columns["total"] = 1, "integer"
    step = shimming(application, run, ADD).taken_back(switch(application)).steps[0]
    with pytest.raises(StepFailedError, match="cannot be taken back: 1 rows have a total below 0"):
        step.do()
    assert "total" in application.columns


def test_taken_back_it_is_lifted_and_made_again_when_that_fails(application: Altered, run: Run) -> None:
    put_in_force(run, application.target(), ADD)
    application.columns["total"] = "integer"
    section = shimming(application, run, ADD).taken_back(switch(application))
    section.steps[0].do()
    assert ("total" in application.columns, forced(run, application)) == (False, [])
    section.back[-1].do()
    assert ("total" in application.columns, len(forced(run, application))) == (True, 1)


def test_one_that_somebody_took_back_already_is_done_and_lifted(application: Altered, run: Run) -> None:
    put_in_force(run, application.target(), ADD)
    assert shimming(application, run, ADD).taken_back(switch(application)).steps[0].done()
    assert forced(run, application) == []


@pytest.mark.parametrize(("stops", "names"), [(True, ["down", "down"]), (False, [])])
def test_doors_are_closed_only_where_the_newer_code_stops_working(
    application: Altered, run: Run, stops: bool, names: list[str]
) -> None:
    section = shimming(application, run, replace(ADD, stops=stops)).around(switch(application))
    titles = [step.title for step in section.steps]
    assert [title for title in titles if title == "stop writes: artisan down"] == ["stop writes: artisan down"] * len(
        names
    )
    assert [title for title in titles if title == "artisan up"] == ["artisan up"] * len(names)


def test_a_difference_that_no_shim_makes_is_told(application: Altered, run: Run) -> None:
    compare = shimming(application, run, replace(ADD, table="customers")).around(switch(application)).steps[1]
    application.columns["surprise"] = "text"
    assert "not expected: orders: column surprise is new" in compare.do()


def test_a_shim_is_written_down_once(application: Altered, run: Run) -> None:
    for _ in range(2):
        put_in_force(run, application.target(), ADD)
    assert len(forced(run, application)) == 1


def test_a_shim_without_rows_in_its_way_is_not_blocked(application: Altered) -> None:
    database = database_of(application.target(), application, "web-1")
    assert blocking(database, NOTE) == ""
    application.rows = 2
    assert blocking(database, ADD) == "2 rows have a total below 0"


def test_an_environment_without_laravel_has_no_such_database(application: Altered) -> None:
    target = application.target()
    bare = replace(target, environment=target.environment.model_copy(update={"laravel": None}))
    with pytest.raises(PlatformError, match="shop/production has no table laravel"):
        database_of(bare, application, "web-1")
