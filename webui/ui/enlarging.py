"""Enlarging: the second pass, what is done to finished pictures, and the form of the Extras tab."""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from pipelines.recipe import Finish, Hires, Task
from webui.ui.drawers import Drawer, accordion
from webui.ui.form import short
from webui.ui.offers import offers
from webui.ui.widgets import checkbox, choice, number, slider, switch, textbox

Fields = dict[str, Any]
Values = Mapping[str, object]


def drawers(task: Task, prefix: str) -> tuple[Fields, tuple[Drawer, ...]]:
    """The closed accordions. Only what is drawn from nothing has a second pass."""
    fields: Fields = {}
    second = (_second_pass(prefix, fields),) if task == "text" else ()
    return fields, (*second, _finishing(prefix, fields))


def extras() -> Fields:
    """The open cards of the Extras tab."""
    fields: Fields = {}
    with gr.Group(elem_classes="sf-card sf-changes"):
        fields["finish.upscaler"] = _listed("finish.upscaler", "extras_upscaler_1")
        fields["finish.scale"] = slider("finish.scale", "extras_upscaling_resize")
        with gr.Row(elem_classes="sf-three", equal_height=False):
            fields["finish.width"] = number("finish.width", "extras_upscaling_resize_w")
            fields["finish.height"] = number("finish.height", "extras_upscaling_resize_h")
        fields["finish.crop"] = checkbox("finish.crop", "extras_upscaling_crop")
        fields["finish.second"] = _listed("finish.second", "extras_upscaler_2")
        fields["finish.second_share"] = slider("finish.second_share", "extras_upscaler_2_visibility")
    return fields


def _second_pass(prefix: str, fields: Fields) -> Drawer:
    heading = "Second pass (hires fix)"
    with accordion(heading, "Off", f"{prefix}_hr") as part:
        made: Fields = {
            "hires.enabled": switch(
                f"{prefix}_enable_hr", "Draw it again, larger", "Adds detail that the first size has no room for."
            ),
            "hires.upscaler": _listed("hires.upscaler", f"{prefix}_hr_upscaler"),
            "hires.scale": slider("hires.scale", f"{prefix}_hr_scale"),
            "hires.strength": slider("hires.strength", f"{prefix}_denoising_strength"),
            "hires.steps": slider("hires.steps", f"{prefix}_hires_steps"),
            "hires.width": slider("hires.width", f"{prefix}_hr_resize_x"),
            "hires.height": slider("hires.height", f"{prefix}_hr_resize_y"),
            "hires.guidance": slider("hires.guidance", f"{prefix}_hr_cfg"),
            "hires.sampler": _listed("hires.sampler", "hr_sampler"),
            "hires.schedule": _listed("hires.schedule", "hr_scheduler"),
            "hires.checkpoint": _listed("hires.checkpoint", "hr_checkpoint"),
            "hires.prompt": textbox("hires.prompt", "hires_prompt", "As in the first pass"),
            "hires.negative": textbox("hires.negative", "hires_neg_prompt", "As in the first pass"),
            "hires.keep": checkbox("hires.keep", f"{prefix}_hr_keep"),
        }
    fields |= made
    names = ("hires.enabled", "hires.upscaler", "hires.scale", "hires.width", "hires.height", "hires.strength")
    return Drawer(part, heading, names, _second_title)


def _second_title(values: Values) -> tuple[str, bool]:
    if not values.get("hires.enabled"):
        return "Off", False
    upscaler = values.get("hires.upscaler", Hires.upscaler)
    larger = _larger(values, "hires", Hires.scale)
    return f"{larger} by {upscaler}, strength {short(values.get('hires.strength', Hires.strength))}", True


def _finishing(prefix: str, fields: Fields) -> Drawer:
    heading = "Upscale the result"
    with accordion(heading, "Off", f"{prefix}_finish") as part:
        made: Fields = {
            "finish.enabled": switch(
                f"{prefix}_enable_finish", "Make the finished picture larger", "Without drawing anything anew."
            ),
            "finish.upscaler": _listed("finish.upscaler", f"{prefix}_finish_upscaler"),
            "finish.scale": slider("finish.scale", f"{prefix}_finish_scale"),
            "finish.second": _listed("finish.second", f"{prefix}_finish_upscaler_2"),
            "finish.second_share": slider("finish.second_share", f"{prefix}_finish_upscaler_2_visibility"),
        }
    fields |= made
    return Drawer(part, heading, ("finish.enabled", "finish.upscaler", "finish.scale"), _finish_title)


def _finish_title(values: Values) -> tuple[str, bool]:
    if not values.get("finish.enabled"):
        return "Off", False
    upscaler = values.get("finish.upscaler")
    return (f"{_larger(values, 'finish', Finish.scale)} by {upscaler}" if upscaler else "Choose an upscaler"), True


def _larger(values: Values, part: str, usual: float) -> str:
    width, height = values.get(f"{part}.width") or 0, values.get(f"{part}.height") or 0
    if width or height:
        return f"To {width or '…'} × {height or '…'}"
    return f"{short(values.get(f'{part}.scale', usual))} times"


def _listed(name: str, elem_id: str) -> Any:
    return choice(name, elem_id, offers(None)[name])
