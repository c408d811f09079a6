"""Inpaint: change the painted part of a picture."""

import gradio as gr

from webui.addons.panel import Panel
from webui.ui import controls, starting
from webui.ui.canvas import well
from webui.ui.controls import Controls
from webui.ui.markup import place
from webui.ui.results import results
from webui.ui.tabs.task import TaskTab

VIEWS = (
    '<div class="sf-seg" role="group" aria-label="What to show" data-sf="views">'
    '<button type="button" data-do="view" data-view="paint" aria-pressed="true">Paint</button>'
    '<button type="button" data-do="view" data-view="result" aria-pressed="false">Result</button></div>'
)


def build(panels: tuple[Panel, ...] = ()) -> TaskTab:
    with gr.Row(elem_classes="sf-cols", equal_height=False):
        with gr.Column(scale=5, min_width=0, elem_classes="sf-left", elem_id="inpaint_settings"):
            fields = controls.prompts("inpaint")
            generate = controls.actions("inpaint")
            note = place("", elem_id="inpaint_note", classes="sf-answer")
            carried = controls.carried("inpaint")
            fields |= starting.changes("inpaint")
            fields |= controls.basics("inpaint")
            more, drawers, styling = controls.drawers("inpaint", panels)
        with gr.Column(scale=6, min_width=0, elem_classes="sf-right sf-painting", elem_id="inpaint_results"):
            place(VIEWS)
            with gr.Column(elem_classes="sf-paint", min_width=0):
                picture = well("inpaint", mask=True)
            results("inpaint")
    return TaskTab(Controls(fields | more, drawers, styling, *carried), generate, note, picture.fields)
