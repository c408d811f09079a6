"""The controls of one task's form: labels, hints and ranges come from the annotations of Recipe."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import gradio as gr

from pipelines.catalogue import Catalogue
from pipelines.recipe import Area, Fill, Mask, Recipe, Resize, Source, Task, facts
from webui.ui import form
from webui.ui.markup import place

PREFIX: Mapping[Task, str] = {"text": "txt2img", "image": "img2img", "inpaint": "inpaint"}
"""First part of the element ids of a task, as scripts and user styles know them."""

TITLES: Mapping[Task, str] = {"text": "txt2img", "image": "img2img", "inpaint": "Inpaint"}

SIZES = (("Square", 1, 1), ("Portrait", 3, 4), ("Landscape", 4, 3), ("Wide", 16, 9))

FILLS = (("Original", "original"), ("Blurred colours", "blurred"), ("Noise", "noise"), ("Empty", "empty"))
AREAS = (("The whole picture", "whole"), ("Only the painted area", "masked"))
RESIZES = (("Stretch", "stretch"), ("Crop", "crop"), ("Fill", "fill"))

QUIET: Mapping[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
"""How every event of the page is bound: no overlay, no public name, no waiting for one another."""

KNOWN_SAMPLERS = ("DPM++ 2M", "Euler", "Euler a")
KNOWN_SCHEDULES = ("Automatic",)
"""Offered until the engine has announced its own."""


@dataclass(frozen=True)
class Controls:
    """The controls by the names that `form.read` knows; the accordions that tell their state in their titles."""

    fields: Mapping[str, Any]
    sampler: Any
    memory: Any


def prompts(task: Task) -> dict[str, Any]:
    """The card with both prompts."""
    prefix = PREFIX[task]
    with gr.Group(elem_classes="sf-card sf-prompts"):
        place(f'<h1 class="sf-sr">{TITLES[task]}</h1>{_prompt_head(prefix)}', classes="sf-over")
        prompt = _textbox("prompt", f"{prefix}_prompt", PROMPT_HINTS[task], 3 if task == "text" else 2)
        place(_counter(prefix, "neg_prompt", "negative"), classes="sf-over")
        negative = _textbox("negative", f"{prefix}_neg_prompt", "What to keep out of the picture", 2)
    return {"prompt": prompt, "negative": negative}


def actions(task: Task) -> Any:
    """The row with Generate; returns that button. Stop is bound by the live client."""
    prefix = PREFIX[task]
    with gr.Row(elem_id=f"{prefix}_actions", elem_classes="sf-actions", equal_height=True):
        place(MINIATURE, classes="sf-mini-holder")
        generate = gr.Button(
            "Generate", variant="primary", elem_id=f"{prefix}_generate", elem_classes="sf-generate sf-icon-star4"
        )
        gr.Button("Stop", elem_id=f"{prefix}_interrupt", elem_classes="sf-stop sf-icon-stop", min_width=50)
    return generate


def basics(task: Task) -> dict[str, Any]:
    """Size, steps, CFG, count and seed."""
    prefix = PREFIX[task]
    fields: dict[str, Any] = {}
    with gr.Group(elem_classes="sf-card sf-basics"):
        with gr.Row(elem_classes="sf-size", equal_height=False):
            place(_sizes(), classes="sf-shrink")
            fields["width"] = _number("width", f"{prefix}_width")
            place(_swap(prefix), classes="sf-shrink sf-swap-holder")
            fields["height"] = _number("height", f"{prefix}_height")
        with gr.Row(elem_classes="sf-three", equal_height=False):
            fields["steps"] = slider(Recipe, "steps", f"{prefix}_steps")
            fields["guidance"] = slider(Recipe, "guidance", f"{prefix}_cfg_scale")
            fields["count"] = slider(Recipe, "count", f"{prefix}_batch_count")
        seed, _ = facts(Recipe, "seed")
        with gr.Row(elem_classes="sf-seed", equal_height=False):
            fields["seed"] = gr.Number(
                -1, label=seed.text, info=seed.hint, precision=0, elem_id=f"{prefix}_seed", min_width=80
            )
            place(_seed_tools(prefix), classes="sf-shrink")
    return fields


def changes(task: Task) -> dict[str, Any]:
    """What img2img and Inpaint do with the picture they start from."""
    fields: dict[str, Any] = {}
    with gr.Group(elem_classes="sf-card sf-changes"):
        if task == "inpaint":
            fields["area"] = _chips(Mask, "area", AREAS, get_args(Area), "img2img_inpaint_full_res")
            fields["fill"] = _chips(Mask, "fill", FILLS, get_args(Fill), "img2img_inpainting_fill")
            with gr.Row(elem_classes="sf-three", equal_height=False):
                fields["strength"] = slider(Source, "strength", "inpaint_denoising_strength")
                fields["blur"] = slider(Mask, "blur", "img2img_mask_blur")
                fields["padding"] = slider(Mask, "padding", "img2img_inpaint_full_res_padding")
        else:
            fields["strength"] = slider(Source, "strength", "img2img_denoising_strength")
            fields["resize"] = _chips(Source, "resize", RESIZES, get_args(Resize), "resize_mode")
    return fields


def drawers(task: Task) -> tuple[dict[str, Any], Any, Any]:
    """The closed accordions: their controls, the sampler's accordion and that of the rest."""
    prefix = PREFIX[task]
    with gr.Column(elem_classes="sf-accs", min_width=0):
        with gr.Accordion(sampler_title({}), open=False, elem_classes="sf-acc") as sampler_part:
            sampler = _dropdown("sampler", KNOWN_SAMPLERS, f"{prefix}_sampling")
            schedule = _dropdown("schedule", KNOWN_SCHEDULES, f"{prefix}_scheduler")
        with gr.Accordion(memory_title({}), open=False, elem_classes="sf-acc") as memory_part:
            batch = slider(Recipe, "batch", f"{prefix}_batch_size")
            clip_skip = slider(Recipe, "clip_skip", f"{prefix}_clip_skip")
    fields = {"sampler": sampler, "schedule": schedule, "batch": batch, "clip_skip": clip_skip}
    return fields, sampler_part, memory_part


