"""Starting: what img2img and Inpaint do with the picture they start from."""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from pipelines.recipe import Task
from webui.ui.drawers import Drawer, accordion, differing
from webui.ui.form import short
from webui.ui.widgets import checkbox, chips, slider, switch, word

Fields = dict[str, Any]

_MASK = "source.mask."
_SOFT = {
    "bias": "mask_blend_power",
    "preservation": "mask_blend_scale",
    "boost": "inpaint_detail_preservation",
    "influence": "composite_mask_influence",
    "threshold": "composite_difference_threshold",
    "contrast": "composite_difference_contrast",
}


def changes(task: Task) -> Fields:
    """The open card: strength and what belongs to it."""
    fields: Fields = {}
    with gr.Group(elem_classes="sf-card sf-changes"):
        if task == "inpaint":
            fields[f"{_MASK}area"] = chips(f"{_MASK}area", "img2img_inpaint_full_res")
            fields[f"{_MASK}fill"] = chips(f"{_MASK}fill", "img2img_inpainting_fill")
            with gr.Row(elem_classes="sf-three", equal_height=False):
                fields["source.strength"] = slider("source.strength", "inpaint_denoising_strength")
                fields[f"{_MASK}blur"] = slider(f"{_MASK}blur", "img2img_mask_blur")
                fields[f"{_MASK}padding"] = slider(f"{_MASK}padding", "img2img_inpaint_full_res_padding")
        else:
            fields["source.strength"] = slider("source.strength", "img2img_denoising_strength")
            fields["source.resize"] = chips("source.resize", "resize_mode")
    return fields


def drawers(task: Task, prefix: str) -> tuple[Fields, tuple[Drawer, ...]]:
    """The closed accordions of the tasks that start from a picture."""
    fields: Fields = {}
    if task == "text":
        return fields, ()
    soft = (_soft(prefix, fields),) if task == "inpaint" else ()
    return fields, (*soft, _loopback(prefix, fields), _keeping(task, prefix, fields))


def _soft(prefix: str, fields: Fields) -> Drawer:
    heading, part = "Soft inpainting", f"{_MASK}soft"
    names = tuple(f"{part}.{name}" for name in ("enabled", *_SOFT))
    with accordion(heading, "Off") as drawer:
        fields[f"{part}.enabled"] = switch(
            "soft_inpainting_enabled", "Soft inpainting", "The mask's grey says how much may change; blur it well."
        )
        fields |= {f"{part}.{name}": slider(f"{part}.{name}", elem_id) for name, elem_id in _SOFT.items()}

    def title(values: Mapping[str, object]) -> tuple[str, bool]:
        if not values.get(f"{part}.enabled"):
            return "Off", False
        return differing(names[1:], "On")(values)[0], True

    return Drawer(drawer, heading, names, title)


def _loopback(prefix: str, fields: Fields) -> Drawer:
    heading, part = "Loopback", "source.loopback"
    names = tuple(f"{part}.{name}" for name in ("enabled", "loops", "strength", "curve"))
    with accordion(heading, "Off") as drawer:
        fields[f"{part}.enabled"] = switch(
            f"{prefix}_loopback", "Loopback", "Each result is drawn again. Takes as many times as long."
        )
        fields[f"{part}.loops"] = slider(f"{part}.loops", f"{prefix}_loops")
        fields[f"{part}.strength"] = slider(f"{part}.strength", f"{prefix}_final_denoising_strength")
        fields[f"{part}.curve"] = chips(f"{part}.curve", f"{prefix}_denoising_curve")

    def title(values: Mapping[str, object]) -> tuple[str, bool]:
        if not values.get(f"{part}.enabled"):
            return "Off", False
        loops, strength, curve = (values.get(name) for name in names[1:])
        return f"{short(loops)} loops to strength {short(strength)}, {word(str(curve)).lower()}", True

    return Drawer(drawer, heading, names, title)


def _keeping(task: Task, prefix: str, fields: Fields) -> Drawer:
    """What of the picture is kept or given back."""
    heading = "Colours and mask" if task == "inpaint" else "Colours"
    with accordion(heading, "As drawn") as drawer:
        made: Fields = {
            "source.colour_correction": checkbox("source.colour_correction", f"{prefix}_color_correction"),
        }
        if task == "inpaint":
            made[f"{_MASK}invert"] = checkbox(f"{_MASK}invert", "img2img_mask_mode")
            made[f"{_MASK}conditioning"] = slider(f"{_MASK}conditioning", "inpainting_mask_weight")
            made["source.resize"] = chips("source.resize", "inpaint_resize_mode", without=("latent",))
    fields |= made
    return Drawer(drawer, heading, tuple(made), differing(made, "As drawn"))
