"""The picture well: where a picture is dropped, opened or pasted, and where its mask is painted."""

from dataclasses import dataclass

import gradio as gr

# To be loaded in this order, after the page's own stylesheet; all are plain scripts ("defer").
SCRIPTS = ("canvas_dom.js", "canvas_mask.js", "canvas_view.js", "canvas.js", "canvas_well.js")
STYLES = ("canvas.css",)


@dataclass(frozen=True, slots=True)
class Well:
    """The parts of one well. The hidden textboxes hold the refs of stored pictures, "" when there is none."""

    view: gr.HTML
    image: gr.Textbox
    mask: gr.Textbox | None


def well(prefix: str, mask: bool) -> Well:
    """Places a well into the open Blocks; `prefix` names the tab and is the `target` of its events."""
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
        image=_ref(f"{prefix}_image_ref", "Picture"),
        mask=_ref(f"{prefix}_mask_ref", "Mask") if mask else None,
    )


def _ref(elem_id: str, label: str) -> gr.Textbox:
    return gr.Textbox("", label=label, elem_id=elem_id, visible="hidden", interactive=True)
