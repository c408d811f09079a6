"""Extensions: every add-on with its state, and what went wrong with it."""

from html import escape
from typing import Any

from webui.addons.watching import Deed
from webui.host.host import Host, Standing
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
    """The part of the page that holds the listing."""
    return place(listing(host), elem_id="extensions_list")


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
    return head + f'<p class="sf-lead-text">Add-ons lie in {where}.</p><ul class="sf-card sf-list">{rows}</ul>'


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
        f'{details}</div><span class="sf-ext-state {kind}">{word}</span></li>'
    )


def _deeds(deeds: tuple[Deed, ...]) -> str:
    if not deeds:
        return ""
    words = {"network": "asked the network", "file": "wrote", "program": "started"}
    told = ", ".join(f"{words[deed.doing]} <code>{escape(deed.what)}</code>" for deed in deeds[:8])
    return f'<p class="sf-faint">Seen so far: {told}.</p>'
