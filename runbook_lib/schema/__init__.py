"""The real schema of a database: one query a kind of database, what its rows say, and how two of them differ."""
