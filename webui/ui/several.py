"""Several: a folder of this machine's pictures, each drawn with the settings of the form."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from webui.jobs.series import REUSABLE
from webui.ui.drawers import accordion

_HERE = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Several:
    folder: Any
    reuse: Any
    button: Any


def panel(prefix: str) -> Several:
    """The closed accordion."""
    with accordion("Several pictures", "A folder of this machine"):
        folder = gr.Textbox(
            label="Folder",
            info="Its PNG, JPEG, WebP and AVIF pictures are drawn by name, one job each.",
            placeholder=str(Path.home() / "Pictures"),
            elem_id=f"{prefix}_batch_input_dir",
            max_lines=1,
        )
        reuse = gr.CheckboxGroup(
            [(title, name) for name, title in REUSABLE.items()],
            label="Take from each picture's own settings",
            info="Where it has any. Prompts are added to those of the form.",
            elem_id=f"{prefix}_batch_png_info_props",
            elem_classes="sf-chips",
        )
        button = gr.Button("Draw the folder", elem_id=f"{prefix}_batch_generate", size="sm")
    return Several(folder, reuse, button)


def here(request: gr.Request) -> bool:
    """Whether a visitor sits at this machine: nobody else may name its folders."""
    headers = request.headers
    host = str(headers.get("host", "")).casefold()
    if any(name in headers for name in ("forwarded", "x-forwarded-for", "x-real-ip")):
        return False
    try:
        near = request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
    return near and host.rpartition(":")[0] in _HERE
