"""The pages that lead to the runbooks: by phase of an incident, by what is seen, by freshness and owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from runbook_lib.publishing.freshness import ORDER, Freshness, day
from runbook_lib.publishing.markdown import table, text
from runbook_lib.publishing.source import Source

PHASES: Mapping[str, str] = {
    "triage": "What is wrong, for whom, since when, and what changed?",
    "mitigate": "Take the pain away before the cause is known.",
    "communicate": "Tell those who wait, before they ask.",
    "resolve": "Take the cause away, and prove it.",
    "review": "Write down what happened, and change what should be different.",
}


def index(sources: Sequence[Source], marks: Mapping[str, Freshness]) -> str:
    """The page of all runbooks. marks: by name."""
    parts = [
        "# All runbooks",
        "Every incident goes through five phases; each leads to its runbooks.",
        diagram(),
        *(part for phase, meaning in PHASES.items() for part in _phase(phase, meaning, sources)),
        "## By what you see",
        table(("you see", "open", "severity"), [_scenario(source) for source in sources]),
        "## By freshness",
        "Proven: drilled with its present source in the last 30 days, and it did what it was to do.",
        table(("runbook", "mark", "last drill", "took", "owner"), _by_freshness(sources, marks)),
        "## By owner",
        *_by_owner(sources),
    ]
    return "\n\n".join(parts) + "\n"


def diagram() -> str:
    """The five phases as a drawing whose parts lead to their place on the page."""
    width, gap, height = 116, 16, 44
    boxes = []
    for number, phase in enumerate(PHASES):
        x = number * (width + gap)
        boxes.append(
            f'<a href="#{phase}"><rect x="{x + 1}" y="1" width="{width}" height="{height}" rx="6" fill="none" '
            f'stroke="currentColor"/><text x="{x + width / 2:g}" y="27" text-anchor="middle" font-size="15" '
            f'fill="currentColor">{phase.capitalize()}</text></a>'
        )
        if number:
            boxes.append(f'<path d="M{x - gap + 2} 23h{gap - 4}m-5-4l5 4l-5 4" fill="none" stroke="currentColor"/>')
    total = len(PHASES) * (width + gap) - gap + 2
    return (
        f'<svg class="phases" role="group" aria-label="Triage, mitigate, communicate, resolve, review" '
        f'viewBox="0 0 {total} {height + 2}" style="max-width:100%">{"".join(boxes)}</svg>'
    )


def _phase(phase: str, meaning: str, sources: Sequence[Source]) -> list[str]:
    lines = [
        f"- [{text(s.title)}]({s.name}.md): {text(s.text('scenario'))}" for s in sources if s.text("phase") == phase
    ]
    return [f"### {phase.capitalize()}", meaning, "\n".join(lines) or "No runbook yet."]


def _scenario(source: Source) -> tuple[str, str, str]:
    return text(source.text("scenario")), f"[{text(source.title)}]({source.name}.md)", text(source.text("severity"))


def _by_freshness(sources: Sequence[Source], marks: Mapping[str, Freshness]) -> list[tuple[str, ...]]:
    ordered = sorted(sources, key=lambda source: (ORDER.index(marks[source.name].state), source.name))
    return [_freshness_row(source, marks[source.name]) for source in ordered]


def _freshness_row(source: Source, mark: Freshness) -> tuple[str, ...]:
    last = mark.last
    took = f"{last.seconds['total']:.0f} s" if last and "total" in last.seconds else ""
    return (
        f"[{text(source.title)}]({source.name}.md)",
        f'<span class="mark {mark.state}">{escape(mark.state)}</span>',
        day(last.began) if last else "",
        took,
        text(source.text("owner")),
    )


def _by_owner(sources: Sequence[Source]) -> list[str]:
    owners = sorted({source.text("owner") for source in sources})
    return [
        f"**{text(owner)}**: "
        + ", ".join(f"[{text(s.title)}]({s.name}.md)" for s in sources if s.text("owner") == owner)
        for owner in owners
    ]