def watch_titles(controls: Controls) -> None:
    """Keep the accordions' titles true to what is in them."""
    fields = controls.fields
    pairs = (
        ("sampler", "schedule", sampler_title, controls.sampler),
        ("batch", "clip_skip", memory_title, controls.memory),
    )
    for first, second, title, part in pairs:

        def retitle(one: object, two: object, names: tuple[str, str] = (first, second), say: Any = title) -> Any:
            return gr.update(label=say(dict(zip(names, (one, two), strict=True))))

        gr.on(
            [fields[first].input, fields[second].input],
            retitle,
            [fields[first], fields[second]],
            part,
            **QUIET,
        )


def sampler_title(values: Mapping[str, object]) -> str:
    """Name and state of the sampler's accordion; names the controls do not hold are shown as their defaults."""
    schedule = values.get("schedule", Recipe.schedule)
    return f"Sampler\n{values.get('sampler', Recipe.sampler)}, {str(schedule).lower()} schedule"


def memory_title(values: Mapping[str, object]) -> str:
    batch = values.get("batch", Recipe.batch)
    return f"Batch and clip skip\n{batch} at once, clip skip {values.get('clip_skip', Recipe.clip_skip)}"


def choices(catalogue: Catalogue | None) -> tuple[list[str], list[str]]:
    """The samplers and schedules to offer."""
    if catalogue is None:
        return list(KNOWN_SAMPLERS), list(KNOWN_SCHEDULES)
    return [entry.name for entry in catalogue.samplers], list(catalogue.schedules)


