"""The status page: its components, and the pages elsewhere that are kept in step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from runbook_lib.config.values import Count, Name, Number, SecretReference, Table, Url, Yes


class Component(Table):
    """One line of the status page."""

    name: str = Field(min_length=1, description="What users call it.")
    environment: str = Field(description="Whose state it shows, service and environment: shop/production.")
    description: str = Field("", description="What it is, in a sentence for users.")
    statuspage: str = Field("", description="Id of this component at Statuspage; empty: not there.")
    cachet: Count = Field(0, ge=0, description="Number of this component in Cachet; 0: not there.")


class Statuspage(Table):
    """A page at Atlassian Statuspage that is kept in step."""

    page: Name = Field(description="Id of the page.")
    key: SecretReference = Field(description="The API key that may write to the page.")
    url: Url = Field("https://api.statuspage.io/v1", description="Where the API is.")
    notify: Yes = Field(True, description="Whether Statuspage tells its subscribers.")


class Cachet(Table):
    """A Cachet 2 that is kept in step."""

    url: Url = Field(description="Where it is; /api/v1 is added.")
    key: SecretReference = Field(description="The API token of a user of it.")
    notify: Yes = Field(True, description="Whether Cachet tells its subscribers.")


class StatusPage(Table):
    """The status page that is made from the record, and others like it."""

    title: str = Field("Status", description="Heading of the page.")
    url: str = Field("", description="Address at which the page is published; for the links of the feed.")
    audience: str = Field(
        "customers", description="Audience whose messages are the updates on the page; its words are used."
    )
    days: Annotated[Number, Field(gt=0, le=3650)] = Field(90, description="Days of history on the page.")
    components: list[Component] = Field(
        [], description="The lines of the page; empty: each environment that is nobody's staging."
    )
    statuspage: Statuspage | None = Field(None, description="A page at Atlassian Statuspage; none: not used.")
    cachet: Cachet | None = Field(None, description="A Cachet; none: not used.")

    @model_validator(mode="after")
    def _once(self) -> StatusPage:
        labels = [component.environment for component in self.components]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise ValueError(f"components name {twice[0]} twice")
        return self


class Review(Table):
    """Where reviews leave what they make."""

    folder: Path = Field(Path("docs/postmortems"), description="Folder of the post-mortems; relative to this file.")
    remote: str = Field("", description="Git remote that a proposed change is pushed to; empty: it stays here.")

    @field_validator("remote")
    @classmethod
    def _remote(cls, value: str) -> str:
        if value.startswith("-"):
            raise ValueError(f"{value!r} is no remote")
        return value
