"""Who is told of an incident, how, and in which words."""

from __future__ import annotations

from pathlib import Path
from string import Formatter
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from runbook_lib.config.checks import Approval
from runbook_lib.config.values import Count, Name, Number, Seconds, SecretReference, Table, Yes

Severity = Literal["SEV1", "SEV2", "SEV3", "SEV4"]
Phase = Literal["started", "update", "mitigated", "verified", "review"]

# What a template may name; incident/messages.py fills them in.
PLACEHOLDERS = (
    "id",
    "severity",
    "service",
    "environment",
    "title",
    "commander",
    "impact",
    "doing",
    "expected",
    "next_update",
    "since",
    "duration",
    "meeting",
)


def placeholders(text: str) -> set[str]:
    """The names in a template's braces. ValueError for one that there is not, or for anything but a name."""
    found = list(Formatter().parse(text))
    names = {name for _, name, _, _ in found if name is not None}
    unknown = sorted(names - set(PLACEHOLDERS))
    if unknown:
        raise ValueError(f"no placeholder {{{unknown[0]}}}; there are {', '.join(PLACEHOLDERS)}")
    if any(form or conversion for _, _, form, conversion in found):
        raise ValueError("a placeholder is a name in braces, without format or conversion")
    return names


class MessageTemplate(Table):
    """The words of one message: plain text with {placeholders}; {{ and }} are braces."""

    title: str = Field("", description="Subject or first line; empty: the built-in one.")
    text: str = Field("", description="The message; empty: from `file`, or the built-in one.")
    file: Path | None = Field(None, description="File that holds the message; relative to the folder of runbooks.toml.")

    @field_validator("title", "text")
    @classmethod
    def _known(cls, value: str) -> str:
        placeholders(value)
        return value

    @model_validator(mode="after")
    def _one(self) -> MessageTemplate:
        if self.text and self.file:
            raise ValueError("name text or file, not both")
        if not (self.title or self.text or self.file):
            raise ValueError("name at least one of title, text and file")
        return self


class Audience(Table):
    """People who are told the same, over the same channels."""

    channels: list[SecretReference] = Field(
        min_length=1, description="The apprise url of each channel (chat, mail, pager), a secret reference each."
    )
    phases: list[Phase] = Field(
        ["started", "update", "mitigated", "verified"], description="What they are told of; review is the invitation."
    )
    templates: dict[Phase, MessageTemplate] = Field({}, description="Words for these people, by phase.")


class Communication(Table):
    """Who is told of an incident of this service, and how often."""

    audiences: dict[Name, Audience] = Field(
        min_length=1, description="Those who are told: team, management, customers or any name of yours."
    )
    templates: dict[Phase, MessageTemplate] = Field({}, description="Words for everybody, by phase.")
    update_every: dict[Severity, Seconds] = Field(
        {"SEV1": 1800, "SEV2": 3600, "SEV3": 14_400, "SEV4": 0},
        description="Seconds until the next update is due, by severity; 0: none is promised.",
    )
    remind: str = Field("team", description="Audience that is reminded when an update is due; empty: nobody.")
    automatic: Yes = Field(
        False,
        description="True: runs tell by themselves that it started, is mitigated and is verified, without a gate.",
    )
    timeout: Annotated[Number, Field(gt=0, le=300)] = Field(
        10, description="Seconds that connecting, and each answer, may take."
    )
    tries: Annotated[Count, Field(ge=1, le=20)] = Field(4, description="How often a channel that failed is tried.")
    longest_wait: Annotated[Number, Field(gt=0, le=3600)] = Field(
        30, description="Seconds to wait at most between two tries, whatever Retry-After says."
    )
    approval: Approval | None = Field(
        None, description="Who must agree before something is sent; none: as for the environment."
    )

    @model_validator(mode="after")
    def _reminded(self) -> Communication:
        if self.remind and "remind" in self.model_fields_set and self.remind not in self.audiences:
            raise ValueError(f"remind names {self.remind!r}, which is no audience")
        return self
