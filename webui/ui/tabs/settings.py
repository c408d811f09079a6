"""Settings: saved at once, no Apply button."""

from html import escape
from typing import Any

import gradio as gr

from webui.settings import Settings
from webui.ui.controls import QUIET
from webui.ui.markup import place

KEYS = (
    ("Ctrl + Enter", "Generate, or add to the queue"),
    ("Esc", "Stop and keep what is finished"),
    ("Ctrl + ↑ / ↓", "Weigh the marked words of the prompt more or less"),
    ("← / →", "Previous or next picture in the full view"),
    ("Delete", "Move the shown picture to the bin, in the full view and the gallery"),
)


def build(settings: Settings) -> tuple[Any, ...]:
    """The controls, in the order of `values`."""
    with gr.Row(elem_classes="sf-settings", equal_height=False):
        with gr.Column(min_width=280):
            place('<h1 class="sf-sr">Settings</h1>', classes="sf-over")
            with gr.Group(elem_classes="sf-card"):
                theme = gr.Radio(
                    [("Follow the system", "system"), ("Dark", "dark"), ("Light", "light")],
                    value=settings.theme,
                    label="Theme",
                    elem_id="setting_theme",
                    elem_classes="sf-chips",
                )
                previews = gr.Checkbox(
                    settings.previews,
                    label="Live preview",
                    info="Shows the picture while it is made. Off is a little quicker.",
                    elem_id="setting_previews",
                    elem_classes="sf-check",
                )
            writing = _writing(settings)
            place('<section class="sf-card sf-facts sf-share" data-sf="share"><h2>Share</h2></section>')
            place(_facts(settings))
        with gr.Column(min_width=280):
            place(_keys())

    def save_theme(value: str) -> None:
        settings.save(theme=value)

    def save_previews(value: bool) -> None:
        settings.save(previews=value)

    theme.input(save_theme, theme, None, **QUIET)
    previews.input(save_previews, previews, None, **QUIET)
    return theme, previews, *writing


def values(settings: Settings) -> tuple[object, ...]:
    """What the controls have to show now."""
    return (
        settings.theme,
        settings.previews,
        settings.picture_format,
        settings.picture_quality,
        settings.text_beside,
    )


def _writing(settings: Settings) -> tuple[Any, ...]:
    """How finished pictures are written."""
    with gr.Group(elem_classes="sf-card"):
        kind = gr.Radio(
            [("PNG", "png"), ("JPEG", "jpeg"), ("WebP", "webp"), ("AVIF", "avif")],
            value=settings.picture_format,
            label="Pictures are written as",
            elem_id="setting_samples_format",
            elem_classes="sf-chips",
        )
        quality = gr.Slider(
            1,
            100,
            settings.picture_quality,
            step=1,
            label="Quality",
            info="Of JPEG, WebP and AVIF. Higher is larger.",
            elem_id="setting_jpeg_quality",
            elem_classes="sf-slider",
            buttons=[],
        )
        beside = gr.Checkbox(
            settings.text_beside,
            label="Text file beside",
            info="A .txt with the settings of each picture.",
            elem_id="setting_save_txt",
            elem_classes="sf-check",
        )

    def save_kind(value: str) -> None:
        settings.save(picture_format=value)

    def save_quality(value: float) -> None:
        settings.save(picture_quality=round(value))

    def save_beside(value: bool) -> None:
        settings.save(text_beside=value)

    kind.input(save_kind, kind, None, **QUIET)
    quality.release(save_quality, quality, None, **QUIET)
    beside.input(save_beside, beside, None, **QUIET)
    return kind, quality, beside


def _facts(settings: Settings) -> str:
    rows = (
        ("Pictures are saved in", str(settings.outputs)),
        ("Models, settings and outputs", str(settings.root)),
        ("Engine", settings.engine),
    )
    cells = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    return (
        '<section class="sf-card sf-facts"><h2>This installation</h2>'
        f'<dl class="sf-kv">{cells}<dt>Device</dt><dd data-sf="device">The engine is starting</dd></dl></section>'
    )


def _keys() -> str:
    rows = "".join(f"<dt><kbd>{escape(key)}</kbd></dt><dd>{escape(what)}</dd>" for key, what in KEYS)
    return f'<section class="sf-card sf-facts"><h2>Keys</h2><dl class="sf-kv">{rows}</dl></section>'
