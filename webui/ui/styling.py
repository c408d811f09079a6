"""Saved styles on the page: chosen ones go around the prompts when a picture is asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from pipelines.recipe import Recipe
from webui.store import styles
from webui.store.styles import Style
from webui.ui.drawers import Drawer, accordion

CONTROL = "styles"
"""The name of the control; it is no field of a recipe, whose prompts hold what the styles say."""


@dataclass(frozen=True)
class Styling:
    """What edits the styles: a name, and two buttons."""

    name: Any
    save: Any
    remove: Any


def drawer(prefix: str) -> tuple[dict[str, Any], Drawer, Styling]:
    """The control, its accordion, and the editor in it."""
    with accordion("Styles", "None") as part:
        choice = gr.Dropdown(
            [], value=[], multiselect=True, label="Styles", info="Saved pieces of prompts.", elem_id=f"{prefix}_styles"
        )
        with gr.Row(elem_classes="sf-owner", equal_height=False):
            name = gr.Textbox(
                label="Name", placeholder="Of a style to save", lines=1, max_lines=1, elem_id=f"{prefix}_style_name"
            )
            save = gr.Button("Save both prompts as a style", size="sm", elem_id=f"{prefix}_style_save")
            remove = gr.Button("Delete the chosen styles", size="sm", elem_id=f"{prefix}_style_delete")
    return {CONTROL: choice}, Drawer(part, "Styles", (CONTROL,), _title), Styling(name, save, remove)


def named(names: object, known: Iterable[Style]) -> list[Style]:
    """The styles of these names, in the order in which they were chosen."""
    here = {style.name: style for style in known}
    return [here[name] for name in names if name in here] if isinstance(names, list) else []


def styled(recipe: Recipe, names: object, file: Path) -> Recipe:
    """With the chosen styles in both prompts."""
    prompt, negative = styles.applied(recipe.prompt, recipe.negative, named(names, styles.read(file)))
    return replace(recipe, prompt=prompt, negative=negative)


def plain(recipe: Recipe, file: Path) -> tuple[Recipe, list[str]]:
    """Without the saved styles that are found in both prompts, and their names."""
    names, prompt, negative = styles.extracted(recipe.prompt, recipe.negative, styles.read(file))
    return replace(recipe, prompt=prompt, negative=negative), list(names)


def saved(file: Path, name: str, prompt: str, negative: str) -> str:
    """Keep a style under a name, in place of one that had it; returns what is told."""
    if not name.strip():
        return "Give the style a name first."
    others = [style for style in styles.read(file) if style.name != name.strip()]
    styles.write(file, [*others, Style(name.strip(), prompt, negative)])
    return f"The style '{name.strip()}' is saved."


def removed(file: Path, names: object) -> str:
    """Forget the styles of these names; returns what is told."""
    gone = [style.name for style in named(names, styles.read(file))]
    if not gone:
        return "Choose the styles to delete first."
    styles.write(file, [style for style in styles.read(file) if style.name not in gone])
    return f"Deleted: {', '.join(gone)}. The file before is kept beside it."


def _title(values: Mapping[str, object]) -> tuple[str, bool]:
    chosen = values.get(CONTROL)
    names = [str(name) for name in chosen] if isinstance(chosen, list) else []
    return ", ".join(names) or "None", bool(names)
