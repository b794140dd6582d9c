"""The shop's configuration: the file .env beside the code; what is not there, the process's own environment."""

import os
from pathlib import Path

FILE = Path(__file__).resolve().parent / ".env"


def read(file=FILE):
    """NAME=VALUE lines; none where there is no file."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return dict(os.environ)
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {**os.environ, **{name.strip(): value.strip().strip('"') for name, _, value in pairs}}


VALUES = read()


def get(name, otherwise=""):
    return VALUES.get(name, otherwise)


def number(name, otherwise=0):
    """A whole number; what is none ends the shop when it starts, and not in the middle of an order."""
    text = get(name) or str(otherwise)
    try:
        return int(text)
    except ValueError:
        raise SystemExit(f"{FILE}: {name} is no number: {text[:40]!r}") from None
