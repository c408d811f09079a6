"""Emoji: the pictures and words that Kit learns from, read out of unpacked npm packages.

Pictures: `@lobehub/fluent-emoji-3d` (MIT), `@iconify-json/noto` (Apache-2.0), `@iconify-json/twemoji` (CC BY 4.0) and
`@iconify-json/fluent-emoji-flat` (MIT). Words: `emojibase-data` and `emojilib` (both MIT). Left out of training, for
honest measures: `@iconify-json/emojione` (CC BY 4.0) and `@iconify-json/fluent-emoji` (MIT).
"""

from __future__ import annotations

import importlib
import io
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE: Final = 128
STYLES: Final = ("3d", "noto", "twemoji", "flat")
HELD_OUT: Final = ("emojione", "fluent")
SVG_PACKAGES: Final = {
    "noto": "noto",
    "twemoji": "twemoji",
    "flat": "fluent-emoji-flat",
    "emojione": "emojione",
    "fluent": "fluent-emoji",
}
PEOPLE, COMPONENTS, FLAGS = 1, 2, 9
log = logging.getLogger(__name__)

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Concept:
    """One emoji: its code points ("1f98a"), its English label, and other words that mean it."""

    code: str
    label: str
    words: tuple[str, ...]
    group: int


@dataclass(frozen=True)
class Library:
    """Concepts and their pictures; `pixels[i]` is [128, 128, 4] RGBA, `concept[i]` and `style[i]` say what it shows."""

    concepts: tuple[Concept, ...]
    pixels: Pixels
    concept: NDArray[np.int32]
    style: tuple[str, ...]

    def find(self, label: str, style: str) -> int | None:
        """The row of a picture, or None where the style has no picture of it."""
        return self.rows().get((label, style))

    def rows(self) -> dict[tuple[str, str], int]:
        """(label, style) → row of `pixels`."""
        pairs = zip(self.concept, self.style, strict=True)
        return {(self.concepts[concept].label, style): row for row, (concept, style) in enumerate(pairs)}


def plain_code(code: str) -> str:
    """Code points in lower case without the variation selector, by which all packages can be joined."""
    return "-".join(part for part in code.lower().split("-") if part != "fe0f")


def read_concepts(packages: Path) -> list[Concept]:
    """All single emoji: no flags, no skin tones, no joined people. Order is that of emojibase."""
    entries: list[dict[str, Any]] = json.loads((packages / "emojibase-data/en/data.json").read_text(encoding="utf-8"))
    keywords: dict[str, list[str]] = json.loads(
        (packages / "emojilib/dist/emoji-en-US.json").read_text(encoding="utf-8")
    )
    concepts: list[Concept] = []
    for entry in entries:
        group, code = entry.get("group"), plain_code(entry["hexcode"])
        if group is None or group in (COMPONENTS, FLAGS) or (group == PEOPLE and "200d" in code):
            continue
        words = [*entry.get("tags", []), *(word.replace("_", " ") for word in keywords.get(entry["emoji"], []))]
        kept = dict.fromkeys(word.lower() for word in words if re.fullmatch(r"[A-Za-z][A-Za-z '-]+", word))
        concepts.append(Concept(code, entry["label"].lower(), tuple(kept), group))
    return concepts


def render_svg(body: str, width: int, height: int, size: int = SIZE) -> Pixels:
    """[size, size, 4] RGBA of an SVG body. Needs the package resvg-py, which only training does."""
    resvg: Any = importlib.import_module("resvg_py")
    text = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{body}</svg>'
    data = bytes(resvg.svg_to_bytes(svg_string=text, width=size, height=size))
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA").resize((size, size)), dtype=np.uint8)


def read_svg_style(packages: Path, package: str, labels: dict[str, str]) -> Iterator[tuple[str, Pixels]]:
    """(code, pixels) of every wanted picture in an iconify package; `labels` is code → label.

    Packages without a list of code points name their pictures by the label ("red-apple").
    """
    folder = packages / "@iconify-json" / package
    icons: dict[str, Any] = json.loads((folder / "icons.json").read_text(encoding="utf-8"))
    characters: dict[str, str] = json.loads((folder / "chars.json").read_text(encoding="utf-8"))
    names = [(plain_code(code), name) for code, name in characters.items()]
    names = names or [(code, re.sub("[^a-z0-9]+", "-", label)) for code, label in labels.items()]
    for code, name in sorted(names):
        icon = icons["icons"].get(name)
        if code in labels and icon is not None:
            width, height = icon.get("width", icons.get("width", 16)), icon.get("height", icons.get("height", 16))
            yield code, render_svg(icon["body"], width, height)


def read_fluent_3d(packages: Path, codes: set[str]) -> Iterator[tuple[str, Pixels]]:
    """(code, pixels) of every wanted Fluent 3D picture, 256 px halved."""
    for path in sorted((packages / "@lobehub/fluent-emoji-3d/assets").glob("*.webp")):
        code = plain_code(path.stem)
        if code in codes:
            with Image.open(path) as picture:
                small = picture.convert("RGBA").resize((SIZE, SIZE), Image.Resampling.BOX)
            yield code, np.asarray(small, dtype=np.uint8)


def build_library(packages: Path, styles: tuple[str, ...] = STYLES) -> Library:
    """Renders the pictures of the given styles. 20 CPU seconds for 5,000 pictures."""
    concepts = read_concepts(packages)
    index = {concept.code: number for number, concept in reversed(list(enumerate(concepts)))}
    labels = {concept.code: concept.label for concept in concepts}
    pixels: list[Pixels] = []
    owners: list[int] = []
    names: list[str] = []
    for style in styles:
        seen: set[str] = set()
        reader = (
            read_fluent_3d(packages, set(labels))
            if style == "3d"
            else read_svg_style(packages, SVG_PACKAGES[style], labels)
        )
        for code, picture in reader:
            if code not in seen and picture[..., 3].mean() > 2:
                seen.add(code)
                pixels.append(picture)
                owners.append(index[code])
                names.append(style)
        log.info("%s: %d pictures", style, len(seen))
    return Library(tuple(concepts), np.stack(pixels), np.asarray(owners, dtype=np.int32), tuple(names))


def load_library(packages: Path, cache: Path, styles: tuple[str, ...] = STYLES) -> Library:
    """The library, rendered once and then kept in `cache` (a folder)."""
    stem = cache / ("pictures-" + "-".join(styles))
    facts = stem.with_suffix(".json")
    if not facts.exists():
        cache.mkdir(parents=True, exist_ok=True)
        library = build_library(packages, styles)
        np.save(stem.with_suffix(".npy"), library.pixels)
        rows = {"concept": library.concept.tolist(), "style": list(library.style)}
        facts.write_text(json.dumps(rows), encoding="utf-8")
        return library
    rows = json.loads(facts.read_text(encoding="utf-8"))
    pixels: Pixels = np.load(stem.with_suffix(".npy"), mmap_mode="r")
    concepts = tuple(read_concepts(packages))
    return Library(concepts, pixels, np.asarray(rows["concept"], dtype=np.int32), tuple(rows["style"]))
