"""Values of secrets, and every form in which they could be seen."""

from __future__ import annotations

import base64
import html
import json
import secrets
import shlex
import string
from contextlib import suppress
from urllib.parse import quote, quote_plus

from runbook_lib.command import Secret

Values = dict[str, str]
"""The parts of one secret by name: value, previous, user, password, url. Kept out of everything that is shown."""

LENGTH = 48
_LETTERS = string.ascii_letters + string.digits
# What is shorter would be masked wherever these letters stand.
SHORTEST = 4
_SHORTEST_IN_CODE = 8


# A user's name is no secret: masked, it would be missing in everything that is shown.
OPEN = ("user",)


def known(values: Values) -> Values:
    """The same values, each masked from now on in every form that it takes: plain, in a url, in Base64, quoted."""
    for part, value in values.items():
        if part not in OPEN:
            for one in {value, *value.split(",")} if part == "previous" else {value}:
                mask_always(one)
    return values


def mask_always(value: str) -> None:
    """Mask one value from now on, in every form."""
    for form in forms(value) if len(value) >= SHORTEST else ():
        Secret(form)


def forms(value: str) -> set[str]:
    """The texts in which a value could be found."""
    found = {value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1], json.dumps(value).strip('"')}
    # In an error's message, in a page, in a line of a shell.
    found |= {repr(value)[1:-1], html.escape(value), shlex.quote(value).strip("'")}
    if value.startswith("base64:"):
        found |= forms(value.removeprefix("base64:"))
        with suppress(ValueError):
            raw = base64.b64decode(value.removeprefix("base64:"), validate=True)
            found |= {raw.decode()} if raw.isascii() and raw.decode().isprintable() else {raw.hex()}
    if len(value) >= _SHORTEST_IN_CODE:
        code = base64.b64encode(value.encode("utf-8", "surrogateescape")).decode()
        found |= {code, code.rstrip("="), code.replace("+", "-").replace("/", "_").rstrip("=")}
    return found


def generated(length: int = LENGTH) -> str:
    """A new value of letters and digits, which need no quoting anywhere."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))