def named(task: Task, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The task's controls in the order of `form.fields`."""
    return {name: fields[name] for name in form.fields(task) if name in fields}


def slider(owner: type[Any], name: str, elem_id: str) -> Any:
    label, limits = facts(owner, name)
    if limits is None:
        raise TypeError(f"{owner.__name__}.{name} declares no range.")
    return gr.Slider(
        limits.low,
        limits.high,
        getattr(owner, name),
        step=limits.step,
        label=label.text,
        info=label.hint or None,
        elem_id=elem_id,
        elem_classes="sf-slider",
        buttons=[],
        min_width=80,
    )


def _textbox(name: str, elem_id: str, placeholder: str, lines: int) -> Any:
    label, _ = facts(Recipe, name)
    return gr.Textbox(
        label=label.text, placeholder=placeholder, lines=lines, max_lines=10, elem_id=elem_id, elem_classes="sf-prompt"
    )


def _number(name: str, elem_id: str) -> Any:
    """Without bounds of its own: what is out of range is told by the recipe's check, in a sentence."""
    label, limits = facts(Recipe, name)
    return gr.Number(
        getattr(Recipe, name),
        label=label.text,
        precision=0,
        step=limits.step if limits else 1,
        elem_id=elem_id,
        elem_classes="sf-number",
        min_width=60,
        scale=0,
    )


def _dropdown(name: str, known: tuple[str, ...], elem_id: str) -> Any:
    label, _ = facts(Recipe, name)
    return gr.Dropdown(list(known), value=getattr(Recipe, name), label=label.text, info=label.hint, elem_id=elem_id)


def _chips(
    owner: type[Any], name: str, titles: tuple[tuple[str, str], ...], known: tuple[Any, ...], elem_id: str
) -> Any:
    label, _ = facts(owner, name)
    offered = [(title, value) for title, value in titles if value in known]
    return gr.Radio(offered, value=getattr(owner, name), label=label.text, elem_id=elem_id, elem_classes="sf-chips")


PROMPT_HINTS: Mapping[Task, str] = {
    "text": "Describe the picture. Drop a picture here to read its settings.",
    "image": "What the picture should become",
    "inpaint": "What the painted area should become",
}

MINIATURE = (
    '<button type="button" class="sf-mini" data-sf="mini" aria-label="Show the picture" hidden>'
    '<img alt=""><span></span></button>'
)


def _counter(prefix: str, box: str, kind: str) -> str:
    name = "token_counter" if box == "prompt" else "negative_token_counter"
    return (
        f'<span class="sf-count" id="{prefix}_{name}" data-sf="tokens" data-for="{prefix}_{box}" '
        f'title="Tokens of the {kind} prompt that the model reads at a time">0 / 75</span>'
    )


def _prompt_head(prefix: str) -> str:
    return _counter(prefix, "prompt", "positive") + (
        '<span class="sf-tools">'
        f'<button type="button" class="sf-mini-btn" id="{prefix}_paste" data-do="paste" aria-label="Paste settings" '
        'title="Read settings from copied text or a copied picture"><i class="sf-i sf-i-paste"></i></button>'
        f'<button type="button" class="sf-mini-btn" id="{prefix}_clear_prompt" data-do="clear" '
        'aria-label="Clear both prompts" title="Clear both prompts"><i class="sf-i sf-i-trash"></i></button></span>'
    )


def _sizes() -> str:
    chips = "".join(
        f'<button type="button" class="sf-chip" data-do="size" data-ratio="{wide}:{tall}" aria-pressed="false">'
        f'<i class="sf-ratio sf-ratio-{name.lower()}" aria-hidden="true"></i>{name}</button>'
        for name, wide, tall in SIZES
    )
    return f'<div class="sf-chip-row" role="group" aria-label="Picture size" data-sf="sizes">{chips}</div>'


def _swap(prefix: str) -> str:
    return (
        f'<button type="button" class="sf-mini-btn" id="{prefix}_res_switch_btn" data-do="swap" '
        'aria-label="Swap width and height" title="Swap width and height"><i class="sf-i sf-i-swap"></i></button>'
    )


def _seed_tools(prefix: str) -> str:
    return (
        '<div class="sf-row">'
        f'<button type="button" class="sf-btn sf-sm" id="{prefix}_random_seed" data-do="random-seed" '
        'title="A new seed each time"><i class="sf-i sf-i-dice"></i>Random</button>'
        f'<button type="button" class="sf-btn sf-sm" id="{prefix}_reuse_seed" data-do="last-seed" '
        'title="Use the seed of the shown picture"><i class="sf-i sf-i-reuse"></i>Last</button></div>'
    )
