"""The page's own style sheets, scripts and drawings, and their addresses."""

from collections.abc import Iterable
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
    "pnginfo.js",
    "models.js",
    "cards.js",
    "control.js",
    "share.js",
    "extensions.js",
    "access.js",
    *canvas.SCRIPTS,
)
"""In the order in which they run: theme.js before the first paint, the others after the page is read."""


@cache
def url(name: str) -> str:
    """The address of an asset, relative to the page; it changes with the content, so it may be kept for ever."""
    return f"app/{name}?v={sha256((FOLDER / name).read_bytes()).hexdigest()[:12]}"


def head(theirs: Iterable[tuple[str, Path]] = ()) -> str:
    """What the page's <head> needs: no inline script, nothing from another server. theirs: add-ons' files."""
    styles = [f'<link rel="stylesheet" href="{url(name)}">' for name in STYLES]
    scripts = [f'<script src="{url(name)}"{"" if name == "theme.js" else " defer"}></script>' for name in SCRIPTS]
    icon = f'<link rel="icon" type="image/svg+xml" href="{url("logo.svg")}">'
    styles += [f'<link rel="stylesheet" href="{_url_of(*item)}">' for item in theirs if item[1].suffix == ".css"]
    scripts += [f'<script src="{_url_of(*item)}" defer></script>' for item in theirs if item[1].suffix == ".js"]
    return "\n".join(['<meta name="color-scheme" content="dark light">', icon, *styles, *scripts])


def _url_of(addon: str, path: Path) -> str:
    return f"app/ext/{addon}/{path.name}?v={sha256(path.read_bytes()).hexdigest()[:12]}"
