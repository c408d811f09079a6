"""Drawers: the closed accordions below the form, whose titles tell what is in them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_origin

import gradio as gr

from pipelines.parameter import parameter
from pipelines.recipe import Recipe
from webui.ui.form import ENABLED, SEEDS, short
from webui.ui.widgets import word

Title = Callable[[Mapping[str, object]], tuple[str, bool]]
"""From what the controls hold (those not given are as usual): state in words, and whether it is unusual."""


@dataclass(frozen=True)
class Drawer:
    """names: of the controls that `title` looks at."""

    part: Any
    heading: str
    names: tuple[str, ...]
    title: Title

    def update(self, values: Mapping[str, object]) -> Any:
        """Gradio's update of the accordion for what the controls hold."""
        state, unusual = self.title(values)
        return gr.update(label=label(self.heading, state), elem_classes=["sf-acc", "sf-on"] if unusual else ["sf-acc"])


def accordion(heading: str, state: str, elem_id: str | None = None) -> Any:
    return gr.Accordion(label(heading, state), open=False, elem_id=elem_id, elem_classes="sf-acc")


def label(heading: str, state: str) -> str:
    return f"{heading}\n{state}"


def differing(names: Iterable[str], usual: str) -> Title:
    """A title that tells every control that differs from its default, or `usual` when none does."""
    watched = tuple(names)

    def title(values: Mapping[str, object]) -> tuple[str, bool]:
        told = [words for name in watched if (words := _told(name, values))]
        return ", ".join(told) or usual, bool(told)

    return title


def _told(name: str, values: Mapping[str, object]) -> str:
    if name.endswith(ENABLED) or name not in values:
        return ""
    known = parameter(Recipe, name)
    value = values[name]
    empty = value is None or value == "" or (name in SEEDS and value == -1)
    if value == known.default or (empty and known.default in (None, "")):
        return ""
    if value is True:
        return known.label.text
    told = word(str(value)) if get_origin(known.kind) is Literal else short(value)
    return f"{known.label.text} {told}"
