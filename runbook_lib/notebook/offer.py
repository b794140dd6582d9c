"""After a run was stopped by hand: what can be done now, and a button that puts back what served before."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from runbook_lib.errors import RunbookError
from runbook_lib.run.run import Run

GO_ON = "To go on, run the notebook from its first cell: what is finished is passed over."
BACK = "Put back what served before"


@dataclass(repr=False)
class Offer:
    """What a stopped run can do. With ipywidgets there is a button; without, `undo()` in a cell does the same."""

    reason: str
    run: Run | None

    def __str__(self) -> str:
        return f"{self.reason}\n{GO_ON}\n{BACK}: call undo() of what you opened, in a cell of its own."

    __repr__ = __str__

    def _ipython_display_(self) -> None:
        from IPython.display import display

        try:
            display(self.widget())  # type: ignore[no-untyped-call]
        except ImportError:
            print(self)

    def widget(self) -> Any:
        """The offer with its button. ImportError without ipywidgets."""
        import ipywidgets

        said = ipywidgets.HTML(f"<b>{escape(self.reason)}</b><br>{GO_ON}")
        button = ipywidgets.Button(description=BACK, layout={"width": "auto"})
        came = ipywidgets.HTML()
        button.on_click(lambda _clicked: self._undo(button, came))
        return ipywidgets.VBox([said, button, came])

    def _undo(self, button: Any, came: Any) -> None:
        """What a click does; what came of it stands below the button."""
        button.disabled, came.value = True, "putting it back"
        try:
            remarks = self.run.undo("it was asked for at the desk") if self.run else "there is no run"
        except RunbookError as error:
            remarks, button.disabled = str(error), False
        came.value = escape(remarks).replace("\n", "<br>")
