"""What a parameters cell declares, and which values fit."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.errors import ParameterError
from runbook_lib.notebook.parameters import Parameters, declarations

SOURCE = """\
from typing import Literal

tag: str = ""  # the release to put live
count: int = 3
ratio: float = 0.5  # of the traffic
dry_run: bool = False
target: Literal["staging", "production"] = "staging"
reason: str | None = None
limit: int | None = None
"""


def given(**values: object) -> dict[str, Any]:
    return Parameters(declarations(SOURCE)).validate(values)


def test_declarations_are_read_in_order_with_their_comments() -> None:
    tag, count, *_, limit = declarations(SOURCE)
    assert (tag.name, tag.annotation, tag.default, tag.help) == ("tag", "str", "", "the release to put live")
    assert (count.annotation, count.default, count.help) == ("int", 3, "")
    assert (limit.annotation, limit.default, limit.optional) == ("int | None", None, True)


def test_a_hash_in_a_default_is_no_comment() -> None:
    (channel,) = declarations('channel: str = "#ops"  # where to post')
    assert (channel.default, channel.help) == ("#ops", "where to post")


@pytest.mark.parametrize("typed", ["1.10", "0012", "7e12345", "True", "None", "", "  x ", "a\nb", '"', "\\n", "é"])
def test_text_arrives_as_typed(typed: str) -> None:
    assert given(tag=typed) == {"tag": typed}


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("true", True),
        ("YES", True),
        ("1", True),
        ("false", False),
        ("no", False),
        ("0", False),
        (True, True),
        (0, False),
    ],
)
def test_truth_is_told_in_six_words(typed: object, value: bool) -> None:
    assert given(dry_run=typed)["dry_run"] is value


def test_numbers_are_read() -> None:
    assert given(count="-7", ratio="1e3") == {"count": -7, "ratio": 1000.0}
    assert given(count=7, ratio=2) == {"count": 7, "ratio": 2.0}


def test_an_optional_parameter_is_none_when_empty() -> None:
    assert given(reason="", limit="") == {"reason": None, "limit": None}
    assert given(reason="None", limit="4") == {"reason": "None", "limit": 4}


def test_a_choice_is_one_of_the_choices() -> None:
    assert given(target="production") == {"target": "production"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tag", 1.1),
        ("tag", None),
        ("tag", True),
        ("count", "1.0"),
        ("count", "x"),
        ("count", True),
        ("count", 1.0),
        ("count", ""),
        ("ratio", "nan"),
        ("ratio", "inf"),
        ("ratio", "-inf"),
        ("ratio", "1e999"),
        ("ratio", float("nan")),
        ("dry_run", "maybe"),
        ("dry_run", ""),
        ("dry_run", 2),
        ("dry_run", None),
        ("target", "Production"),
        ("target", ""),
        ("limit", "None"),
    ],
)
def test_an_ill_typed_value_is_refused_with_name_and_type(name: str, value: object) -> None:
    annotation = {parameter.name: parameter.annotation for parameter in declarations(SOURCE)}[name]
    with pytest.raises(ParameterError) as refused:
        given(**{name: value})
    assert f"{name} ({annotation})" in refused.value.message
    assert refused.value.next_step


def test_an_unknown_name_is_refused_and_the_nearest_suggested() -> None:
    with pytest.raises(ParameterError, match="unknown parameter 'tga'") as refused:
        given(tga="v1")
    assert "tag" in refused.value.next_step


def test_a_near_miss_of_a_choice_is_suggested() -> None:
    with pytest.raises(ParameterError) as refused:
        given(target="prodction")
    assert "did you mean production?" in refused.value.next_step


def test_a_hostile_value_is_shown_short_and_printable() -> None:
    with pytest.raises(ParameterError) as refused:
        given(count="\x1b[2J" + "9" * 10_000 + "x")
    assert "\x1b" not in str(refused.value)
    assert len(str(refused.value)) < 300


def test_a_runbook_without_the_cell_has_no_parameters() -> None:
    none = Parameters.of([{"cell_type": "code", "source": "tag = 1", "metadata": {"tags": []}}])
    assert none.declared == ()
    with pytest.raises(ParameterError, match="unknown parameter 'tag'"):
        none.validate({"tag": "v1"})


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("tag: str = (", "not Python"),
        ("tag = 'v1'", "no declaration"),
        ("tag: str", "no declaration"),
        ("print(1)", "no declaration"),
        ("import os", "no declaration"),
        ("tag: list[str] = []", "not a type"),
        ("tag: str | int = 1", "not a type"),
        ("tag: str = f()", "malformed"),
        ("count: int = 'x'", "not a whole number"),
        ("count: int = True", "not a whole number"),
    ],
)
def test_a_cell_of_anything_else_is_refused_naming_the_line(source: str, wrong: str) -> None:
    with pytest.raises(ParameterError, match=wrong) as refused:
        declarations(f"first: str = ''\n{source}")
    assert "line 2" in refused.value.message
