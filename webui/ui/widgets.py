"""Widgets: the control for a field of a Recipe; label, hint, range and start value come from its annotation."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import gradio as gr

from pipelines.parameter import Parameter, parameter
from pipelines.recipe import Recipe
from webui.ui.form import SEEDS

Choices = Sequence[tuple[str, str]]
"""What is shown, and the value it stands for."""

WORDS: Mapping[str, str] = {
    "cpu": "CPU",
    "nv": "NVIDIA",
    "no norm": "No norm",
    "blurred": "Blurred colours",
    "whole": "The whole picture",
    "masked": "Only the painted area",
    "both": "Both ways",
    "lineart": "Line art",
    "balanced": "Balanced",
    "prompt": "Prompt counts more",
    "control": "ControlNet counts more",
}
"""Values of closed lists whose word on the page is not just the value with a capital."""


def slider(name: str, elem_id: str) -> Any:
    known, low, high, step = _ranged(name)
    return gr.Slider(
        low,
        high,
        known.default,
        step=step,
        label=known.label.text,
        info=known.label.hint or None,
        elem_id=elem_id,
        elem_classes="sf-slider",
        buttons=[],
        min_width=80,
    )


def number(name: str, elem_id: str, classes: str = "") -> Any:
    """Without bounds of its own: what is out of range is told by the recipe's check, in a sentence.

    Empty where a recipe may say nothing; -1 where a seed is drawn.
    """
    known = parameter(Recipe, name)
    start = -1 if name in SEEDS else known.default
    return gr.Number(
        start,
        label=known.label.text,
        info=known.label.hint or None,
        precision=0 if known.kind is int else None,
        step=known.limits.step if known.limits else 1,
        elem_id=elem_id,
        elem_classes=classes or None,
        min_width=60,
    )


def choice(name: str, elem_id: str, offered: Choices) -> Any:
    """A list to choose from; what it offers may be renewed later."""
    known = parameter(Recipe, name)
    return gr.Dropdown(
        list(offered),
        value=known.default,
        label=known.label.text,
        info=known.label.hint or None,
        elem_id=elem_id,
        min_width=120,
    )


def chips(name: str, elem_id: str, without: Sequence[str] = ()) -> Any:
    """A closed list, all of it in sight. without: values that are not offered."""
    known = parameter(Recipe, name)
    if get_origin(known.kind) is not Literal:
        raise TypeError(f"{name} is not a closed list.")
    offered = [(word(value), value) for value in get_args(known.kind) if value not in without]
    return gr.Radio(
        offered,
        value=known.default,
        label=known.label.text,
        elem_id=elem_id,
        elem_classes="sf-chips",
    )


def checkbox(name: str, elem_id: str) -> Any:
    known = parameter(Recipe, name)
    return gr.Checkbox(
        known.default,
        label=known.label.text,
        info=known.label.hint or None,
        elem_id=elem_id,
        elem_classes="sf-check",
        min_width=120,
    )


def switch(elem_id: str, label: str, hint: str) -> Any:
    """The control that says whether the recipe has a part: "hires.enabled"."""
    return gr.Checkbox(False, label=label, info=hint, elem_id=elem_id, elem_classes="sf-check", min_width=120)


def textbox(name: str, elem_id: str, placeholder: str = "", lines: int = 2) -> Any:
    known = parameter(Recipe, name)
    return gr.Textbox(
        known.default or None,
        label=known.label.text,
        placeholder=placeholder,
        lines=lines,
        max_lines=10,
        elem_id=elem_id,
        elem_classes="sf-prompt",
    )


def word(value: str) -> str:
    """A closed list's value as the page shows it."""
    return WORDS.get(value, value.capitalize())


def _ranged(name: str) -> tuple[Parameter, float, float, float]:
    known = parameter(Recipe, name)
    if known.limits is None:
        raise TypeError(f"{name} declares no range.")
    return known, known.limits.low, known.limits.high, known.limits.step
