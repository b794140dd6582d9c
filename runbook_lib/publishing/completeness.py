"""What must not be published: a runbook without owner, an undocumented parameter, an action without docstring."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence

import runbook_lib
from runbook_lib.errors import ParameterError, PublishingError
from runbook_lib.publishing.api_reference import public_methods
from runbook_lib.publishing.overview import PHASES
from runbook_lib.publishing.source import Source

_NEEDED = ("title", "owner", "severity", "scenario")


def refuse_incomplete(sources: Sequence[Source]) -> None:
    """PublishingError that names everything that is missing, a line each."""
    problems = [*(problem for source in sources for problem in _of(source)), *_of_actions()]
    if problems:
        raise PublishingError("the site would be incomplete:\n  " + "\n  ".join(problems), next_step="write it down")


def _of(source: Source) -> Iterator[str]:
    for key in _NEEDED:
        if not source.text(key).strip():
            yield f"{source.file.name}: metadata.runbook.{key} is missing"
    if source.text("phase") not in PHASES:
        yield f"{source.file.name}: metadata.runbook.phase is none of {', '.join(PHASES)}"
    if not source.about.get("changes"):
        yield f"{source.file.name}: metadata.runbook.changes does not say what it may change"
    try:
        undocumented = [parameter.name for parameter in source.parameters if not parameter.help.strip()]
    except ParameterError as error:
        yield f"{source.file.name}: {error.message}"
        return
    yield from (f"{source.file.name}: parameter {name} has no comment that explains it" for name in undocumented)


def _of_actions() -> Iterable[str]:
    for name in runbook_lib.__all__:
        thing = getattr(runbook_lib, name)
        if not inspect.getdoc(thing):
            yield f"{name} has no docstring"
        if inspect.isclass(thing):
            yield from (
                f"{name}.{method} has no docstring" for method, f in public_methods(thing) if not inspect.getdoc(f)
            )
