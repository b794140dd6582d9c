"""The reference of the library, made from its docstrings: what a notebook uses, and the contracts to extend it by."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import runbook_lib
from runbook_lib.publishing.markdown import fence


def contracts() -> tuple[type, ...]:
    """The Protocols that extensions keep."""
    from runbook_lib.connectors.base import Connector
    from runbook_lib.platforms.base import Platform

    return Platform, Connector


def api_reference() -> str:
    """The page: a section for each public name with its methods, then the contracts and the errors."""
    parts = ["# Library", "What a notebook uses: `from runbook_lib import ...`."]
    for name in runbook_lib.__all__:
        parts += _described(name, getattr(runbook_lib, name))
    parts.append("## Contracts")
    for contract in contracts():
        parts += _described(contract.__name__, contract)
    parts += ["## Errors", fence(str(inspect.getdoc(inspect.getmodule(runbook_lib.errors))))]
    return "\n\n".join(parts) + "\n"


def _described(name: str, thing: Any) -> Iterator[str]:
    yield f"### {name}"
    yield _doc(thing)
    if not inspect.isclass(thing):
        yield fence(f"{name}{inspect.signature(thing)}", "python")
        return
    for method, function in public_methods(thing):
        yield f"#### {name}.{method}"
        yield fence(f"{method}{_signature(function)}", "python")
        yield _doc(function)


def public_methods(kind: type) -> Iterator[tuple[str, Any]]:
    """The methods and class methods of a class and its bases that a notebook may call, in order of definition."""
    seen: set[str] = set()
    for base in (kind, *kind.__mro__[1:]):
        for name, value in vars(base).items():
            function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
            own = base.__module__.startswith("runbook_lib")
            if own and not name.startswith("_") and inspect.isfunction(function) and name not in seen:
                seen.add(name)
                yield name, function


def _signature(function: Any) -> str:
    signature = inspect.signature(function)
    kept = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
    return str(signature.replace(parameters=kept))


def _doc(thing: Any) -> str:
    return inspect.getdoc(thing) or ""
