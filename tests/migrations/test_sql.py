"""Raw SQL in up()."""

from __future__ import annotations

import pytest

from tests.migrations.php import verdict

# statement, database, verdict
SQL = {
    "add a nullable column": ("ALTER TABLE users ADD COLUMN a INT NULL", "mysql", "safe"),
    "add a column with default": ("ALTER TABLE users ADD a INT NOT NULL DEFAULT 3 AFTER b", "mysql", "safe"),
    "add a required column": ("ALTER TABLE users ADD COLUMN a INT NOT NULL", "pgsql", "shim"),
    "add json on postgres": ("ALTER TABLE users ADD COLUMN a json", "pgsql", "shim"),
    "drop a column": ("ALTER TABLE users DROP COLUMN a, DROP COLUMN b", "mysql", "loss"),
    "rename a column": ("ALTER TABLE users RENAME COLUMN a TO b", "pgsql", "shim"),
    "change a column's name": ("ALTER TABLE users CHANGE a b INT NULL", "mysql", "unknown"),
    "modify a column": ("ALTER TABLE users MODIFY a VARCHAR(10) NULL", "mysql", "unknown"),
    "change a type": ("ALTER TABLE users ALTER COLUMN a TYPE varchar(5) USING a::varchar", "pgsql", "loss"),
    "set not null": ("ALTER TABLE users ALTER COLUMN a SET NOT NULL", "pgsql", "shim"),
    "drop not null": ("ALTER TABLE users ALTER COLUMN a DROP NOT NULL", "pgsql", "unknown"),
    "drop default": ("ALTER TABLE users ALTER COLUMN a DROP DEFAULT", "pgsql", "shim"),
    "set default": ("ALTER TABLE users ALTER COLUMN a SET DEFAULT 5", "pgsql", "unknown"),
    "drop identity": ("ALTER TABLE users ALTER COLUMN a DROP IDENTITY", "pgsql", "unknown"),
    "rename a table": ("RENAME TABLE a TO b", "mysql", "shim"),
    "rename two tables": ("RENAME TABLE a TO b, c TO d", "mysql", "unknown"),
    "rename by alter": ("ALTER TABLE a RENAME TO b", "sqlite", "shim"),
    "create a table": ("CREATE TABLE a (id INT PRIMARY KEY)", "mysql", "safe"),
    "drop a table": ("DROP TABLE IF EXISTS a", "pgsql", "loss"),
    "drop two tables": ("DROP TABLE a, b", "mysql", "loss"),
    "create an index": ("CREATE INDEX i ON users (a)", "mysql", "safe"),
    "create an index of an unknown column": ("CREATE INDEX CONCURRENTLY i ON users (a)", "pgsql", "unknown"),
    "create another kind of index": ("CREATE INDEX i ON users USING gin (a)", "pgsql", "safe"),
    "create a table that refers": ("CREATE TABLE a (b INT, FOREIGN KEY (b) REFERENCES users (id))", "mysql", "unknown"),
    "create a table that cascades": ("CREATE TABLE a (b INT REFERENCES users (id) ON DELETE CASCADE)", "pgsql", "safe"),
    "add deleted_at": ("ALTER TABLE users ADD COLUMN deleted_at TIMESTAMP NULL", "mysql", "unknown"),
    "add a generated column": (
        "ALTER TABLE users ADD COLUMN a INT GENERATED ALWAYS AS (1 / b) STORED",
        "pgsql",
        "unknown",
    ),
    "create a full text index": ("ALTER TABLE users ADD FULLTEXT i (a, b)", "mysql", "safe"),
    "create a unique index": ("CREATE UNIQUE INDEX i ON users (a)", "pgsql", "shim"),
    "drop an index": ("DROP INDEX i", "pgsql", "unknown"),
    "add a check": ("ALTER TABLE users ADD CONSTRAINT c CHECK (a > 0)", "pgsql", "shim"),
    "add a foreign key": ("ALTER TABLE users ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES b (id)", "mysql", "shim"),
    "drop a foreign key": ("ALTER TABLE users DROP FOREIGN KEY c", "mysql", "unknown"),
    "drop a constraint": ("ALTER TABLE users DROP CONSTRAINT c", "pgsql", "unknown"),
    "engine": ("ALTER TABLE users ENGINE = InnoDB", "mysql", "safe"),
    "character set": ("ALTER TABLE users CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;", "mysql", "loss"),
    "character set of what is new": ("ALTER DATABASE shop CHARACTER SET utf8mb4", "mysql", "safe"),
    "update": ("UPDATE users SET a = 1 WHERE b = 2", "mysql", "loss"),
    "delete": ("DELETE FROM users", "mysql", "loss"),
    "truncate": ("TRUNCATE TABLE users", "mysql", "loss"),
    "insert": ("INSERT INTO roles (a) VALUES (1)", "mysql", "unknown"),
    "replace": ("REPLACE INTO roles (a) VALUES (1)", "mysql", "unknown"),
    "session setting": ("SET FOREIGN_KEY_CHECKS = 0", "mysql", "safe"),
    "server setting": ("SET GLOBAL sql_mode = ''", "mysql", "unknown"),
    "pragma": ("PRAGMA foreign_keys = OFF", "sqlite", "safe"),
    "extension": ("CREATE EXTENSION IF NOT EXISTS pg_trgm", "pgsql", "safe"),
    "type": ("CREATE TYPE mood AS ENUM ('a')", "pgsql", "safe"),
    "value of a type": ("ALTER TYPE mood ADD VALUE 'b'", "pgsql", "unknown"),
    "view": ("CREATE VIEW v AS SELECT 1", "mysql", "safe"),
    "view replaced": ("CREATE OR REPLACE VIEW v AS SELECT 1", "mysql", "unknown"),
    "view dropped": ("DROP VIEW v", "mysql", "unknown"),
    "schema dropped": ("DROP SCHEMA public CASCADE", "pgsql", "unknown"),
    "comment": ("COMMENT ON COLUMN users.a IS 'x'", "pgsql", "safe"),
    "block": ("DO $$ BEGIN DROP TABLE users; END $$", "pgsql", "unknown"),
    "function called": ("SELECT rebuild_all()", "pgsql", "unknown"),
    "query": ("SELECT COUNT(*) FROM users", "mysql", "safe"),
    "two statements": ("SET FOREIGN_KEY_CHECKS = 0; DROP TABLE users", "mysql", "loss"),
    "no SQL": ("drop it like it is hot", "mysql", "unknown"),
    "nothing": ("  ", "mysql", "safe"),
}


