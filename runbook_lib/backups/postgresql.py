"""PostgreSQL: pg_dump and pg_restore, a database beside, and the switch by name."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from threading import Event, Thread
from typing import Any

from runbook_lib.backups.counting import counted, migrations
from runbook_lib.backups.dump import Dump
from runbook_lib.backups.pipeline import consume, stream
from runbook_lib.backups.record import Counted
from runbook_lib.backups.session import Session, session
from runbook_lib.command import Command, Secret, printable, quantity
from runbook_lib.config import DatabaseKind
from runbook_lib.datastores.sql import Place, server
from runbook_lib.errors import PlatformError

# What a server always has, to be connected to while a database is made or renamed.
ADMINISTRATION = ("postgres", "template1")
NAME_LIMIT = 63
# Settings that are lists of names (GUC_LIST_QUOTE), as pg_dump's variable_is_guc_list_quote has them.
LISTS = frozenset(
    {"local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries"}
    | {"temp_tablespaces", "unix_socket_directories"}
)
END_EVERY = 0.1


@dataclass(frozen=True)
class Postgresql:
    """One database of a PostgreSQL server. timeout: seconds for connecting and locks; patience: for a statement."""

    place: Place
    timeout: float
    patience: float

    @property
    def kind(self) -> DatabaseKind:
        return "pgsql"

    @property
    def name(self) -> str:
        return self.place.name

    def server(self) -> str:
        with self.session() as ask:
            return f"PostgreSQL {ask('SHOW server_version')[0][0]}"

    def tool(self) -> str:
        return b"".join(stream([Command.of("pg_dump", "--version")])).decode().strip()

    @contextlib.contextmanager
    def dumping(self) -> Iterator[Dump]:
        with self.session() as ask:
            ask("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            ((snapshot,),) = ask("SELECT pg_export_snapshot()")
            known = migrations(ask)
            # No compression of its own: what compresses comes after it.
            words = ("--format=custom", "--compress=0", f"--snapshot={snapshot}", "--no-password")
            dump = Command.of("pg_dump", *words, env=self.environment(self.name))

            def count() -> Mapping[str, Counted]:
                return counted(ask)

            yield Dump(stream([dump]), count, known)

    def beside(self, mark: str) -> str:
        room = NAME_LIMIT - len(mark) - 1
        return f"{self.name.encode()[:room].decode('utf-8', 'ignore')}_{mark}"

    def exists(self, name: str) -> bool:
        with self._administration() as ask:
            return bool(ask("SELECT 1 FROM pg_database WHERE datname = %s", [name]))

    def fill(self, name: str, pieces: Iterable[bytes]) -> None:
        self.drop(name)
        self._create(name)
        words = ("--exit-on-error", "--single-transaction", "--no-password", f"--dbname={_conninfo(name)}")
        consume([Command.of("pg_restore", *words, env=self.environment(name))], pieces)

    def drop(self, name: str) -> None:
        with self._administration() as ask:
            ask(f"DROP DATABASE IF EXISTS {ask.quoted(name)} WITH (FORCE)")

    def session(self, name: str = "") -> contextlib.AbstractContextManager[Session]:
        place = replace(self.place, name=name or self.name)
        return session(server(place, self.timeout, self.patience), "pgsql")

    def refuse_switch(self) -> None:
        with self._administration() as ask:
            ((can,),) = ask("SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user")
            prepared = ask("SELECT gid FROM pg_prepared_xacts WHERE database = %s", [self.name])
        if not can:
            raise PlatformError(
                f"{self.place.user} may not make or rename databases", next_step="ALTER ROLE ... CREATEDB"
            )
        if prepared:
            raise PlatformError(
                f"database {printable(self.name)} has prepared transactions", next_step="commit or roll them back first"
            )

    def switch(self, new: str, old: str) -> None:
        if self.switched(new, old):
            return
        with self._administration() as ask, self._ending_sessions(self.name, new), ask.transaction():
            # The first rename locks the name, so that nobody connects; it waits until those who are have been ended.
            # One transaction: killed in between, nothing has happened.
            ask(f"ALTER DATABASE {ask.quoted(self.name)} RENAME TO {ask.quoted(old)}")
            ask(f"ALTER DATABASE {ask.quoted(new)} RENAME TO {ask.quoted(self.name)}")

    def switched(self, new: str, old: str) -> bool:
        return self.exists(self.name) and self.exists(old) and not self.exists(new)

    def point_in_time(self) -> list[str]:
        with self.session() as ask:
            ((mode,),), ((level,),) = ask("SHOW archive_mode"), ask("SHOW wal_level")
            ((library,),) = ask(
                "SELECT coalesce(nullif(current_setting('archive_library', true), ''), 'archive_command')"
            )
            archived = ask("SELECT last_archived_wal, last_archived_time, failed_count FROM pg_stat_archiver")
        if mode == "off":
            return [f"archive_mode is off (wal_level {level}): with it on, backups would lead to later moments"]
        wal, at, failures = archived[0]
        return [
            f"archive_mode is {mode} through {library}; last archived: {wal or 'nothing yet'} at {at or '-'}, "
            f"{quantity(failures, 'failure')}",
        ]

    # -- within ----------------------------------------------------------------------------------------------------

    def environment(self, name: str) -> dict[str, str | Secret]:
        """Where the tools connect to: nothing of it is in an argv."""
        place = self.place
        values: dict[str, str | Secret] = {"PGHOST": place.host, "PGPORT": str(place.port), "PGDATABASE": name}
        values |= {"PGUSER": place.user, "PGAPPNAME": "runbook", "PGCONNECT_TIMEOUT": str(max(2, round(self.timeout)))}
        if place.password.reveal():
            values["PGPASSWORD"] = place.password
        return values

    @contextlib.contextmanager
    def _administration(self) -> Iterator[Session]:
        with contextlib.ExitStack() as stack:
            for name in ADMINISTRATION:
                try:
                    opened = stack.enter_context(self.session(name))
                except PlatformError:
                    if name == ADMINISTRATION[-1]:
                        raise
                    continue
                yield opened
                return

    def _create(self, name: str) -> None:
        """An empty database that is as the application's: owner, encoding, locale, settings, rights."""
        with self._administration() as ask:
            ((about, owner),) = ask(
                "SELECT to_jsonb(d), pg_get_userbyid(d.datdba) FROM pg_database d WHERE datname = %s", [self.name]
            )
            options = {
                "OWNER": ask.quoted(owner),
                "ENCODING": _literal(ask("SELECT pg_encoding_to_char(%s::int)", [about["encoding"]])[0][0]),
                "LC_COLLATE": _literal(about["datcollate"]),
                "LC_CTYPE": _literal(about["datctype"]),
                **_icu(about),
            }
            space = ask("SELECT spcname FROM pg_tablespace WHERE oid = %s::oid", [about["dattablespace"]])[0][0]
            # Who names the usual one would need a right to it.
            options |= {} if space == "pg_default" else {"TABLESPACE": ask.quoted(space)}
            options |= {"CONNECTION LIMIT": str(about["datconnlimit"])}
            words = " ".join(f"{key} = {value}" for key, value in options.items())
            ask(f"CREATE DATABASE {ask.quoted(name)} TEMPLATE template0 {words}")
            for statement in [*self._settings(ask, name), *self._rights(ask, name)]:
                ask(statement)

    def _settings(self, ask: Session, name: str) -> Iterator[str]:
        found = ask(
            "SELECT pg_get_userbyid(s.setrole), s.setrole, unnest(s.setconfig) FROM pg_db_role_setting s "
            "JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = %s",
            [self.name],
        )
        for role, number, setting in found:
            key, _, value = setting.partition("=")
            whose = f"ROLE {ask.quoted(role)} IN DATABASE" if number else "DATABASE"
            values = _listed(value) if key.lower() in LISTS else [value]
            given = ", ".join(_literal(one) for one in values)
            yield f"ALTER {whose} {ask.quoted(name)} SET {ask.quoted(*key.split('.'))} = {given}"

    def _rights(self, ask: Session, name: str) -> Iterator[str]:
        rights = ask(
            "SELECT CASE WHEN a.grantee = 0 THEN '' ELSE pg_get_userbyid(a.grantee) END, a.privilege_type "
            "FROM pg_database d CROSS JOIN aclexplode(d.datacl) a WHERE d.datname = %s",
            [self.name],
        )
        if rights:
            yield f"REVOKE ALL ON DATABASE {ask.quoted(name)} FROM PUBLIC"
        for role, privilege in rights:
            yield f"GRANT {privilege} ON DATABASE {ask.quoted(name)} TO {ask.quoted(role) if role else 'PUBLIC'}"

    @contextlib.contextmanager
    def _ending_sessions(self, *names: str) -> Iterator[None]:
        """Within, whoever is connected to these databases is disconnected, again and again."""
        over = Event()

        def end() -> None:
            with contextlib.suppress(PlatformError), self._administration() as ask:
                while True:
                    ask(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = ANY(%s) AND pid <> pg_backend_pid()",
                        [list(names)],
                    )
                    if over.wait(END_EVERY):
                        return

        thread = Thread(target=end, daemon=True, name="ending sessions")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _icu(about: Mapping[str, Any]) -> dict[str, str]:
    """The locale of ICU where the database has one; since version 15, named differently since 17."""
    if about.get("datlocprovider") != "i":
        return {}
    locale = about.get("daticulocale") or about.get("datlocale")
    return {"LOCALE_PROVIDER": "icu", "ICU_LOCALE": _literal(str(locale))}


def _listed(value: str) -> list[str]:
    """The names in a list of the catalogue, each there in the quotes that it needs."""
    found = re.findall(r'"((?:[^"]|"")*)"|([^",\s]+)', value)
    return [quoted.replace('""', '"') or plain for quoted, plain in found] or [""]


def _literal(text: str) -> str:
    quoted = text.replace("'", "''")
    return f" E'{quoted}'".replace("\\", "\\\\") if "\\" in text else f"'{quoted}'"


def _conninfo(name: str) -> str:
    """A database's name as connection string: by itself it would be read as one when it holds '='."""
    return "dbname='" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"
