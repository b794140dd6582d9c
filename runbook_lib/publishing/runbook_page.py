"""The page of one runbook: what it is for, how it is run, its steps, and what they showed in the last drill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from runbook_lib.drills.evidence import Evidence
from runbook_lib.notebook.parameters import Parameter
from runbook_lib.publishing.freshness import Freshness, day
from runbook_lib.publishing.markdown import code, fence, folded, table, text
from runbook_lib.publishing.source import Section, Source

_KINDS = {"proven": "success", "failing": "danger", "changed": "warning", "stale": "warning", "never": "warning"}


def page(source: Source, mark: Freshness, shown: Mapping[str, str], changed: str = "") -> str:
    """The Markdown of a runbook's page.

    mark: how fresh it is. shown: what each code cell showed in the last drill, Markdown by cell id. changed: the day of
    the last change of its file, or empty.
    """
    parts = [
        f"# {source.title}",
        _mark(mark),
        source.purpose,
        _facts(source, changed),
        "## Run it",
        *_commands(source, mark),
        "## Parameters",
        parameters(source.parameters),
        "## Steps",
        *(part for section in source.sections for part in _section(section, shown)),
        *_evidence(mark),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _mark(mark: Freshness) -> str:
    words = text(mark.words)
    return f'!!! {_KINDS[mark.state]} "{words[:1].upper()}{words[1:]}"'


def _facts(source: Source, changed: str) -> str:
    changes = "; ".join(map(str, source.about.get("changes", ()))) or "nothing"
    rows = [
        ("when", text(source.text("scenario"))),
        ("severity", text(source.text("severity"))),
        ("owner", text(source.text("owner"))),
        ("may change", text(changes)),
        *([("last change", text(changed))] if changed else []),
    ]
    return table(("", ""), [(f"**{name}**", value) for name, value in rows])


def _commands(source: Source, mark: Freshness) -> Iterator[str]:
    required = [p for p in source.parameters if p.name in ("tag", "mode", "action")]
    words = " ".join(f"-p {p.name} {_example(p)}" for p in required[:1])
    yield "At a terminal, with a plan first and then for real:"
    command = f"papermill {source.name}.ipynb {words}".strip()
    dry = f"{command} -p dry_run true\n" if any(p.name == "dry_run" for p in source.parameters) else ""
    yield fence(f"cd notebooks\n{dry}{command}", "sh")
    yield "In JupyterLab, filled in by hand, stopping at its gates; and as a drill in the practice environment:"
    drills = sorted({one.drill for one in mark.evidence}) or [source.name]
    yield fence(
        f"jupyter lab notebooks/{source.name}.ipynb\n" + "\n".join(f"runbook drill {name}" for name in drills), "sh"
    )


def _example(parameter: Parameter) -> str:
    if parameter.choices:
        return str(parameter.choices[0])
    return "v1.4.2" if parameter.name == "tag" else str(parameter.default or parameter.name.upper())


def parameters(declared: Sequence[Parameter]) -> str:
    """The table of a runbook's parameters, made from their declarations."""
    rows = [
        (code(p.name), code(p.annotation), code(str(p.default)) if p.default != "" else "empty", text(p.help))
        for p in declared
    ]
    return table(("parameter", "type", "default", "meaning"), rows) if rows else "It has none."


def _section(section: Section, shown: Mapping[str, str]) -> Iterator[str]:
    yield _lowered(section.text)
    if section.code:
        yield folded("example", "Code", fence(section.code, "python"))
    if shown.get(section.cell):
        yield folded("quote", "What it showed in the last drill", shown[section.cell])


def _lowered(markdown: str) -> str:
    """Its headings one level down: they stand below "Steps"."""
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in markdown.split("\n"))


def _evidence(mark: Freshness) -> Iterator[str]:
    if not mark.evidence:
        return
    yield "## Drills"
    yield table(
        ("drill", "fault", "on", "result", "day", "took", "detected", "decided", "mitigated", "verified", "commit"),
        [_row(one) for one in mark.evidence],
    )
    versions = ", ".join(f"{name} {version}" for name, version in sorted(mark.evidence[0].versions.items()))
    yield f"Source `{mark.evidence[0].digest[:12]}`" + (f", with {text(versions)}." if versions else ".")


def _row(one: Evidence) -> tuple[str, ...]:
    took = [_seconds(one.seconds.get(name)) for name in ("total", "detected", "decided", "mitigated", "verified")]
    return (
        text(one.drill),
        text(one.fault),
        text(one.on),
        text(one.status if one.passed else f"{one.status}: {one.reason}"),
        day(one.began),
        *took,
        code(one.commit[:12]),
    )


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"
