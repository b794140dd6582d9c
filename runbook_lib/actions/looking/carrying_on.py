"""From a recommendation to its procedure, in the same process: its plan, its gate, its steps, its verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runbook_lib.diagnosis import Next
from runbook_lib.display import Table
from runbook_lib.errors import ParameterError

Show = Callable[[Table], None]


def carry_out(following: Next, show: Show) -> str:
    """Run the procedure of a recommended runbook from its plan to its close; its summary. show: gets the plan and the
    verdict as they come. ParameterError for a runbook that a person has to run; else what the procedure raises."""
    if following.runbook not in _PROCEDURES:
        raise ParameterError(
            f"{following.runbook} is not carried out from here", next_step=f"run it yourself: {following.command}"
        )
    return _PROCEDURES[following.runbook](following.parameters, show)


def _rollback(parameters: dict[str, Any], show: Show) -> str:
    from runbook_lib.actions.rollback import Rollback

    rollback = Rollback.open(**parameters)
    rollback.releases()
    show(rollback.plan())
    show(rollback.schema())
    rollback.gate()
    rollback.stage()
    rollback.switch()
    show(rollback.observe())
    return rollback.close()


def _mitigation(parameters: dict[str, Any], show: Show) -> str:
    from runbook_lib.actions.mitigation import Mitigation

    mitigation = Mitigation.open(**parameters)
    show(mitigation.plan())
    mitigation.gate()
    mitigation.apply()
    return mitigation.close()


def _maintenance(parameters: dict[str, Any], show: Show) -> str:
    from runbook_lib.actions.maintenance import Maintenance

    maintenance = Maintenance.open(**parameters)
    show(maintenance.plan())
    maintenance.gate()
    maintenance.switch()
    return maintenance.close()


_PROCEDURES: dict[str, Callable[[dict[str, Any], Show], str]] = {
    "rollback": _rollback,
    "mitigate": _mitigation,
    "maintenance_mode": _maintenance,
}
