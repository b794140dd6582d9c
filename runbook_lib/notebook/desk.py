"""At the desk: what a person sees first in a notebook. Headless, only the situation is shown, for the record."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runbook_lib.actions.procedure import target_of
from runbook_lib.actions.release.choosing import offered
from runbook_lib.actions.situation import Situation, situation
from runbook_lib.errors import RunbookError
from runbook_lib.notebook.form import Choices, Form, declared_in
from runbook_lib.notebook.progress import follow
from runbook_lib.platforms import platform_of
from runbook_lib.run import gate
from runbook_lib.run.journal import Journal
from runbook_lib.run.standing import Standing


def desk(runbook: str, service: str = "", environment: str = "production") -> Situation | None:
    """Where one stands; and, where somebody sits at the notebook, below it the parameters as a form, and from then on
    runs shown as they go.

    runbook: the notebook's name. service, environment: as in the parameters. ConfigurationError.
    """
    shell = _shell()
    if shell is None or not gate.can_ask():
        # Nobody waits for it, and the runbook looks for itself.
        return situation(service, environment, alive=False)
    _sit_down(shell, runbook, service, environment)
    return None


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _sit_down(shell: Any, runbook: str, service: str, environment: str) -> None:
    from IPython.display import display

    display(situation(service, environment))  # type: ignore[no-untyped-call]

    follow(_displays(display), _kernel_id())
    form = Form(declared_in(shell.user_ns.get("In", [])), shell.user_ns, runbook, _choices(service, environment))
    try:
        display(form.widget())  # type: ignore[no-untyped-call]
    except ImportError:
        print("no form: ipywidgets is not installed; change the parameters cell and run the cells below it again")


def _choices(service: str, environment: str) -> Choices:
    """What the form offers; without a platform that can be read, nothing."""
    try:
        target = target_of(service, environment)
        platform = platform_of(target)
        live = {release.id for release in platform.current().values()}
        standing = Standing.of(Journal(target.state), target.label)
        tags = offered(platform.releases(), live, standing)
    except RunbookError:
        tags = []
    return {"tag": tags, "environment": [(name, name) for name in _environments(service, environment)]}


def _environments(service: str, environment: str) -> list[str]:
    try:
        return list(target_of(service, environment).service.environments)
    except RunbookError:
        return []


def _displays(display: Callable[..., Any]) -> Callable[[Any], Callable[[Any], None]]:
    """A function that puts a thing on the page and returns the one that brings it up to date."""

    def put(thing: Any) -> Callable[[Any], None]:
        handle = display(thing, display_id=True)

        def update(changed: Any) -> None:
            if handle is not None:
                handle.update(changed)

        return update

    return put


def _kernel_id() -> str:
    """The id under which the notebook server knows this kernel; empty where there is none."""
    try:
        from ipykernel.connect import get_connection_file

        return Path(get_connection_file()).stem.removeprefix("kernel-")
    except (ImportError, RuntimeError, OSError):
        return ""
