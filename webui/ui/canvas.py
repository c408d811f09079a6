"""The picture well: a picture is dropped, opened or pasted, and painted on: a mask, colours, a frame to extend."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

# To be loaded in this order, after the page's own stylesheet; all are plain scripts ("defer").
SCRIPTS = (
    "canvas_dom.js",
    "canvas_layer.js",
    "canvas_shapes.js",
    "canvas_edges.js",
    "canvas_mask.js",
    "canvas_sketch.js",
    "canvas_png.js",
    "canvas_view.js",
    "canvas_gestures.js",
    "canvas_toolbar.js",
    "canvas_extend.js",
    "canvas.js",
    "canvas_keys.js",
    "canvas_store.js",
    "canvas_draft.js",
    "canvas_scene.js",
    "canvas_well.js",
    "canvas_page.js",
)
STYLES = ("canvas.css",)

SIDES = ("left", "top", "right", "bottom")


@dataclass(frozen=True, slots=True)
class Well:
    """The parts of one well.

    fields -- hidden boxes by the names that `form.read` knows: refs of stored pictures, "" when there is none, and how
              far the picture is to be extended
    """

    view: gr.HTML
    fields: Mapping[str, Any]


def well(prefix: str, mask: bool) -> Well:
    """Places a well into the open Blocks; `prefix` names the tab and is the `target` of its events.

    mask -- what is painted says what to change; else it is colour over the picture alone
    """
    # The markup is an empty host: the scripts build the well once and move it back in whenever Gradio remounts the tab.
    host = f'<div data-sf-well="{prefix}" data-sf-mask="{"true" if mask else "false"}"></div>'
    view = gr.HTML(
        host,
        elem_id=f"{prefix}_canvas" if mask else f"{prefix}_image",
        elem_classes=["sf-well-host"],
        js_on_load=None,
        apply_default_css=False,
    )
    fields = {
        "source.image": _ref(f"{prefix}_image_ref", "Picture"),
        "source.sketch": _ref(f"{prefix}_sketch_ref", "Sketch"),
    }
    if mask:
        fields["source.mask.image"] = _ref(f"{prefix}_mask_ref", "Mask")
        fields |= {f"source.extend.{side}": _pixels(f"{prefix}_extend_{side}", side) for side in SIDES}
    return Well(view, fields)


def _ref(elem_id: str, label: str) -> Any:
    return gr.Textbox("", label=label, elem_id=elem_id, visible="hidden", interactive=True)


def _pixels(elem_id: str, side: str) -> Any:
    return gr.Number(0, label=f"Extend {side}", precision=0, elem_id=elem_id, visible="hidden", interactive=True)
