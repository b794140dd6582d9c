"""The levers there are. A lever is one file, a line in each of these tables, and one test file."""

from __future__ import annotations

from importlib import import_module

from runbook_lib.command import nearest, printable
from runbook_lib.errors import ParameterError
from runbook_lib.levers.base import Lever, Request

LEVERS = {
    "disable_features": "runbook_lib.levers.features:feature",
    "end_sessions": "runbook_lib.levers.sessions:EndSessions",
    "free_disk": "runbook_lib.levers.disk:FreeDisk",
    "pause_queues": "runbook_lib.levers.queues:PauseQueues",
    "pause_scheduler": "runbook_lib.levers.scheduler:PauseScheduler",
    "rate_limit": "runbook_lib.levers.rate_limit:rate_limit",
    "read_only": "runbook_lib.levers.read_only:read_only",
    "restart": "runbook_lib.levers.restart:restart",
    "restart_workers": "runbook_lib.levers.workers:RestartWorkers",
    "scale": "runbook_lib.levers.scale:scale",
}
# What users and others have of each action, though it goes well.
RISKS = {
    "scale": "the database gets more connections",
    "disable_features": "users miss the feature",
    "rate_limit": "who asks more often gets 429",
    "read_only": "whatever writes fails",
    "restart": "requests may fail for a moment",
    "restart_workers": "a job at work may be done once more",
    "pause_queues": "jobs wait, and more of them come",
    "pause_scheduler": "what is due is not done",
    "end_sessions": "what they were doing is undone",
    "free_disk": "what is removed is gone",
}
# Their way back is right whatever there was before, so that it can be gone by whoever finds them halted.
TAKEN_BACK_BY_ANYBODY = ("pause_queues", "pause_scheduler")
OWN = "runbook_lib.levers.own:OwnCommand"


def lever_of(request: Request) -> Lever:
    """The lever of an action; only the module that is needed is imported. ParameterError where there is no such action,
    ConfigurationError where its lever is not configured, both naming what there is to do."""
    own = request.action in request.levers.commands
    known = [*LEVERS, *request.levers.commands]
    if not own and request.action not in LEVERS:
        close = nearest(request.action, ["maintenance", *known])
        hint = f"did you mean {', '.join(close)}?" if close else f"there are maintenance, {', '.join(known)}"
        raise ParameterError(
            f"no mitigation is called {printable(request.action, 60)!r} in {request.target.label}", next_step=hint
        )
    module, name = (OWN if own else LEVERS[request.action]).split(":")
    lever: Lever = getattr(import_module(module), name)(request)
    return lever
