"""Our own html on the page."""

from collections.abc import Callable
from typing import Any

import gradio as gr


def place(html: str | Callable[[], str], elem_id: str | None = None, classes: str = "") -> Any:
    """A part of the page drawn by our own html, without gradio's frame and text styles.

    Text that comes from people or files has to be escaped by the caller.
    """
    return gr.HTML(html, elem_id=elem_id, elem_classes=f"sf-html {classes}".strip(), apply_default_css=False)
