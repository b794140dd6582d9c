"""What the application needs of others: third parties that are asked how they are."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from runbook_lib.config.values import Count, Number, Table, Url


class Dependency(Table):
    """A service outside that the application calls, asked from this machine."""

    url: Url = Field(description="Url that is asked with GET; its health route where there is one.")
    status: Annotated[Count, Field(ge=0, le=599)] = Field(
        0, description="Status that the answer must have; 0: any below 500."
    )
    max_ms: Annotated[Number, Field(gt=0)] = Field(
        1000, description="Milliseconds within which it answers when it is well."
    )
    feature: str = Field("", description="Feature of levers.features that can be switched off while it fails.")
