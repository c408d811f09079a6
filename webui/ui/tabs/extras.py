"""Extras: pictures that are there already, made larger."""

import gradio as gr

from webui.ui import controls, enlarging
from webui.ui.canvas import well
from webui.ui.controls import Controls
from webui.ui.markup import place
from webui.ui.results import results
from webui.ui.tabs.task import TaskTab


def build() -> TaskTab:
    with gr.Row(elem_classes="sf-cols", equal_height=False):
        with gr.Column(scale=5, min_width=0, elem_classes="sf-left", elem_id="extras_settings"):
            place('<h1 class="sf-sr">Extras</h1>', classes="sf-over")
            picture = well("extras", mask=False)
            generate = controls.actions("finish")
            note = place("", elem_id="extras_note", classes="sf-answer")
            carried = controls.carried("finish")
            fields = enlarging.extras()
        with gr.Column(scale=6, min_width=0, elem_classes="sf-right", elem_id="extras_results"):
            results("finish")
    return TaskTab(Controls(fields, (), None, *carried), generate, note, picture.fields)
