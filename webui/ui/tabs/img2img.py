"""img2img: a picture from a picture and words."""

import gradio as gr

from webui.addons.panel import Panel
from webui.ui import controls, starting
from webui.ui.canvas import well
from webui.ui.controls import Controls
from webui.ui.markup import place
from webui.ui.results import results
from webui.ui.several import panel
from webui.ui.tabs.task import TaskTab


def build(folders: bool, panels: tuple[Panel, ...] = ()) -> TaskTab:
    """folders: whether this machine's folders may be named."""
    with gr.Row(elem_classes="sf-cols", equal_height=False):
        with gr.Column(scale=5, min_width=0, elem_classes="sf-left", elem_id="img2img_settings"):
            fields = controls.prompts("image")
            generate = controls.actions("image")
            note = place("", elem_id="img2img_note", classes="sf-answer")
            carried = controls.carried("image")
            picture = well("img2img", mask=False)
            fields |= starting.changes("image")
            fields |= controls.basics("image")
            more, drawers, styling = controls.drawers("image", panels)
            several = panel("img2img") if folders else None
        with gr.Column(scale=6, min_width=0, elem_classes="sf-right", elem_id="img2img_results"):
            results("image")
    return TaskTab(Controls(fields | more, drawers, styling, *carried), generate, note, picture.fields, several)