@pytest.mark.parametrize("name", SQL)
def test_statement(name: str) -> None:
    sql, database, expected = SQL[name]
    quoted = sql.replace("\\", "\\\\").replace("'", "\\'")
    assert verdict(f"DB::statement('{quoted}');", None, database) == expected


def test_sql_in_a_heredoc() -> None:
    assert verdict("DB::unprepared(<<<SQL\n    DROP TABLE users\n    SQL);") == "loss"
    assert verdict("DB::unprepared(<<<'SQL'\n    DROP TABLE users\n    SQL);") == "loss"


def test_sql_with_the_prefix_of_tables() -> None:
    assert verdict('$p = DB::getTablePrefix(); DB::statement("ALTER TABLE {$p}users ADD a INT NULL");') == "safe"


def test_sql_of_any_database_is_read_in_each_dialect() -> None:
    assert verdict("DB::statement('ALTER TABLE users ALTER COLUMN a TYPE text');", database="") == "loss"
    assert verdict("DB::statement('ALTER TABLE `users` ENGINE = InnoDB');", database="") == "safe"


def test_sql_by_pdo_and_through_another_connection() -> None:
    assert verdict("DB::connection('x')->statement('DROP TABLE users');") == "loss"
    assert verdict("DB::connection()->getPdo()->exec('DROP TABLE users');") == "loss"


def test_a_large_dump_is_unknown() -> None:
    assert verdict(f"DB::unprepared('{'SELECT 1; ' * 30_000}');") == "unknown"
