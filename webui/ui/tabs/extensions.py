"""Extensions: the folders that were found; loading them comes with a later version."""

from html import escape
from pathlib import Path
from typing import Any

from webui.ui.markup import place


def build(folder: Path) -> Any:
    """The part of the page that holds the listing."""
    return place(listing(folder), elem_id="extensions_list")


def listing(folder: Path) -> str:
    return '<h1 class="sf-sr">Extensions</h1>' + page(folder, found(folder))


def found(folder: Path) -> tuple[str, ...]:
    """Names of the folders that look like extensions, in order."""
    try:
        return tuple(sorted(item.name for item in folder.iterdir() if item.is_dir() and item.name[:1] not in "._"))
    except OSError:
        return ()


def page(folder: Path, names: tuple[str, ...]) -> str:
    where = f"<code>{escape(str(folder))}</code>"
    if not names:
        return (
            '<section class="sf-card sf-empty"><i class="sf-i sf-i-puzzle" aria-hidden="true"></i>'
            "<h2>No extensions yet</h2>"
            f"<p>This version lists the folders in {where}; loading them comes with a later version.</p></section>"
        )
    rows = "".join(f"<li><b>{escape(name)}</b><span>Found, not loaded</span></li>" for name in names)
    return (
        f'<p class="sf-lead-text">Found in {where}. Loading them comes with a later version.</p>'
        f'<ul class="sf-card sf-list">{rows}</ul>'
    )
