"""Styles: pieces of prompts by name, in the customary styles.csv (name, prompt, negative_prompt)."""

import csv
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

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
