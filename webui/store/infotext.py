"""The customary "parameters" text: prompt, negative prompt, one line of keys and values.

Written and read as AUTOMATIC1111's web UI 1.10 does, so that either program understands the other's pictures.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

NEGATIVE = "Negative prompt:"

_PAIR = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_SIZE = re.compile(r"^(\d+)x(\d+)$")
_FEWEST_PAIRS = 3


@dataclass(frozen=True)
class Infotext:
    """values: in the order of the line; all text."""

    prompt: str = ""
    negative: str = ""
    values: Mapping[str, str] = field(default_factory=dict[str, str])


def write(text: Infotext) -> str:
    """The text as it stands in a picture. Empty values are left out."""
    lines = [text.prompt.strip()] if text.prompt.strip() else []
    if text.negative.strip():
        lines.append(f"{NEGATIVE} {text.negative.strip()}")
    pairs = [_pair(key, value) for key, value in text.values.items() if value]
    return "\n".join([*lines, ", ".join(pairs)]).strip()


def read(text: str) -> Infotext:
    """The parts of a parameters text. A text without at least three pairs in its last line is all prompt."""
    lines = [line.strip() for line in text.strip().splitlines()]
    values: dict[str, str] = {}
    if lines and len(_PAIR.findall(lines[-1])) >= _FEWEST_PAIRS:
        values = _values(lines.pop())
    prompt: list[str] = []
    negative: list[str] = []
    part = prompt
    for line in lines:
        if line.startswith(NEGATIVE):
            part, line = negative, line[len(NEGATIVE) :].strip()
        part.append(line)
    return Infotext("\n".join(prompt).strip(), "\n".join(negative).strip(), values)


def _pair(key: str, value: str) -> str:
    return key if key == value else f"{key}: {_quoted(value)}"


def _quoted(value: str) -> str:
    """Values that a reader would cut or strip become JSON strings."""
    if any(mark in value for mark in ",:\n") or value.startswith(('"', " ")):
        return json.dumps(value, ensure_ascii=False)
    return value


def _values(line: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for key, raw in _PAIR.findall(line):
        value = _unquoted(raw)
        size = _SIZE.match(value)
        if size:
            values[f"{key}-1"], values[f"{key}-2"] = size.groups()
        elif value:
            values[key] = value
    return values


def _unquoted(raw: str) -> str:
    if not raw.startswith('"') or not raw.endswith('"'):
        return raw
    try:
        return str(json.loads(raw))
    except json.JSONDecodeError:
        return raw
