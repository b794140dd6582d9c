"""Environment files: what a variable holds, and the same file with another value."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import ConfigurationError
from runbook_lib.rotation.places.dotenv import _NOT_ITSELF, changed, put_back, raw_of, value_of
from tests.real.engine import unavailable

# text before, name, value it holds, text after it was changed to NEW
CASES = {
    "plain": ("A=old\nB=2\n", "old", "A=new\nB=2\n"),
    "empty": ("A=\nB=2\n", "", "A=new\nB=2\n"),
    "nothing but the name": ("A=", "", "A=new"),
    "single quotes": ("A='old # $x \\n'\n", "old # $x \\n", "A='new'\n"),
    "double quotes": ('A="old \\"q\\" # \\$x"\n', 'old "q" # $x', 'A="new"\n'),
    "newline in quotes": ('A="old\\nline"\n', "old\nline", 'A="new"\n'),
    "over several lines": ('A="one\ntwo"\nB=2\n', "one\ntwo", 'A="new"\nB=2\n'),
    "comment behind": ("A=old # why\nB=2\n", "old", "A=new # why\nB=2\n"),
    "comment behind quotes": ("A='old' # why\n", "old", "A='new' # why\n"),
    "hash in the value": ("A=o#ld\n", "o", "A=new\n"),
    "hash first": ("A=#old\n", "", "A=new\n"),
    "comment behind nothing": ("A= # why\n", "", "A=new # why\n"),
    "spaces around": ("A = old  \nB=2\n", "old", "A = new  \nB=2\n"),
    "export": ("export A=old\n", "old", "export A=new\n"),
    "indented": ("  A=old\n", "old", "  A=new\n"),
    "CRLF": ("A=old\r\nB=2\r\n", "old", "A=new\r\nB=2\r\n"),
    "CR": ("A=old\rB=2\r", "old", "A=new\rB=2\r"),
    "no newline at the end": ("B=2\nA=old", "old", "B=2\nA=new"),
    "BOM": ("\ufeffA=old\n", "old", "\ufeffA=new\n"),
    "commented out": ("#A=other\nA=old\n", "old", "#A=other\nA=new\n"),
    "longer names": ("XA=1\nA_B=2\nA=old\nAB=3\n", "old", "XA=1\nA_B=2\nA=new\nAB=3\n"),
    "twice, the last counts": ("A=first\nB=2\nA=old\n", "old", "A=new\nB=2\nA=new\n"),
    "in another one's quotes": ('B="\nA=no\n"\nA=old\n', "old", 'B="\nA=no\n"\nA=new\n'),
    "lines that are none": ("hello\n=x\n\nA=old\n", "old", "hello\n=x\n\nA=new\n"),
    "no UTF-8": ("B=\udcff\nA=old\n", "old", "B=\udcff\nA=new\n"),
    "base64": ("A=base64:abc+/d==\n", "base64:abc+/d==", "A=new\n"),
}


@pytest.mark.parametrize("case", CASES)
def test_only_the_value_changes(case: str) -> None:
    before, value, after = CASES[case]
    assert value_of(before, "A") == value
    assert changed(before, "A", "new") == after
    assert put_back(after, "A", raw_of(before, "A")) == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("B=2\n", "B=2\nA=new\n"),
        ("B=2", "B=2\nA=new"),
        ("B=2\r\n", "B=2\r\nA=new\r\n"),
        ("B=2\r\nC=3", "B=2\r\nC=3\r\nA=new"),
        ("", "A=new\n"),
    ],
)
def test_what_is_missing_is_added_and_taken_away_again(before: str, after: str) -> None:
    assert value_of(before, "A") is None
    assert changed(before, "A", "new") == after
    assert put_back(after, "A", []) == before


def test_a_value_composed_of_others_is_not_read() -> None:
    with pytest.raises(ConfigurationError, match="A takes in the values of other variables"):
        value_of('A="x${B}y"\n', "A")
    assert value_of('A="x\\${B}y"\n', "A") == "x${B}y"
    assert value_of("A='x${B}y'\n", "A") == "x${B}y"


def test_a_quote_that_is_not_closed_shows_no_value() -> None:
    with pytest.raises(ConfigurationError, match="the quote in line 2 is never closed") as caught:
        value_of('B=1\nA="s3cr3t\n', "A")
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("text", ["A='s3cr3t\n", "A='s3cr3t'x\n", 'A="s3cr3t" x\n', 'A="s3cr3t"s3cr3t\nB="x"\n'])
def test_a_value_that_is_not_clear_is_not_read_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigurationError, match="A is not clear") as caught:
        value_of(text, "A")
    assert "s3cr3t" not in str(caught.value)
    assert value_of(f"{text}B=1\n", "B") == "1"


@pytest.mark.parametrize("value", ["null", "(TRUE)", "'x'", '"x"', "''"])
def test_what_laravel_makes_something_else_of_is_refused(value: str) -> None:
    with pytest.raises(ConfigurationError, match="Laravel reads another one"):
        changed("A=old\n", "A", value)


@pytest.mark.parametrize("value", ["a\nb", "a\x00b", "a\x7fb"])
def test_a_value_that_no_file_can_hold_is_refused(value: str) -> None:
    with pytest.raises(ConfigurationError, match="the new value of A holds a control character"):
        changed("A=old\n", "A", value)


VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f"), max_size=30).filter(
    lambda text: not any(0x7F <= ord(c) < 0xA0 for c in text) and not _NOT_ITSELF.fullmatch(text)
)


@given(VALUES, st.sampled_from(["A=x\n", 'A="x"\n', "A='x'\n", "A=x", "B=1\r\n"]))
def test_whatever_is_written_is_read(value: str, before: str) -> None:
    after = changed(before, "A", value)
    assert value_of(after, "A") == value
    assert put_back(after, "A", raw_of(before, "A")) == before


def laravel_reads(texts: list[str]) -> list[dict[str, str] | None]:
    """What phpdotenv, as the system packages it, reads of each file; None: it refuses the file."""
    if not shutil.which("php"):
        unavailable("no php; scripts/real-parts installs what is needed")
    lines = "".join(f"{json.dumps(text)}\n" for text in texts)
    done = subprocess.run(["php", "-r", PHP], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


PHP = """
require "/usr/share/php/Illuminate/autoload.php";
while (($line = fgets(STDIN)) !== false) {
    try { $read = (object) Dotenv\\Dotenv::parse(json_decode($line)); } catch (Throwable $error) { $read = null; }
    echo json_encode($read), "\\n";
}
"""


@pytest.mark.slow
def test_laravel_reads_what_is_read_here() -> None:
    cases = [(before, value) for name, (before, value, _) in CASES.items() if name not in NOT_PHP]
    for value in (
        "a b",
        "a#b",
        "a #b",
        "q'u\"o",
        "$x ${y}",
        "back\\slash",
        "\\",
        "ü€",
        "'",
        '"',
        "trailing\\",
        "a=b",
        '="',
        "!",
    ):
        cases += [(changed(before, "A", value), value) for before in ("A=x\n", 'A="x"\n', "A='x'\n")]
    read = laravel_reads([text for text, _ in cases])
    assert [value and value.get("A") for value in read] == [value for _, value in cases]


# Lines that phpdotenv refuses as a whole, or reads with longer names only, where other readers do not mind.
NOT_PHP = {"lines that are none", "no UTF-8", "BOM", "CR", "export"}


@pytest.mark.slow
def test_laravel_reads_odd_files_as_they_are_read_here_before_and_after_a_change() -> None:
    """What is not clear is refused here; the rest is read alike, and after a change nothing but the value differs."""
    odd = Odd()
    texts = [odd.file() for _ in range(5000)]
    changes: list[tuple[str, str, dict[str, str]]] = []
    for text, read in zip(texts, laravel_reads(texts), strict=True):
        for name in NAMES if read is not None else ():
            with suppress(ConfigurationError):
                value, new = value_of(text, name), odd.value()
                assert (text, value) == (text, read.get(name))
                after = changed(text, name, new)
                assert put_back(after, name, raw_of(text, name)) == text
                if f"${{{name}}}" not in text:
                    changes.append((text, after, {**read, name: new}))
    assert len(changes) > 1000
    for (text, after, expected), read in zip(changes, laravel_reads([after for _, after, _ in changes]), strict=True):
        assert (text, after, read) == (text, after, expected)


NAMES = ("AAA", "BBB", "CCC")


class Odd:
    """Makes files of what readers of them stumble over; the same ones each time."""

    PARTS = (
        "a",
        "BBB=",
        "export ",
        " ",
        " #",
        "#",
        '"',
        "'",
        '="',
        "='",
        "\\",
        '\\"',
        "\\n",
        "$",
        "${BBB}",
        "\n",
        "\r\n",
        "é",
    )

    def __init__(self) -> None:
        self.random = Random(20260101)

    def one(self, *choices: str) -> str:
        return self.random.choice(choices)

    def some(self) -> str:
        return "".join(self.one(*self.PARTS) for _ in range(self.random.randint(0, 6)))

    def value(self) -> str:
        return self.one("new", *(self.some().replace("\n", "").replace("\r", "") for _ in range(8)))

    def line(self) -> str:
        some = self.some()
        value = self.one(some, f'"{some}"', f"'{some}'", "plain", "", '"two words"')
        name = self.one(*NAMES, *NAMES, "'AAA'", '"BBB"')
        line = (
            self.one("", "", "export ", "  ")
            + name
            + self.one("=", "=", " = ", "= ")
            + value
            + self.one("", " # c", "  ")
        )
        return self.one(line, line, line, line, f"# {some}", "")

    def file(self) -> str:
        end = self.one("\n", "\n", "\r\n")
        return end.join(self.line() for _ in range(self.random.randint(1, 4))) + self.one("", end)
