"""What the tables of runbooks.toml are made of: their base, references to secrets, kinds of values."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Strict,
    StringConstraints,
    Tag,
    model_validator,
)

from runbook_lib.command import Secret
from runbook_lib.errors import ConfigurationError

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
ROUTE = "^/"
URL = r"^https?://[^\s/]+"
VARIABLE = "^[A-Za-z_][A-Za-z0-9_]*$"
IDENTIFIER = "^([A-Za-z_][A-Za-z0-9_]{0,62})?$"
QUEUE = "^[A-Za-z0-9_][A-Za-z0-9_.:-]*$"

Name = Annotated[str, StringConstraints(pattern=NAME)]
RoutePath = Annotated[str, StringConstraints(pattern=ROUTE)]
Url = Annotated[str, StringConstraints(pattern=URL)]
VariableName = Annotated[str, StringConstraints(pattern=VARIABLE)]
# Strict: "5" and true are no numbers, 0 is no answer to yes or no.
Number = Annotated[float, Strict()]
Count = Annotated[int, Strict()]
Yes = Annotated[bool, Strict()]
Seconds = Annotated[Number, Field(ge=0, le=86_400 * 30)]


def _argv(value: object) -> object:
    if isinstance(value, str):
        raise ValueError('a command is a list of words, ["php", "artisan", "up"]; it never goes through a shell')
    if isinstance(value, list) and value and value[0] == "":
        raise ValueError("the first word is the program and must not be empty")
    return value


Words = Annotated[list[str], BeforeValidator(_argv)]
Argv = Annotated[Words, Field(min_length=1)]


class Table(BaseModel):
    """What all tables of the file share: unknown keys are refused, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SecretReference(Table):
    """Where a secret is: in an environment variable or in a file, never in this file."""

    env: str = Field("", description="Name of the environment variable that holds the secret.")
    file: Path | None = Field(
        None, description="File whose first line is the secret; relative to the folder of runbooks.toml."
    )

    @model_validator(mode="after")
    def _one(self) -> SecretReference:
        if bool(self.env) == bool(self.file):
            raise ValueError("name exactly one of env and file")
        return self

    def resolve(self, root: Path) -> Secret:
        """The secret itself. root: of relative paths. ConfigurationError when there is none."""
        if self.file is None:
            if not os.environ.get(self.env):
                state = "empty" if self.env in os.environ else "not set"
                raise ConfigurationError(
                    f"the environment variable {self.env} is {state}", next_step=f"export {self.env} before the run"
                )
            return Secret(os.environ[self.env])
        path = root / self.file.expanduser()
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"the secret file {path} cannot be read: {error}", next_step="check path and permissions"
            ) from error
        if not lines or not lines[0]:
            raise ConfigurationError(
                f"the secret file {path} has an empty first line", next_step="write the secret there"
            )
        return Secret(lines[0])


def _is_reference(value: object) -> str:
    return "plain" if isinstance(value, str) else "reference"


# Told apart by their form, so that an error is about the form that was written.
Value = Annotated[
    Annotated[str, Tag("plain")] | Annotated[SecretReference, Tag("reference")], Discriminator(_is_reference)
]
