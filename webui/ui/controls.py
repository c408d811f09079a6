"""The controls of one task's form, by the names that `form.read` knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from pipelines.recipe import Recipe, Task
from webui.addons.panel import Panel
from webui.ui import enlarging, expert, starting, styling
from webui.ui import panels as addon_panels
from webui.ui.drawers import Drawer, accordion
from webui.ui.markup import place
from webui.ui.offers import offers
from webui.ui.styling import Styling
from webui.ui.widgets import choice, number, slider, textbox

PREFIX: Mapping[Task, str] = {"text": "txt2img", "image": "img2img", "inpaint": "inpaint", "finish": "extras"}
"""First part of the element ids of a task, as scripts and user styles know them."""

TITLES: Mapping[Task, str] = {"text": "txt2img", "image": "img2img", "inpaint": "Inpaint"}

SIZES = (("Square", 1, 1), ("Portrait", 3, 4), ("Landscape", 4, 3), ("Wide", 16, 9))

QUIET: Mapping[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
"""How every event of the page is bound: no overlay, no public name, no waiting for one another."""


@dataclass(frozen=True)
class Controls:
    """styling: the editor of styles, where there are prompts.

    carried -- the hidden box with what was pasted and has no control; carried_note: says so
    """

    fields: Mapping[str, Any]
    drawers: tuple[Drawer, ...]
    styling: Styling | None
    carried: Any
    carried_note: Any


def prompts(task: Task) -> dict[str, Any]:
    """The card with both prompts."""
    prefix = PREFIX[task]
    with gr.Group(elem_classes="sf-card sf-prompts"):
        place(f'<h1 class="sf-sr">{TITLES[task]}</h1>{_prompt_head(prefix)}', classes="sf-over")
        prompt = textbox("prompt", f"{prefix}_prompt", PROMPT_HINTS[task], 3 if task == "text" else 2)
        place(_counter(prefix, "neg_prompt", "negative"), classes="sf-over")
        negative = textbox("negative", f"{prefix}_neg_prompt", "What to keep out of the picture", 2)
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
            fields["width"] = number("width", f"{prefix}_width", "sf-number")
            place(_swap(prefix), classes="sf-shrink sf-swap-holder")
            fields["height"] = number("height", f"{prefix}_height", "sf-number")
        with gr.Row(elem_classes="sf-three", equal_height=False):
            fields["steps"] = slider("steps", f"{prefix}_steps")
            fields["guidance"] = slider("guidance", f"{prefix}_cfg_scale")
            fields["count"] = slider("count", f"{prefix}_batch_count")
        with gr.Row(elem_classes="sf-seed", equal_height=False):
            fields["seed"] = number("seed", f"{prefix}_seed")
            place(_seed_tools(prefix), classes="sf-shrink")
    return fields


def drawers(task: Task, panels: tuple[Panel, ...] = ()) -> tuple[dict[str, Any], tuple[Drawer, ...], Styling]:
    """The closed accordions, those of add-ons last: their controls by name, what keeps their titles true, and the
    editor of styles."""
    prefix = PREFIX[task]
    fields: dict[str, Any] = {}
    with gr.Column(elem_classes="sf-accs", min_width=0):
        made = (_sampler(prefix, fields), _memory(prefix, fields))
        larger, enlargers = enlarging.drawers(task, prefix)
        source, starts = starting.drawers(task, prefix)
        more, others = expert.drawers(task, prefix)
        chosen, styles, editor = styling.drawer(prefix)
        theirs, added = addon_panels.drawers(prefix, panels)
    fields |= larger | source | more | chosen | theirs
    return fields, (*made, *enlargers, *starts, *others, styles, *added), editor


def carried(task: Task) -> tuple[Any, Any]:
    """The hidden box for what was pasted and has no control here, and the place of the note that tells it."""
    prefix = PREFIX[task]
    note = place("", elem_id=f"{prefix}_carried_note", classes="sf-answer")
    return gr.Textbox("{}", label="Further settings", elem_id=f"{prefix}_carried", visible="hidden"), note


def _sampler(prefix: str, fields: dict[str, Any]) -> Drawer:
    offered = offers(None)
    names = ("sampler", "schedule")

    def title(values: Mapping[str, object]) -> tuple[str, bool]:
        schedule = values.get("schedule", Recipe.schedule)
        return f"{values.get('sampler', Recipe.sampler)}, {str(schedule).lower()} schedule", False

    with accordion("Sampler", title({})[0]) as part:
        fields["sampler"] = choice("sampler", f"{prefix}_sampling", offered["sampler"])
        fields["schedule"] = choice("schedule", f"{prefix}_scheduler", offered["schedule"])
    return Drawer(part, "Sampler", names, title)


def _memory(prefix: str, fields: dict[str, Any]) -> Drawer:
    names = ("batch", "clip_skip")

    def title(values: Mapping[str, object]) -> tuple[str, bool]:
        batch, skip = values.get("batch", Recipe.batch), values.get("clip_skip", Recipe.clip_skip)
        return f"{batch} at once, clip skip {skip}", (batch, skip) != (1, 1)

    with accordion("Batch and clip skip", title({})[0]) as part:
        fields["batch"] = slider("batch", f"{prefix}_batch_size")
        fields["clip_skip"] = slider("clip_skip", f"{prefix}_clip_skip")
    return Drawer(part, "Batch and clip skip", names, title)


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
