"""What is revoked in tables of the application's database, as statements. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from runbook_lib.config import DatabaseKind, Revocation
from runbook_lib.revocation.selection import Selection

SANCTUM = "personal_access_tokens"
_TABLES = {
    "sqlite": "SELECT name AS found FROM sqlite_master WHERE type = 'table'",
    "mysql": "SELECT table_name AS found FROM information_schema.tables WHERE table_schema = DATABASE()",
    "pgsql": "SELECT tablename AS found FROM pg_tables WHERE schemaname = ANY (current_schemas(false))",
}


@dataclass(frozen=True)
class Revoked:
    """One kind of thing in one table. kind: by its name in runbooks.toml; what: for a reader; conditions: which rows;
    change: what is done to them, up to its condition; made: column of the time at which a row was made, or empty."""

    kind: str
    table: str
    what: str
    conditions: tuple[str, ...]
    change: str
    made: str = ""

    @property
    def count(self) -> str:
        """How many there are, and the newest one's time."""
        newest = f"MAX({self.made})" if self.made else "NULL"
        return f"SELECT COUNT(*) AS number, {newest} AS newest FROM {self.table}{self._where()}"

    def left(self, newest: str) -> str:
        """How many of those that were counted are there still. newest: as `count` gave it."""
        bound = f"{self.made} <= '{newest}'" if self.made and newest else ""
        return f"SELECT COUNT(*) AS number FROM {self.table}{self._where(bound)}"

    @property
    def act(self) -> str:
        return f"{self.change}{self._where()}"

    def _where(self, *more: str) -> str:
        conditions = [condition for condition in (*self.conditions, *more) if condition]
        return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def tables_command(dialect: DatabaseKind) -> str:
    """The statement that lists the tables."""
    return _TABLES[dialect]


def revoked(
    about: Revocation, dialect: DatabaseKind, selection: Selection, kinds: Collection[str], tables: Collection[str]
) -> list[Revoked]:
    """What there is to revoke in the tables that the database has; in the order in which it is done."""
    every = [*_sanctum(about, selection, dialect), *_passport(about, selection, dialect), *_sessions(about, selection)]
    every += [*_remember(about, selection), *_resets(about, selection)]
    return [one for one in every if one.kind in kinds and one.table.rpartition(".")[2] in tables]


def types_command() -> str:
    """The statement that lists the types of models to which Sanctum's tokens belong."""
    return f"SELECT DISTINCT tokenable_type AS type FROM {SANCTUM} ORDER BY tokenable_type"


def _sanctum(about: Revocation, who: Selection, dialect: DatabaseKind) -> Iterator[Revoked]:
    # Models of other types have the same ids. Everybody's are those of all types.
    some = about.user_type if not who.everybody else ""
    kind = some.replace("\\", "\\\\") if dialect == "mysql" else some
    conditions = (
        f"tokenable_type = '{kind}'" if kind else "",
        who.by_id("tokenable_id", about.users),
        who.made_since("created_at"),
    )
    yield Revoked("sanctum", SANCTUM, "Sanctum tokens", conditions, f"DELETE FROM {SANCTUM}", "created_at")


def _passport(about: Revocation, who: Selection, dialect: DatabaseKind) -> Iterator[Revoked]:
    yes, no = ("true", "false") if dialect == "pgsql" else ("1", "0")
    mine = [one for one in (who.by_id("user_id", about.users), who.made_since("created_at")) if one]
    tokens = f"SELECT id FROM oauth_access_tokens WHERE {' AND '.join(mine)}" if mine else ""
    for table, what, conditions, made in (
        ("oauth_refresh_tokens", "Passport refresh tokens", [f"access_token_id IN ({tokens})"] if tokens else [], ""),
        ("oauth_auth_codes", "Passport codes", [who.by_id("user_id", about.users)], ""),
        ("oauth_device_codes", "Passport codes of devices", [who.by_id("user_id", about.users)], ""),
        ("oauth_access_tokens", "Passport tokens", mine, "created_at"),
    ):
        active = (f"revoked = {no}", *conditions)
        yield Revoked("passport", table, what, active, f"UPDATE {table} SET revoked = {yes}", made)


def _sessions(about: Revocation, who: Selection) -> Iterator[Revoked]:
    if about.sessions == "database":
        table = about.session_table
        conditions = (who.by_id("user_id", about.users), who.active_since("last_activity"))
        yield Revoked("sessions", table, "sessions", conditions, f"DELETE FROM {table}", "last_activity")


def _remember(about: Revocation, who: Selection) -> Iterator[Revoked]:
    conditions = ("remember_token IS NOT NULL", who.of_users())
    change = f"UPDATE {about.users} SET remember_token = NULL"
    yield Revoked("remember", about.users, "remember-me tokens", conditions, change)


def _resets(about: Revocation, who: Selection) -> Iterator[Revoked]:
    for table in ("password_reset_tokens", "password_resets"):
        conditions = (who.by_email("email", about.users), who.made_since("created_at"))
        yield Revoked("resets", table, "password-reset tokens", conditions, f"DELETE FROM {table}", "created_at")
