"""Revoking as readings and steps: counted before, verified after."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runbook_lib.command import Result, printable
from runbook_lib.config import DatabaseKind, Laravel, Revocation, Target
from runbook_lib.errors import CommandError, ConfigurationError, ParameterError
from runbook_lib.laravel.sql import rows_of, sql_command
from runbook_lib.platforms.base import Platform
from runbook_lib.platforms.command_step import Bench
from runbook_lib.revocation import sessions
from runbook_lib.revocation.selection import Selection
from runbook_lib.revocation.tables import SANCTUM, Revoked, revoked, tables_command, types_command
from runbook_lib.run.plan import Step, Verdict

REDIS = "redis"
NO_UNDO = "who is meant to be in signs in again"
RISK = "who has one is put out at once"


@dataclass(frozen=True)
class Revoking:
    """What lets users in, in one environment. hosts: where the application is live; kinds: which of those of
    runbooks.toml; run: the run's id."""

    target: Target
    platform: Platform
    hosts: Sequence[str]
    selection: Selection
    kinds: Sequence[str]
    run: str

    def read(self) -> dict[str, Any]:
        """What there is, as plain data that is stable while users come and go. ConfigurationError for what cannot be
        selected."""
        tables = {str(row["found"]) for row in self._ask(tables_command(self._dialect))}
        self._refuse_unknown(tables)
        return {"tables": sorted(tables & {one.table for one in self._revoked(tables)}), "places": self._places()}

    def count(self, read: dict[str, Any]) -> dict[str, Any]:
        """How much there is now, by table or place."""
        tables = {one.table: self._counted(one) for one in self._revoked(read["tables"])}
        return tables | {_sessions_on(place): self._stored(place) for place in read["places"]}

    def steps(self, read: dict[str, Any], section: str) -> tuple[Step, ...]:
        """The steps that revoke it. Pure."""
        return (*self._in_tables(read, section), *self._in_places(read, section))

    def verify(self, read: dict[str, Any], counted: dict[str, Any]) -> Verdict:
        """Nothing of what was counted is left; what was made since does not count."""
        left = {one.table: self._left(one, counted) for one in self._revoked(read["tables"])}
        left |= {_sessions_on(place): self._left_in(place, counted) for place in read["places"]}
        wrong = [f"{number} of {name} are left" for name, number in left.items() if number]
        before = sum(item["number"] for item in counted.values())
        if wrong:
            return Verdict("FAIL", tuple(wrong), {"before": before, "left": sum(left.values())})
        return Verdict("PASS", (f"nothing is left of {before}",), {"before": before, "left": 0})

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the approver must know."""
        unknown = "sessions" in self.kinds and self._about.sessions == "none"
        return ("sessions go on: revocation.sessions in runbooks.toml does not say where they are",) if unknown else ()

    def without(self, read: dict[str, Any]) -> list[str]:
        """The kinds of which the application has no table and no place."""
        has = {one.kind for one in self._revoked(read["tables"])} | ({"sessions"} if read["places"] else set())
        return [kind for kind in self.kinds if kind not in has]

    def _refuse_unknown(self, tables: Collection[str]) -> None:
        about = self._about
        needed = [] if self.selection.everybody else [(about.users, "users")]
        if "sessions" in self.kinds and about.sessions == "database":
            needed.append((about.session_table, "session_table"))
        for table, key in needed:
            if table.rpartition(".")[2] not in tables:
                raise ConfigurationError(
                    f"the application's database has no table {table}", next_step=f"set revocation.{key}"
                )
        if self.selection.everybody:
            return
        if "sanctum" in self.kinds and SANCTUM in tables:
            self._refuse_types()
        found = self._ask(f"SELECT id, email FROM {about.users} WHERE {self.selection.of_users()}")
        missing = self.selection.missing(found)
        if missing:
            raise ParameterError(
                f"users: {about.users} has none {', '.join(missing[:5])}",
                next_step="look up how they are written there",
            )

    def _refuse_types(self) -> None:
        """ConfigurationError where an id alone does not tell whose token it is."""
        types = [str(row["type"]) for row in self._ask(types_command())]
        wanted = self._about.user_type
        if wanted and types and wanted not in types:
            raise ConfigurationError(
                f"no token of {SANCTUM} belongs to a {printable(wanted, 80)}",
                next_step=f"set revocation.user_type to one of {printable(', '.join(types), 200)}",
            )
        if len(types) > 1 and not wanted:
            raise ConfigurationError(
                f"tokens of {SANCTUM} belong to models of {len(types)} types, and the same id is in each",
                next_step=f"set revocation.user_type to that of {self._about.users}, one of "
                f"{printable(', '.join(types), 200)}",
            )

    # -- tables -----------------------------------------------------------------------------------------------------

    def _revoked(self, tables: Collection[str]) -> list[Revoked]:
        return revoked(self._about, self._dialect, self.selection, self.kinds, tables)

    def _counted(self, one: Revoked) -> dict[str, Any]:
        row = self._ask(one.count)[0]
        return {"number": int(row["number"]), "newest": "" if row["newest"] is None else str(row["newest"])}

    def _left(self, one: Revoked, counted: dict[str, Any]) -> int:
        before = counted[one.table]
        left = int(self._ask(one.left(before["newest"]))[0]["number"])
        return left if one.made else _not_fewer(left, before["number"])

    def _left_in(self, place: str, counted: dict[str, Any]) -> int:
        return _not_fewer(int(self._stored(place)["number"]), counted[_sessions_on(place)]["number"])

    def _in_tables(self, read: dict[str, Any], section: str) -> Iterator[Step]:
        host = self.hosts[0]
        for one in self._revoked(read["tables"]):
            connector, inside = self.platform.live(sql_command(self._laravel, one.act), host)
            bench = Bench(connector, f"{section}.{host}", self.run)
            name = one.table.replace(".", "-")
            step = bench.step(name, f"revoke {one.what}", inside, repeatable=True, no_undo=NO_UNDO)
            yield replace(step, shows=(one.act,), risk=RISK)

    def _ask(self, statement: str) -> list[dict[str, Any]]:
        connector, inside = self.platform.live(sql_command(self._laravel, statement), self.hosts[0])
        return rows_of(connector.read(inside))

    # -- files and Redis --------------------------------------------------------------------------------------------

    def _places(self) -> list[str]:
        """Where sessions are kept besides tables."""
        if "sessions" not in self.kinds or self._about.sessions not in ("file", "redis"):
            return []
        if not self.selection.everybody or self.selection.since:
            raise ConfigurationError(
                f"sessions in {self._about.sessions} do not tell whose they are",
                next_step="revoke everybody's, or leave sessions out: -p kinds sanctum,passport,remember,resets",
            )
        return [REDIS] if self._about.sessions == "redis" else list(self.hosts)

    def _stored(self, place: str) -> dict[str, Any]:
        if place == REDIS:
            return {"number": sessions.count_keys(self.target), "newest": ""}
        command = sessions.count_files(self._about, self._laravel.folder or ".")
        connector, inside = self.platform.live(command, place)
        return {"number": _number(connector.read(inside)), "newest": ""}

    def _in_places(self, read: dict[str, Any], section: str) -> Iterator[Step]:
        for place in read["places"]:
            if place == REDIS:
                yield self._step(f"{section}.redis.sessions", "end sessions", "local", self._remove_keys)
                continue
            command = sessions.remove_files(self._about, self._laravel.folder or ".")
            connector, inside = self.platform.live(command, place)
            bench = Bench(connector, f"{section}.{place}", self.run)
            yield bench.step("sessions", "end sessions", inside, repeatable=True, no_undo=NO_UNDO, risk=RISK)

    def _remove_keys(self) -> str:
        return f"{sessions.remove_keys(self.target)} ended"

    def _step(self, name: str, title: str, host: str, do: Callable[[], str]) -> Step:
        return Step(name, title, do, lambda: None, host=host, repeatable=True, no_undo=NO_UNDO, risk=RISK)

    @property
    def _dialect(self) -> DatabaseKind:
        kind = self._laravel.database
        return "mysql" if kind == "mariadb" else kind

    @property
    def _about(self) -> Revocation:
        return self.target.environment.revocation

    @property
    def _laravel(self) -> Laravel:
        laravel = self.target.environment.laravel
        if laravel is None:
            raise ConfigurationError(
                f"{self.target.label} has no table laravel", next_step="add it to runbooks.toml; the example shows it"
            )
        return laravel


def _not_fewer(left: int, before: int) -> int:
    """Of those without a time, what counts as left: who signed in again since has a new one."""
    return left if 0 < before <= left else 0


def _sessions_on(place: str) -> str:
    return f"sessions on {place}"


def _number(result: Result) -> int:
    try:
        return int(result.output)
    except ValueError as error:
        raise CommandError(
            f"the sessions cannot be counted: {result.last_line}", next_step="check session_folder"
        ) from error
