"""The page that leads to the runbooks."""

from __future__ import annotations

from runbook_lib.publishing.freshness import Freshness
from runbook_lib.publishing.overview import PHASES, diagram, index
from tests.publishing.notebooks import evidence, source

NEVER = {"mend": Freshness("never")}


def test_each_phase_leads_to_its_runbooks() -> None:
    text = index([source()], NEVER)
    part = text[text.index("### Resolve") : text.index("### Review")]
    assert "- [Mend it](mend.md): it is broken" in part


def test_the_drawing_leads_to_each_phase() -> None:
    assert all(f'href="#{phase}"' in diagram() for phase in PHASES)


def test_what_needs_attention_stands_first() -> None:
    one, two = source({"name": "alpha", "title": "Alpha"}), source({"name": "omega", "title": "Omega"})
    marks = {"alpha": Freshness("proven", (evidence(),)), "omega": Freshness("failing", (evidence(status="failed"),))}
    text = index([one, two], marks).partition("## By freshness")[2]
    assert text.index("Omega") < text.index("Alpha")


def test_a_scenario_leads_to_its_runbook() -> None:
    assert "| it is broken | [Mend it](mend.md) | SEV2 |" in index([source()], NEVER)


def test_owners_have_their_runbooks() -> None:
    assert "**platform team**: [Mend it](mend.md)" in index([source()], NEVER)
