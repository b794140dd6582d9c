"""Environment files: what a variable holds, and the same file with another value, everything else byte for byte.

Read as phpdotenv, which Laravel uses, reads them: the last of several lines counts, single quotes are literal, double
quotes know escapes and ${OTHER} and may go over several lines, an unquoted value ends at the first #. Bytes that are no
UTF-8 are surrogates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from runbook_lib.errors import ConfigurationError

_LINE = re.compile(r"([^\r\n]*)(\r\n|\n|\r|\Z)")
_NAME = re.compile(r"[^\S\r\n]*(?:export[^\S\r\n]+)?([\"']?)([A-Za-z0-9_.]+)\1[^\S\r\n]*=")
_FORMS = {'"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL), "'": re.compile(r"'([^'\r\n]*)'")}
_BARE = re.compile(r"([^\r\n]*?)(?=[^\S\r\n]+#|[^\S\r\n]*\Z)")
_BEHIND = re.compile(r"[^\S\r\n]*(?:#[^\r\n]*)?\Z")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_PLAIN = re.compile(r"[A-Za-z0-9_./:=+@%,-]*")
# What Laravel's env() makes something else of, even in quotes.
_NOT_ITSELF = re.compile(r"([\"']).*\1|\(?(?:true|false|null|empty)\)?", re.IGNORECASE)
_MARK = "\ufeff"

_COMPOSED = "takes in the values of other variables"
_ODD = "is not clear: a quote is left open, or something stands behind its value"
_NEXT_STEPS = {_COMPOSED: "name those in its place, in runbooks.toml", _ODD: "mend that line of the file"}


@dataclass(frozen=True)
class Assignment:
    """One variable of a file. start, end: where the value's text is, with its quotes; line_start, line_end: of the
    whole assignment; value: what it means; unclear: why that cannot be told from this text alone, or empty."""

    name: str
    start: int
    end: int
    line_start: int
    line_end: int
    value: str
    unclear: str


def assignments(text: str) -> list[Assignment]:
    """Every assignment of a file, in order. ConfigurationError, without a value in it, for a quote left open."""
    return list(_assignments(text))


def value_of(text: str, name: str) -> str | None:
    """What a variable holds, None when the file does not have it. ConfigurationError when that is not clear."""
    found = [item for item in _assignments(text) if item.name == name]
    for item in found:
        if item.unclear:
            raise ConfigurationError(f"{name} {item.unclear}", next_step=_NEXT_STEPS[item.unclear])
    return found[-1].value if found else None


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
    for start, end, line_end in _entries(text):
        head = _NAME.match(text, start)
        if head is not None:
            at, stop, value, unclear = _value(text[head.end() : end])
            yield Assignment(head[2], head.end() + at, head.end() + stop, start, line_end, value, unclear)


def _entries(text: str) -> Iterator[tuple[int, int, int]]:
    """Start and end of each entry, and where the next line begins: a line, or several that belong together. phpdotenv
    counts quotes for that, in comments, too (Dotenv/Parser/Lines.php)."""
    begun = -1
    for number, line in enumerate(_LINE.finditer(text, 1 if text.startswith(_MARK) else 0), 1):
        if not line[0]:
            break
        quotes = len(re.findall(r'(?=[^\\]")', line[1].replace("\\\\", "")))
        opens = '="' in line[1] and quotes < 2
        if opens and begun < 0:
            begun, opened = line.start(), number
        if begun < 0:
            yield line.start(), line.end(1), line.end()
        elif not opens and (quotes or line[1] == '"'):
            yield begun, line.end(1), line.end()
            begun = -1
    if begun >= 0:
        raise ConfigurationError(f"the quote in line {opened} is never closed", next_step="mend that line of the file")


def _value(text: str) -> tuple[int, int, str, str]:
    """Where a value begins and ends in what stands behind an equals sign, what it means, and why that is unclear."""
    start = len(text) - len(text.lstrip())
    quote = text[start : start + 1]
    if quote != '"' and ("\n" in text or "\r" in text):
        return start, len(text), "", _ODD
    if quote == "#" and start:
        # A comment behind no value.
        return 0, 0, "", ""
    found = _FORMS.get(quote, _BARE).match(text, start)
    if found is None or not _BEHIND.match(text, found.end()):
        return start, len(text), "", _ODD
    inner = found[1] if quote in _FORMS else found[1].partition("#")[0]
    value = re.sub(r"\r\n?", "\n", inner)
    if quote == '"':
        inner = _ESCAPE.sub(" ", inner)
        value = _ESCAPE.sub(lambda m: _ESCAPED.get(m[1], m[1]), value)
    return start, found.end(), value, _COMPOSED if quote != "'" and "${" in inner else ""


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
    if _NOT_ITSELF.fullmatch(value):
        raise ConfigurationError(
            f"the new value of {name} is a word like null, or stands in quotes: Laravel reads another one",
            next_step="give it without quotes, or make another one",
        )
    if old.startswith("'") and _literally(value):
        return f"'{value}'"
    # Nothing between spaces could not be put back where it stood.
    if old.startswith('"') or not _PLAIN.fullmatch(value) or (old and not value):
        return _in_quotes(value)
    return value


def _in_quotes(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f"'{value}'" if escaped != value and _literally(value) else f'"{escaped}"'


def _literally(value: str) -> bool:
    """Whether it can stand in single quotes: phpdotenv takes =" in them for the begin of several lines."""
    return "'" not in value and '="' not in value


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
