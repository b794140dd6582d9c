"""What people are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from runbook_lib.config import Communication, Loaded, Phase
from runbook_lib.errors import ConfigurationError
from runbook_lib.incident.messages import BUILT_IN, Message, Words, message, span
from runbook_lib.incident.record import Incident
from tests.incident.conftest import audience

ROOT = Path()
WORDS = Words("every second checkout fails", "rolling back", "in 10 minutes")


def said(incident: Incident, phase: Phase = "started", whom: str = "team", words: Words = WORDS) -> Message:
    return message(incident, None, whom, phase, words, ROOT)


@pytest.mark.parametrize("phase", get_args(Phase))
def test_every_phase_has_words(incident: Incident, phase: Phase) -> None:
    one = said(incident, phase)
    assert one.title
    assert "{" not in one.title + one.text
    assert phase in BUILT_IN


def test_the_start_carries_impact_deed_expected_time_and_next_update(
    incident: Incident, configured: Callable[..., Loaded]
) -> None:
    table = configured(audience("team", "CHAT")).target().communication
    text = message(incident, table, "team", "started", WORDS, ROOT, now=1_700_000_000.0).text
    assert "every second checkout fails" in text
    assert "rolling back" in text
    assert "in 10 minutes" in text
    assert "Next update: 2023-11-14 23:13 UTC" in text


def test_customers_are_not_told_the_inside(incident: Incident) -> None:
    inside = replace(incident, title="v1.5.0 of team-checkout is bad", commander="ada")
    for phase in ("started", "update", "mitigated", "verified"):
        one = said(inside, phase, "customers")
        assert not [word for word in ("v1.5.0", "ada", incident.id, "rolling back") if word in one.title + one.text]


def test_text_from_outside_stays_one_line_and_calls_nobody(incident: Incident) -> None:
    hostile = replace(incident, title="x\r\nBcc: all@example\n@everyone <!here> \x1b[31m")
    one = said(hostile, words=Words(impact="{id} {0} %s\n@channel <b>"))
    assert "\n" not in one.title
    assert "\r" not in one.title + one.text
    assert "\x1b" not in one.title + one.text
    assert "{id} {0} %s" in one.text
    for call in ("@everyone", "@channel", "<!here>"):
        assert call not in one.title + one.text


def test_the_same_words_are_the_same_message_whenever_they_are_said(incident: Incident) -> None:
    times = (incident.declared + 1, incident.declared + 9000)
    first, later = (message(incident, None, "team", "update", WORDS, ROOT, now=at) for at in times)
    assert first.key == later.key
    assert first.text != later.text
    assert first.key_on("a") != first.key_on("b")


@pytest.mark.parametrize("other", [Words("other"), Words(doing="other"), Words(expected="other")])
def test_other_words_are_another_message(incident: Incident, other: Words) -> None:
    assert said(incident).key != said(incident, words=other).key


def test_own_templates_go_before_the_built_in_ones(
    incident: Incident, configured: Callable[..., Loaded], tmp_path: Path
) -> None:
    (tmp_path / "update.txt").write_text("From a file: {impact}\n")
    table = (
        configured(
            audience("team", "CHAT")
            + "[services.shop.communication.templates.started]\ntext = 'For all: {impact}'\n"
            + "[services.shop.communication.audiences.team.templates.update]\nfile = 'update.txt'\n"
        )
        .target()
        .communication
    )
    assert message(incident, table, "team", "started", WORDS, tmp_path).text == f"For all: {WORDS.impact}"
    assert message(incident, table, "team", "update", WORDS, tmp_path).text == f"From a file: {WORDS.impact}"
    assert (
        message(incident, table, "team", "started", WORDS, tmp_path).title == "[SEV2] shop production: checkouts fail"
    )


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{impat}", "no placeholder {impat}"),
        ("{}", "no placeholder {}"),
        ("{title.__class__}", "no placeholder"),
        ("{title[0]}", "no placeholder"),
        ("{title!r}", "without format or conversion"),
        ("{title:>100000000}", "without format or conversion"),
        ("{title", "expected '}'"),
    ],
)
def test_a_template_that_cannot_be_used_is_a_configuration_error(
    configured: Callable[..., Loaded], template: str, expected: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        configured(audience("team", "CHAT") + f"[services.shop.communication.templates.update]\ntext = '{template}'\n")
    assert expected in caught.value.message
    assert "communication.templates.update.text" in caught.value.message


@pytest.mark.parametrize("content", [None, "{nonsense}"])
def test_a_template_file_that_cannot_be_used_is_named(
    incident: Incident, configured: Callable[..., Loaded], tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "own.txt").write_text(content)
    own = "[services.shop.communication.templates.update]\nfile = 'own.txt'\n"
    table = configured(audience("team", "CHAT") + own).target().communication
    with pytest.raises(ConfigurationError, match=r"own\.txt"):
        message(incident, table, "team", "update", WORDS, tmp_path)


def test_braces_of_a_template_can_be_written_twice(incident: Incident) -> None:
    table = Communication.model_validate(
        {"audiences": {"team": {"channels": [{"env": "X"}]}}, "templates": {"update": {"text": "{{x}} {id}"}}}
    )
    assert message(incident, table, "team", "update", WORDS, ROOT).text == f"{{x}} {incident.id}"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (40, "40 s"), (720, "12 min"), (11_100, "3 h 5 min"), (187_200, "2 d 4 h")],
)
def test_durations_are_readable(seconds: float, words: str) -> None:
    assert span(seconds) == words
