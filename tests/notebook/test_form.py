"""The parameters of a runbook as a form."""

from __future__ import annotations

from typing import Any

import ipywidgets
import pytest

from runbook_lib.notebook.form import Form, declared_in
from runbook_lib.notebook.offer import Offer

CELL = """from typing import Literal

tag: str = ""  # release to put live
mode: Literal["on", "off"] = "on"  # what is wanted
window: float = -1.0  # seconds
refresh: int | None = None  # seconds
dry_run: bool = False  # plan only"""


def form(**names: Any) -> Form:
    return Form(declared_in(["1 + 1", CELL, "look()"]), names, "rollback", {"tag": [("v1.4.2  known good", "v1.4.2")]})


def controls(made: Form) -> dict[str, Any]:
    """The controls by the parameter's name."""
    box = made.widget()
    found = [row.children[0] for row in box.children if isinstance(row, ipywidgets.HBox)]
    return {control.description: control for control in found}


def test_the_newest_parameters_cell_is_found_among_what_was_run() -> None:
    assert [p.name for p in declared_in([CELL, 'other: str = ""  # x', "look()"])] == ["other"]


def test_without_a_parameters_cell_there_is_no_parameter() -> None:
    assert declared_in(["look()", "import os"]) == ()


def test_each_type_has_its_control() -> None:
    kinds = {name: type(control).__name__ for name, control in controls(form()).items()}
    assert kinds == {"tag": "Dropdown", "mode": "Dropdown", "window": "Text", "refresh": "Text", "dry_run": "Checkbox"}


def test_it_begins_with_the_values_of_the_cell() -> None:
    values = {name: control.value for name, control in controls(form(mode="off", window=5.0)).items()}
    assert (values["mode"], values["window"], values["tag"]) == ("off", "5.0", "")


def test_what_is_filled_in_becomes_the_variable() -> None:
    made = form()
    filled = controls(made)
    filled["tag"].value = "v1.4.2"
    filled["window"].value = "2.5"
    filled["refresh"].value = "15"
    filled["dry_run"].value = True
    assert made.names == {"tag": "v1.4.2", "window": 2.5, "refresh": 15, "dry_run": True}


def test_the_command_that_does_the_same_is_shown() -> None:
    made = form()
    filled = controls(made)
    filled["tag"].value = "v1.4.2"
    filled["dry_run"].value = True
    assert made.command == "papermill rollback.ipynb -p tag v1.4.2 -p dry_run true"


def test_what_does_not_fit_is_said_and_not_taken() -> None:
    made = form(window=1.0)
    controls(made)["window"].value = "soon<b>"
    assert made.names["window"] == 1.0
    assert "is not a number" in made._wrong.value
    assert "<b>'" not in made._wrong.value


def test_a_value_that_is_not_offered_stays() -> None:
    control = controls(form(tag="v0.9"))["tag"]
    assert control.value == "v0.9"
    assert ("v0.9 (not known here)", "v0.9") in control.options


def test_only_core_widgets_are_used() -> None:
    """Front ends without extensions, Visual Studio Code among them, have no others."""

    def modules(widget: Any) -> set[str]:
        below = [modules(child) for child in getattr(widget, "children", ())]
        return {widget._model_module, widget._view_module}.union(*below)

    assert modules(form().widget()) == {"@jupyter-widgets/controls"}
    assert modules(Offer("stopped", None).widget()) == {"@jupyter-widgets/controls"}


@pytest.mark.parametrize("name", ["tag", "mode", "window", "refresh", "dry_run"])
def test_every_control_has_its_help(name: str) -> None:
    box = form().widget()
    row = next(row for row in box.children if isinstance(row, ipywidgets.HBox) and row.children[0].description == name)
    assert row.children[1].value.startswith("<small>")
