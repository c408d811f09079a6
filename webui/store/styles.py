"""Styles: pieces of prompts by name, in the customary styles.csv (name, prompt, negative_prompt)."""

import csv
import io
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipelines import atomic

log = logging.getLogger(__name__)

FILE = "styles.csv"
PLACE = "{prompt}"
_LARGEST = 4_000_000


@dataclass(frozen=True)
class Style:
    name: str
    prompt: str = ""
    negative: str = ""


def read(file: Path) -> tuple[Style, ...]:
    """The styles of a file, in its order; none where it is missing or cannot be read."""
    try:
        if not file.is_file() or file.stat().st_size > _LARGEST:
            return ()
        text = file.read_text("utf-8-sig", errors="replace")
        rows = csv.DictReader(text.splitlines(keepends=True), restval="")
        found = [
            Style(name, row.get("prompt") or row.get("text") or "", row.get("negative_prompt") or "")
            for row in rows
            if (name := (row.get("name") or "").strip())
        ]
    except (OSError, csv.Error) as error:
        log.warning("%s cannot be read: %s", file, error)
        return ()
    return tuple({style.name: style for style in found}.values())


def applied(prompt: str, negative: str, styles: Iterable[Style]) -> tuple[str, str]:
    """Both prompts with the styles put around or after them, in their order."""
    for style in styles:
        prompt, negative = _joined(prompt, style.prompt), _joined(negative, style.negative)
    return prompt, negative


def _joined(text: str, piece: str) -> str:
    if PLACE in piece:
        return piece.replace(PLACE, text)
    return ", ".join(part for part in (text.strip(), piece.strip()) if part)


def extracted(prompt: str, negative: str, styles: Iterable[Style]) -> tuple[tuple[str, ...], str, str]:
    """The styles whose text stands in both prompts, in the order in which they were put there, and what is left.

    The last one that was put on is taken off first, as long as there is one.
    """
    left = [style for style in styles if style.prompt.strip() or style.negative.strip()]
    found: list[str] = []
    while True:
        for style in left:
            words, without = _cut(prompt, style.prompt), _cut(negative, style.negative)
            if words is not None and without is not None:
                prompt, negative = words, without
                found.append(style.name)
                left.remove(style)
                break
        else:
            return tuple(reversed(found)), prompt, negative


def write(file: Path, styles: Iterable[Style]) -> None:
    """Replace a file's styles. Raises OSError when it cannot be written."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("name", "prompt", "negative_prompt"))
    rows.writerows((style.name, style.prompt, style.negative) for style in styles)
    atomic.write(file, ("\ufeff" + out.getvalue()).encode(), generations=1)


def _cut(text: str, piece: str) -> str | None:
    """The text without a style's piece; None where the piece is not in it."""
    whole, part = text.strip(), piece.strip()
    if PLACE in part:
        before, _, after = part.partition(PLACE)
        fits = whole.startswith(before) and whole.endswith(after) and len(whole) >= len(before) + len(after)
        return whole[len(before) : len(whole) - len(after)] if fits else None
    if not whole.endswith(part):
        return None
    rest = whole[: len(whole) - len(part)]
    return rest.removesuffix(", ") if part else whole
