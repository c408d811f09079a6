"""Extensions: every add-on with its state, and what went wrong with it."""

import json
from html import escape
from typing import Any

import gradio as gr

from webui.addons.watching import Deed
from webui.host.host import Host, Standing
from webui.ui.controls import QUIET
from webui.ui.markup import place

_WORDS = {
    "enabled": ("On", "sf-good"),
    "disabled": ("Off", ""),
    "incompatible": ("Cannot run here", "sf-wait"),
    "load error": ("Does not load", "sf-bad"),
    "config error": ("Wrongly made", "sf-bad"),
    "failed": ("Failed, left out", "sf-bad"),
    "needs restart": ("At the next start", "sf-wait"),
}


def build(host: Host) -> Any:
    """The part of the page that holds the listing, and the hidden box in which its buttons leave their wish."""
    shown = place(listing(host), elem_id="extensions_list")
    wish = gr.Textbox(visible="hidden", elem_id="sf_addon", label="Add-on to switch")

    def switched(text: str) -> str:
        try:
            wanted = json.loads(text)
            name, on = str(wanted["name"]), bool(wanted["on"])
        except (ValueError, KeyError, TypeError):
            return listing(host)
        if any(standing.found.name == name for standing in host.standings()):
            host.switch(name, on)
        return listing(host)

    wish.change(switched, wish, shown, **QUIET)
    return shown


def listing(host: Host) -> str:
    standings = host.standings()
    where = f"<code>{escape(str(host.settings.extensions))}</code>"
    head = '<h1 class="sf-sr">Extensions</h1>'
    if host.safe:
        icon = '<i class="sf-i sf-i-warn" aria-hidden="true"></i>'
        head += f'<p class="sf-note sf-bad">{icon}<span>{escape(host.safe)}</span></p>'
    if not standings:
        return head + (
            '<section class="sf-card sf-empty"><i class="sf-i sf-i-puzzle" aria-hidden="true"></i>'
            f"<h2>No extensions yet</h2><p>Add-ons lie in {where}, a folder each.</p></section>"
        )
    rows = "".join(_row(standing) for standing in standings)
    lead = (
        f'<p class="sf-lead-text">Add-ons lie in {where}. An add-on is a program: it can do what you can do on this '
        "machine. Turning one on or off counts from the next start of Snowfox.</p>"
    )
    return f'{head}{lead}<ul class="sf-card sf-list">{rows}</ul>'


def _row(standing: Standing) -> str:
    found = standing.found
    word, kind = _WORDS[standing.state]
    what = f"<small>{escape(found.description)}</small>" if found.description else ""
    why = f'<p class="sf-faint">{escape(standing.message)}</p>' if standing.message else ""
    details = (
        f"<details><summary>Details for a bug report</summary><pre>{escape(standing.details)}</pre></details>"
        if standing.details
        else ""
    )
    return (
        f'<li data-addon="{escape(found.name)}"><div><b>{escape(found.title)}</b> '
        f"<span>{escape(' '.join(filter(None, (found.name, found.version))))}</span>{what}{why}{_deeds(standing.deeds)}"
        f'{details}</div><span class="sf-ext-end"><span class="sf-ext-state {kind}">{word}</span>'
        f"{_switch(standing)}</span></li>"
    )


def _switch(standing: Standing) -> str:
    if standing.found.problem:
        return ""
    word, on = ("Turn off", "") if standing.wanted else ("Turn on", "on")
    name, title = escape(standing.found.name), escape(standing.found.title)
    return (
        f'<button type="button" class="sf-btn sf-sm" data-do="addon" data-name="{name}" data-on="{on}" '
        f'aria-label="{word}: {title}">{word}</button>'
    )


def _deeds(deeds: tuple[Deed, ...]) -> str:
    if not deeds:
        return ""
    words = {"network": "asked the network", "file": "wrote", "program": "started"}
    told = ", ".join(f"{words[deed.doing]} <code>{escape(deed.what)}</code>" for deed in deeds[:8])
    return f'<p class="sf-faint">Seen so far: {told}.</p>'
