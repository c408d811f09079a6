"""The picture well: a picture is dropped, opened or pasted, and painted on: a mask, colours, a frame to extend."""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Well:
    """The parts of one well. The hidden textboxes hold the refs of stored pictures, "" when there is none.

    extend -- how far the picture is to be extended: "left,top,right,bottom" in its pixels, or ""
    """

    view: gr.HTML
    image: gr.Textbox
    sketch: gr.Textbox
    mask: gr.Textbox | None = None
    extend: gr.Textbox | None = None

    @property
    def pictures(self) -> dict[str, gr.Textbox]:
        """By the names that `form.read` knows."""
        found = {"image": self.image, "sketch": self.sketch, "mask": self.mask, "extend": self.extend}
        return {name: box for name, box in found.items() if box is not None}


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
    return Well(
        view=view,
        image=_hidden(f"{prefix}_image_ref", "Picture"),
        sketch=_hidden(f"{prefix}_sketch_ref", "Sketch"),
        mask=_hidden(f"{prefix}_mask_ref", "Mask") if mask else None,
        extend=_hidden(f"{prefix}_extend", "Extend") if mask else None,
    )


def _hidden(elem_id: str, label: str) -> gr.Textbox:
    return gr.Textbox("", label=label, elem_id=elem_id, visible="hidden", interactive=True)
