"""The page of one runbook."""

from __future__ import annotations

from runbook_lib.publishing.freshness import Freshness, freshness
from runbook_lib.publishing.runbook_page import page
from tests.publishing.notebooks import evidence, source

NEVER = Freshness("never")


def test_it_says_what_it_is_for_and_who_owns_it() -> None:
    text = page(source(), NEVER, {})
    assert text.startswith("# Mend it\n")
    for words in ("Answers are 502", "platform team", "the thing", "SEV2", "it is broken"):
        assert words in text


def test_it_names_the_commands_to_run_it() -> None:
    text = page(source(), NEVER, {})
    for command in ("papermill mend.ipynb -p tag v1.4.2", "jupyter lab notebooks/mend.ipynb", "runbook drill mend"):
        assert command in text


def test_parameters_stand_in_a_table() -> None:
    assert "| <code>tag</code> | <code>str</code> | empty | release to put live |" in page(source(), NEVER, {})


def test_code_is_folded_and_what_it_showed_stands_below() -> None:
    text = page(source(), NEVER, {"look": "all is well"})
    assert '??? example "Code"\n\n    ```python\n    look()' in text
    assert text.index("look()") < text.index("    all is well")


def test_the_evidence_of_its_drills_is_shown() -> None:
    mark = freshness("mend", source().digest, [evidence()], evidence().began)
    text = page(source(), mark, {})
    assert '!!! success "Drilled with this source, 2025\\-10\\-09"' in text.replace("2025-10-09", "2025\\-10\\-09")
    assert "| mend | broken | practice | passed | 2025-10-09 | 12.0 s | 0.4 s |" in text
    assert "papermill 2.7.0" in text


def test_a_reason_of_a_failed_drill_is_text() -> None:
    failed = evidence(status="failed", reason="<b>no</b> | `x`")
    text = page(source(), freshness("mend", "", [failed], failed.began), {})
    assert "<b>" not in text
