"""Environment files: what a variable holds, and the same file with another value."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import ConfigurationError
from runbook_lib.rotation.places.dotenv import changed, put_back, raw_of, value_of
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
    with pytest.raises(ConfigurationError, match="the quote after A= is never closed") as caught:
        value_of('A="s3cr3t\n', "A")
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("value", ["a\nb", "a\x00b", "a\x7fb"])
def test_a_value_that_no_file_can_hold_is_refused(value: str) -> None:
    with pytest.raises(ConfigurationError, match="the new value of A holds a control character"):
        changed("A=old\n", "A", value)


VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f"), max_size=30).filter(
    lambda text: not any(0x7F <= ord(c) < 0xA0 for c in text)
)


@given(VALUES, st.sampled_from(["A=x\n", 'A="x"\n', "A='x'\n", "A=x", "B=1\r\n"]))
def test_whatever_is_written_is_read(value: str, before: str) -> None:
    after = changed(before, "A", value)
    assert value_of(after, "A") == value
    assert put_back(after, "A", raw_of(before, "A")) == before


@pytest.mark.slow
def test_laravel_reads_what_is_read_here(tmp_path: Path) -> None:
    """phpdotenv, as the system packages it, reads each case and each value that is written, alike."""
    if not shutil.which("php"):
        unavailable("no php; scripts/real-parts installs what is needed")
    texts = [(before, value) for name, (before, value, _) in CASES.items() if name not in NOT_PHP]
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
        "!",
    ):
        texts += [(changed(before, "A", value), value) for before in ("A=x\n", 'A="x"\n', "A='x'\n")]
    for text, value in texts:
        (tmp_path / "env").write_bytes(text.encode("utf-8", "surrogateescape"))
        done = subprocess.run(["php", "-r", PHP, str(tmp_path / "env")], capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == (value, ""), text


# Lines that phpdotenv refuses as a whole, or reads with longer names only, where other readers do not mind.
NOT_PHP = {"lines that are none", "no UTF-8", "BOM", "CR", "export"}
PHP = (
    'require "/usr/share/php/Illuminate/autoload.php"; foreach (Dotenv\\Dotenv::parse(file_get_contents($argv[1])) '
    'as $name => $value) { if ($name === "A") { echo $value; } }'
)
