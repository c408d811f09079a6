"""txt2img: a picture from words."""

import gradio as gr

from webui.addons.panel import Panel
from webui.ui import controls
from webui.ui.controls import Controls
from webui.ui.markup import place
from webui.ui.results import results
from webui.ui.tabs.task import TaskTab


def build(panels: tuple[Panel, ...] = ()) -> TaskTab:
    with gr.Row(elem_classes="sf-cols", equal_height=False):
        with gr.Column(scale=5, min_width=0, elem_classes="sf-left", elem_id="txt2img_settings"):
            fields = controls.prompts("text")
            generate = controls.actions("text")
            note = place("", elem_id="txt2img_note", classes="sf-answer")
            carried = controls.carried("text")
            fields |= controls.basics("text")
            more, drawers, styling = controls.drawers("text", panels)
        with gr.Column(scale=6, min_width=0, elem_classes="sf-right", elem_id="txt2img_results"):
            results("text")
    return TaskTab(Controls(fields | more, drawers, styling, *carried), generate, note, {})
