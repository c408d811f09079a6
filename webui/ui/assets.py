"""The page's own style sheets, scripts and drawings, and their addresses."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from webui.ui import canvas

FOLDER = Path(__file__).parent / "assets"

STYLES = ("icons.css", "snowfox.css", "pages.css", *canvas.STYLES)
SCRIPTS = (
    "theme.js",
    "snowfox.js",
    "fields.js",
    "result.js",
    "stage.js",
    "gallery.js",
    "models.js",
    "cards.js",
    "control.js",
    "share.js",
    "access.js",
    *canvas.SCRIPTS,
)
"""In the order in which they run: theme.js before the first paint, the others after the page is read."""


@cache
def url(name: str) -> str:
    """The address of an asset, relative to the page; it changes with the content, so it may be kept for ever."""
    return f"app/{name}?v={sha256((FOLDER / name).read_bytes()).hexdigest()[:12]}"


def head() -> str:
    """What the page's <head> needs of ours: no inline script, nothing from another server."""
    styles = [f'<link rel="stylesheet" href="{url(name)}">' for name in STYLES]
    scripts = [f'<script src="{url(name)}"{"" if name == "theme.js" else " defer"}></script>' for name in SCRIPTS]
    icon = f'<link rel="icon" type="image/svg+xml" href="{url("logo.svg")}">'
    return "\n".join(['<meta name="color-scheme" content="dark light">', icon, *styles, *scripts])
