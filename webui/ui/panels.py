"""Panels of add-ons: one drawer each, with a switch. While it is off, a recipe says nothing of the add-on."""

from collections.abc import Iterable, Mapping
from typing import Any

import gradio as gr

from webui.addons.panel import Control, Panel
from webui.ui.drawers import Drawer, Title, accordion
from webui.ui.form import ENABLED
from webui.ui.widgets import switch, word


def drawers(prefix: str, panels: Iterable[Panel]) -> tuple[dict[str, Any], tuple[Drawer, ...]]:
    """Into the open column: the controls, named "extras.ADDON.OPTION", and their drawers."""
    fields: dict[str, Any] = {}
    made: list[Drawer] = []
    for panel in panels:
        part = f"extras.{panel.addon}"
        ids = f"{prefix}_ext_{panel.addon}"
        with accordion(panel.title, "Off") as box:
            fields[f"{part}{ENABLED}"] = switch(f"{ids}_enabled", "On", f"Lets {panel.title} take part.")
            for control in panel.controls:
                fields[f"{part}.{control.name}"] = _widget(control, f"{ids}_{control.name}")
        made.append(Drawer(box, panel.title, (f"{part}{ENABLED}",), _title(part)))
    return fields, tuple(made)


def _title(part: str) -> Title:
    def title(values: Mapping[str, object]) -> tuple[str, bool]:
        on = bool(values.get(f"{part}{ENABLED}"))
        return ("On" if on else "Off"), on

    return title


def _widget(control: Control, elem_id: str) -> Any:
    common: dict[str, Any] = {"label": control.label, "info": control.hint or None, "elem_id": elem_id}
    if control.kind == "bool":
        return gr.Checkbox(bool(control.default), elem_classes="sf-check", min_width=120, **common)
    if control.kind == "choice":
        offered = [(word(choice), choice) for choice in control.choices]
        return gr.Dropdown(offered, value=str(control.default), min_width=120, **common)
    if control.kind == "str":
        return gr.Textbox(str(control.default), lines=1, max_lines=6, **common)
    number = float(control.default)
    if control.low is not None and control.high is not None:
        return gr.Slider(
            control.low,
            control.high,
            number,
            step=control.step,
            elem_classes="sf-slider",
            buttons=[],
            min_width=80,
            **common,
        )
    return gr.Number(number, precision=0 if control.kind == "int" else None, min_width=60, **common)
