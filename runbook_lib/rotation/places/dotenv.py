"""Environment files: what a variable holds, and the same file with another value, everything else byte for byte.

Read as phpdotenv, which Laravel uses, reads them: the last of several lines counts, single quotes are literal, double
quotes know escapes and ${OTHER}, an unquoted value ends at the first #. Bytes that are no UTF-8 are
surrogates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from runbook_lib.errors import ConfigurationError

_NAME = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.]*)[ \t]*=[ \t]*")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_SINGLE = re.compile(r"'([^']*)'")
_BARE = re.compile(r"[^\r\n]*?(?=[ \t]+#|[ \t]*(?:[\r\n]|\Z))")
_LINE_END = re.compile(r"\r\n|\n|\r|\Z")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_PLAIN = re.compile(r"[A-Za-z0-9_./:=+@%,-]*")
_MARK = "\ufeff"


@dataclass(frozen=True)
class Assignment:
    """One variable of a file. start, end: where the value's text is, with its quotes; line_start, line_end: of the
    whole assignment; value: what it means; composed: it takes the values of other variables in."""

    name: str
    start: int
    end: int
    line_start: int
    line_end: int
    value: str
    composed: bool


def assignments(text: str) -> list[Assignment]:
    """Every assignment of a file, in order. ConfigurationError, without a value in it, for a quote left open."""
    return list(_assignments(text))


def value_of(text: str, name: str) -> str | None:
    """What a variable holds, None when the file does not have it. ConfigurationError when it is composed of others."""
    found = [item for item in _assignments(text) if item.name == name]
    if not found:
        return None
    if found[-1].composed:
        raise ConfigurationError(
            f"{name} takes in the values of other variables",
            next_step=f"name those in place of {name}, in runbooks.toml",
        )
    return found[-1].value


def raw_of(text: str, name: str) -> list[str]:
    """The texts that stand behind a variable's equals signs, for `put_back`."""
    return [text[item.start : item.end] for item in _assignments(text) if item.name == name]


def changed(text: str, name: str, value: str) -> str:
    """The file with another value in every assignment of a variable, or with a new line at the end where there was
    none. ConfigurationError for a value that no such file can hold."""
    return _replaced(text, name, lambda old: _quoted(name, value, old)) or _added(text, name, _quoted(name, value, ""))


def put_back(text: str, name: str, raw: list[str]) -> str:
    """The file with the texts of `raw_of` behind a variable's equals signs; without the variable where it was not."""
    found = [item for item in _assignments(text) if item.name == name]
    for item, old in reversed(list(zip(found, raw, strict=False))):
        text = text[: item.start] + old + text[item.end :]
    if not raw:
        for item in reversed(found):
            text = _without(text, item)
    return text


def _assignments(text: str) -> Iterator[Assignment]:
    at = 1 if text.startswith(_MARK) else 0
    while at < len(text):
        head = _NAME.match(text, at)
        if head is None:
            end = _line_end(text, at)
        else:
            item = _assignment(text, head, at)
            yield item
            end = item.line_end
        at = max(end, at + 1)


def _assignment(text: str, head: re.Match[str], at: int) -> Assignment:
    name, start = head[1], head.end()
    quote = text[start : start + 1]
    pattern = {'"': _DOUBLE, "'": _SINGLE}.get(quote, _BARE)
    found = pattern.match(text, start)
    if found is None and quote in ('"', "'"):
        raise ConfigurationError(f"the quote after {name}= is never closed", next_step="mend that line of the file")
    if quote == "#" and text[start - 1] != "=":
        # A comment behind no value.
        start = end = head.start() + head[0].index("=") + 1
        return Assignment(name, start, end, at, _line_end(text, end), "", composed=False)
    end = found.end() if found else start
    inner = (found[1] if quote in ('"', "'") else found[0].partition("#")[0]) if found else ""
    value = _ESCAPE.sub(lambda m: _ESCAPED.get(m[1], m[1]), inner) if quote == '"' else inner
    composed = quote != "'" and bool(re.search(r"(?<!\\)\$\{", inner))
    return Assignment(name, start, end, at, _line_end(text, end), value, composed)


def _line_end(text: str, at: int) -> int:
    """Where the next line begins."""
    found = _LINE_END.search(text, at)
    return found.end() if found else len(text)


def _replaced(text: str, name: str, new: Callable[[str], str]) -> str:
    found = [item for item in _assignments(text) if item.name == name]
    for item in reversed(found):
        text = text[: item.start] + new(text[item.start : item.end]) + text[item.end :]
    return text if found else ""


def _quoted(name: str, value: str, old: str) -> str:
    """A value as it stands in a file, in the quotes of the old one where it had some and they can hold it."""
    if any(ord(c) < 32 or ord(c) == 127 for c in value):
        raise ConfigurationError(
            f"the new value of {name} holds a control character, which no .env file can",
            next_step="give one line of text",
        )
    if old.startswith("'") and "'" not in value:
        return f"'{value}'"
    if old.startswith('"') or not _PLAIN.fullmatch(value):
        return _in_quotes(value)
    return value


def _in_quotes(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f"'{value}'" if escaped != value and "'" not in value else f'"{escaped}"'


def _added(text: str, name: str, raw: str) -> str:
    end = "\r\n" if "\r\n" in text else "\n"
    if text and not text.endswith(("\n", "\r")):
        return f"{text}{end}{name}={raw}"
    return f"{text}{name}={raw}{end}"


def _without(text: str, item: Assignment) -> str:
    """The file without one assignment; where it was the last line and had no end, so has the one before."""
    before, after = text[: item.line_start], text[item.line_end :]
    unended = not after and not text.endswith(("\n", "\r"))
    return (re.sub(r"(\r\n|\n|\r)\Z", "", before) if unended else before) + after
