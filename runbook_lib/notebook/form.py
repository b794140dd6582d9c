"""The parameters of a runbook as a form, for whoever sits at a notebook.

The values are those of the parameters cell: the form starts from them and writes back to the same names, so a notebook
that is run without touching the form does what its parameters cell says. Only ipywidgets' core widgets are used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from runbook_lib.command import runbook_command
from runbook_lib.display import badge
from runbook_lib.errors import ParameterError
from runbook_lib.notebook.parameters import Parameter, declarations

Choices = Mapping[str, Sequence[tuple[str, str]]]

_WIDTH = "480px"


def declared_in(cells: Sequence[str]) -> tuple[Parameter, ...]:
    """What the newest parameters cell among these sources declares. cells: as they were run, in order."""
    for source in reversed(cells):
        try:
            found = declarations(source)
        except ParameterError:
            continue
        if found:
            return tuple(found)
    return ()


@dataclass
class Form:
    """A form. names: the notebook's variables; runbook: its name, for the command; choices: by parameter, lines to show
    and values."""

    declared: Sequence[Parameter]
    names: MutableMapping[str, Any]
    runbook: str
    choices: Choices = field(default_factory=dict)

    def widget(self) -> Any:
        """The form as a widget. ImportError without ipywidgets."""
        import ipywidgets

        self._command = ipywidgets.HTML()
        self._wrong = ipywidgets.HTML()
        rows = [self._row(ipywidgets, parameter) for parameter in self.declared]
        self._show_command()
        return ipywidgets.VBox([*rows, self._wrong, self._command])

    def _row(self, ipywidgets: Any, parameter: Parameter) -> Any:
        control = self._control(ipywidgets, parameter)
        control.observe(self._taken(parameter), names="value")
        help_ = ipywidgets.HTML(f"<small>{escape(parameter.help)}</small>", layout={"margin": "0 0 0 1em"})
        return ipywidgets.HBox([control, help_])

    def _control(self, ipywidgets: Any, parameter: Parameter) -> Any:
        value = self.names.get(parameter.name, parameter.default)
        common = {
            "description": parameter.name,
            "tooltip": parameter.help,
            "style": {"description_width": "150px"},
            "layout": {"width": _WIDTH, "flex": "0 0 auto"},
        }
        if parameter.kind == "bool":
            return ipywidgets.Checkbox(value=bool(value), indent=True, **common)
        options = self._options(parameter, value)
        if options:
            return ipywidgets.Dropdown(options=options, value=value, **common)
        return ipywidgets.Text(value="" if value is None else str(value), **common)

    def _options(self, parameter: Parameter, value: object) -> list[tuple[str, Any]]:
        """What a dropdown offers; the present value is always among it."""
        offered: list[tuple[str, Any]] = [(str(choice), choice) for choice in parameter.choices]
        offered = offered or list(self.choices.get(parameter.name, ()))
        if not offered:
            return []
        first: list[tuple[str, Any]] = [] if parameter.choices else [("(empty)", "")]
        known = [one for _, one in (*first, *offered)]
        return [*first, *offered, *([] if value in known else [(f"{value} (not known here)", value)])]

    def _taken(self, parameter: Parameter) -> Callable[[Any], None]:
        """What a change does: the variable gets the new value where it is one."""

        def take(change: Any) -> None:
            try:
                self.names[parameter.name] = parameter.convert(change["new"])
            except ParameterError as error:
                self._wrong.value = badge(str(error), "bad")
                return
            self._wrong.value = ""
            self._show_command()

        return take

    def _show_command(self) -> None:
        self._command.value = f"<code>{escape(self.command)}</code>"

    @property
    def command(self) -> str:
        """The command that does the same headlessly."""
        values = {one.name: self.names.get(one.name, one.default) for one in self.declared}
        chosen = {one.name: values[one.name] for one in self.declared if values[one.name] != one.default}
        return runbook_command(self.runbook, chosen)
