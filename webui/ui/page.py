"""The page: top bar and tabs, put together."""

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from gradio.themes import Base

from pipelines.recipe import Task
from webui.addons.panel import Panel
from webui.host.host import NOTHING, Contributions, Host
from webui.jobs.service import JobService
from webui.settings import Settings
from webui.store.images import ImageStore
from webui.ui import addons, assets
from webui.ui.controls import QUIET, Controls
from webui.ui.markup import place
from webui.ui.tabs import extensions, extras, gallery, img2img, inpaint, models, txt2img
from webui.ui.tabs import settings as preferences
from webui.ui.tabs.task import TaskTab
from webui.ui.theme import theme
from webui.ui.wiring import Forms, Queue


@dataclass(frozen=True)
class Page:
    """What the server mounts: the blocks, their theme, and the html for <head>."""

    blocks: gr.Blocks
    theme: Base
    head: str


def build(
    service: JobService,
    store: ImageStore,
    settings: Settings,
    host: Host | None = None,
    brought: Contributions = NOTHING,
) -> Page:
    """The whole page. It can be opened before the engine is ready.

    store   -- for tabs that look at pictures on the server's side
    host    -- of the add-ons, for the Extensions tab; brought: what they bring to the page
    """
    host = host or Host(settings)
    parts = [addons.build(tab, host.patience, host.hear) for tab in brought.tabs]
    with gr.Blocks(title="Snowfox", analytics_enabled=False) as blocks:
        checkpoint, status = _top(settings)
        with gr.Tabs(selected="txt2img", elem_id="tabs", overflow_behavior="wrap"):
            tasks = _making(folders=True, panels=brought.panels)
            with gr.Tab("Models", id="models", elem_id="tab_models"):
                models.build(settings.models / "checkpoints")
            for number, part in enumerate(parts):
                identity = f"ext_{part.tab.addon}_{number}"
                with gr.Tab(part.tab.title, id=identity, elem_id=f"tab_{identity}"):
                    addons.show(part)
            with gr.Tab("Extensions", id="extensions", elem_id="tab_extensions"):
                listing = extensions.build(host)
            with gr.Tab("Settings", id="settings", elem_id="tab_settings"):
                kept = preferences.build(settings)
        forms = _bind(blocks, service, lambda cookies: service, settings, checkpoint, tasks)
        forms.remember()
        forms.edit_styles()
        start = tasks["image"]
        if start.several is not None:
            forms.several("image", start.note, start.pictures, start.several, store)

        def opened() -> tuple[object, ...]:
            return _status(settings), extensions.listing(host), *preferences.values(settings)

        blocks.load(opened, None, [status, listing, *kept], **QUIET)
    return Page(blocks, theme(), assets.head(brought.assets))


def build_for_guests(service: JobService, queue: Queue, settings: Settings, notice: str) -> Page:
    """The page as guests see it: what makes pictures, and their own.

    service -- knows what can be made; queue -- of the guest who has these cookies; notice -- above everything
    """
    with gr.Blocks(title="Snowfox", analytics_enabled=False) as blocks:
        place(f'<p class="sf-note" role="note">{escape(notice)}</p>', elem_id="sf_shared")
        checkpoint, _ = _top(settings)
        with gr.Tabs(selected="txt2img", elem_id="tabs", overflow_behavior="wrap"):
            tasks = _making(folders=False)
        _bind(blocks, service, queue, settings, checkpoint, tasks)
    return Page(blocks, theme(), assets.head())


def _making(folders: bool, panels: tuple[Panel, ...] = ()) -> dict[Task, TaskTab]:
    """The tabs in which pictures are made and looked at.

    folders -- whether those of this machine may be named; panels: of add-ons
    """
    tasks: dict[Task, TaskTab] = {}
    with gr.Tab("txt2img", id="txt2img", elem_id="tab_txt2img"):
        tasks["text"] = txt2img.build(panels)
    with gr.Tab("img2img", id="img2img", elem_id="tab_img2img"):
        tasks["image"] = img2img.build(folders, panels)
    with gr.Tab("Inpaint", id="inpaint", elem_id="tab_inpaint"):
        tasks["inpaint"] = inpaint.build(panels)
    with gr.Tab("Extras", id="extras", elem_id="tab_extras"):
        tasks["finish"] = extras.build()
    with gr.Tab("Gallery", id="gallery", elem_id="tab_gallery"):
        gallery.build()
    return tasks


def _bind(
    blocks: gr.Blocks,
    service: JobService,
    queue: Queue,
    settings: Settings,
    checkpoint: Any,
    tasks: dict[Task, TaskTab],
) -> Forms:
    bridge = gr.Textbox(visible="hidden", elem_id="sf_bridge", label="Settings to show")
    kept = gr.Textbox("", visible="hidden", elem_id="sf_kept", label="Settings of the last visit")
    ready = gr.Button("Engine ready", visible="hidden", elem_id="sf_ready")
    applied = gr.State({})
    controls: dict[Task, Controls] = {task: tab.controls for task, tab in tasks.items()}
    forms = Forms(service, queue, settings, checkpoint, applied, controls)
    for task, tab in tasks.items():
        forms.generate(task, tab.generate, tab.note, tab.pictures)
    forms.titles()
    forms.fill(bridge)
    forms.keep()
    for event in (blocks.load, forms.checkpoint.input):
        forms.refresh(event)
    forms.restore(forms.refresh(ready.click), kept)
    return forms


def _top(settings: Settings) -> tuple[Any, Any]:
    """The bar above the tabs; returns the model picker and the status at its end."""
    with gr.Row(elem_id="topbar", elem_classes="sf-top", equal_height=False):
        place(_brand(), classes="sf-shrink sf-brand-holder")
        checkpoint = gr.Dropdown(
            [],
            label="Model",
            elem_id="setting_sd_model_checkpoint",
            elem_classes="sf-pick",
            scale=0,
            min_width=120,
        )
        status = place(_status(settings), elem_id="sf_status", classes="sf-shrink sf-status-holder")
    return checkpoint, status


def _brand() -> str:
    return (
        '<a class="sf-skip" href="#tabs">Skip to the controls</a><div class="sf-brand">'
        f'<img src="{assets.url("logo.svg")}" alt="" width="30" height="30"><span>Snowfox</span></div>'
    )


def _status(settings: Settings) -> str:
    return (
        f'<div class="sf-status" data-sf="status" data-theme="{escape(settings.theme)}" '
        f'data-previews="{"on" if settings.previews else "off"}">'
        '<span class="sf-stat" data-part="engine" role="status"></span>'
        '<button type="button" class="sf-stat" data-do="queue" aria-expanded="false" aria-controls="sf_queue" '
        'aria-label="Queue"><i class="sf-i sf-i-list"></i><span class="sf-word">Queue</span>'
        '<span data-part="count">0</span></button>'
        '<button type="button" class="sf-ib" data-do="theme" aria-label="Switch theme" title="Switch theme">'
        '<i class="sf-i sf-i-moon"></i></button>'
        '<div class="sf-card sf-pop" id="sf_queue" role="dialog" aria-label="Queue" hidden></div></div>'
    )
