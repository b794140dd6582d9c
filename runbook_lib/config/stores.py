"""The application's database, Redis and queues, as this machine reaches them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from runbook_lib.config.values import Count, Number, SecretReference, Table

DatabaseKind = Literal["mysql", "pgsql", "sqlite"]


class Database(Table):
    """The application's database, reached from this machine: for looking, stopping writes, backup and rotation."""

    kind: DatabaseKind = Field(description="What it is: mysql (MariaDB, too), pgsql or sqlite.")
    url: SecretReference | None = Field(
        None, description="Where it is: postgresql://USER:PASSWORD@HOST:PORT/NAME, or mysql:// alike; not for sqlite."
    )
    file: Path | None = Field(None, description="The database file, for sqlite; relative to the folder of this file.")
    timeout: Annotated[Number, Field(gt=0, le=300)] = Field(
        5, description="Seconds that connecting and each look may take."
    )
    slow: Annotated[Number, Field(gt=0)] = Field(5, description="Seconds after which a running query counts as slow.")

    @model_validator(mode="after")
    def _place(self) -> Database:
        wanted, other = ("file", "url") if self.kind == "sqlite" else ("url", "file")
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            raise ValueError(f'kind = "{self.kind}" needs {wanted} and takes no {other}')
        return self


class Redis(Table):
    """The application's Redis, reached from this machine."""

    url: SecretReference = Field(description="Where it is: redis://USER:PASSWORD@HOST:PORT/NUMBER.")
    prefix: str = Field("", description="REDIS_PREFIX of the application.")
    timeout: Annotated[Number, Field(gt=0, le=300)] = Field(
        5, description="Seconds that connecting and each answer may take."
    )


class Queues(Table):
    """Where the application keeps its queued jobs."""

    store: Literal["redis", "database"] = Field(
        description="redis or database; the table of that name says how it is reached."
    )
    table: str = Field("jobs", description="Table of the jobs, for database.")
    failed: str = Field("failed_jobs", description="Table of the failed jobs; empty: not looked at.")
    max_waiting: Annotated[Count, Field(ge=0)] = Field(
        1000, description="Waiting jobs above which the queue counts as backed up."
    )
    max_age: Annotated[Number, Field(gt=0)] = Field(
        600, description="Seconds after which a job that still waits means that the queue is backed up."
    )
