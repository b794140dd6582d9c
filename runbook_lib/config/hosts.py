"""The hosts or replicas as machines: what must run there, what must have room."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from runbook_lib.config.values import Name, Number, Seconds, Table


class Hosts(Table):
    """What is looked at on each host or replica, inside it where it is a container."""

    processes: dict[Name, str] = Field(
        {}, description="Processes that must run there: a name, and a text of their command line that tells them."
    )
    folders: list[str] = Field(
        ["."], description="Folders whose file systems must have room; absolute, or within the application's folder."
    )
    files: list[str] = Field(
        [".env"], description="Files whose change is worth knowing; absolute, or within the application's folder."
    )
    max_used: Annotated[Number, Field(gt=0, le=1)] = Field(
        0.95, description="Share of space or of files used above which a file system counts as full."
    )
    max_skew: Annotated[Seconds, Field(gt=0)] = Field(
        2, description="Seconds by which a host's clock may differ from this machine's."
    )
