"""Models: what was found in the models folder. Filled by models.js."""

from html import escape
from pathlib import Path

from webui.ui.markup import place


def build(folder: Path) -> None:
    place(
        '<h1 class="sf-sr">Models</h1>'
        f'<div class="sf-bar-row"><p class="sf-lead-text">Models lie in <code>{escape(str(folder))}</code>: '
        "one .safetensors file, or one diffusers folder, each.</p>"
        '<button type="button" class="sf-btn" id="models_rescan" data-do="rescan" '
        'title="Look at the models folder again"><i class="sf-i sf-i-reuse"></i>Rescan</button></div>'
        '<div data-sf="models"></div>',
        elem_id="models_list",
    )
