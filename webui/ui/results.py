"""The result side of a task's tab: empty places that the live client fills from the event stream."""

from pipelines.recipe import Task
from webui.ui import assets
from webui.ui.controls import PREFIX
from webui.ui.markup import place


def results(task: Task) -> None:
    """Stage, progress, strip, send-to row, the settings of the shown picture, and the cards."""
    prefix = PREFIX[task]
    place(_stage(), elem_id=f"{prefix}_stage", classes="sf-stage-holder")
    place(PROGRESS, elem_id=f"{prefix}_progress")
    place(_strip(prefix), elem_id=f"{prefix}_strip")
    place(_send(prefix), elem_id=f"image_buttons_{prefix}")
    place(INFO, elem_id=f"html_info_{prefix}", classes="sf-last")
    place(f'<div data-sf="cards" data-tab="{prefix}"></div>', elem_id=f"{prefix}_extra_tabs")


def _stage() -> str:
    return (
        '<div class="sf-stage" data-sf="stage"><img class="sf-back" alt="" hidden>'
        f'<img class="sf-scene" src="{assets.url("scene.svg")}" alt="">'
        '<img class="sf-pic" alt="" hidden>'
        '<span class="sf-tag" hidden></span>'
        '<div class="sf-corner"><button type="button" class="sf-ib" data-do="zoom" aria-label="Full size" '
        'title="Full size" hidden><i class="sf-i sf-i-fullscreen"></i></button></div>'
        '<div class="sf-blank" hidden></div><div class="sf-alert" role="alert"></div></div>'
    )


PROGRESS = (
    '<div class="sf-prog" data-sf="progress"><div class="sf-segs" role="progressbar" aria-label="Progress" '
    'aria-valuemin="0" aria-valuemax="100" aria-valuenow="0" hidden></div>'
    '<div class="sf-progt"><span></span><span></span></div><div class="sf-notes"></div></div>'
)

INFO = (
    '<section class="sf-card sf-info" data-sf="info" aria-label="Settings of this picture" hidden>'
    '<p class="sf-info-prompt"></p><span class="sf-row">'
    '<button type="button" class="sf-mini-btn" data-do="use" title="Fill the form with these settings">'
    '<i class="sf-i sf-i-reuse"></i>Use</button>'
    '<button type="button" class="sf-mini-btn" data-do="copy" title="Copy the settings as text">'
    '<i class="sf-i sf-i-copy"></i>Copy</button></span><p class="sf-info-values"></p></section>'
)


def _strip(prefix: str) -> str:
    return f'<div class="sf-strip" id="{prefix}_gallery" data-sf="strip" role="group" aria-label="Pictures"></div>'


def _send(prefix: str) -> str:
    return (
        '<div class="sf-send" data-sf="send" hidden><span class="sf-lead">Send to</span>'
        + _button(f"{prefix}_send_to_img2img", "send-img2img", "img", "img2img", "Use as the start of a new picture")
        + _button(f"{prefix}_send_to_inpaint", "send-inpaint", "brush", "Inpaint", "Paint over a part and change it")
        + _button(f"{prefix}_send_to_extras", "send-extras", "fullscreen", "Extras", "Make this picture larger")
        + '<span class="sf-gap"></span>'
        + _button(f"save_{prefix}", "save", "save", "Save", "Download this picture with its settings inside")
        + _button(f"{prefix}_delete", "delete", "trash", "Delete", "Move to the bin (Delete)")
        + "</div>"
    )


def _button(elem_id: str, do: str, icon: str, label: str, title: str) -> str:
    return (
        f'<button type="button" class="sf-btn sf-sm" id="{elem_id}" data-do="{do}" title="{title}">'
        f'<i class="sf-i sf-i-{icon}"></i>{label}</button>'
    )
