"""The customary "parameters" text: prompt, negative prompt, one line of keys and values.

Written and read as AUTOMATIC1111's web UI 1.10 does, so that either program understands the other's pictures.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field

NEGATIVE = "Negative prompt:"

_KEY = re.compile(r"\w[\w /-]+")
_KEY_LETTERS = re.compile(r"[\w /-]*+")
_QUOTED = re.compile(r'("(?:\\.|[^\\"])++")(?:,|$)')
_SIZE = re.compile(r"(\d+)x(\d+)")
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-(\d+))?(?![\d.])")
_FEWEST_PAIRS = 3

_MEANT = {
    "Clip skip": "1",
    "Hires resize-1": "0",
    "Hires resize-2": "0",
    "Hires sampler": "Use same sampler",
    "Hires schedule type": "Use same scheduler",
    "Hires checkpoint": "Use same checkpoint",
    "Hires prompt": "",
    "Hires negative prompt": "",
    "Mask mode": "Inpaint masked",
    "Masked content": "original",
    "Inpaint area": "Whole picture",
    "Masked area padding": "32",
    "RNG": "GPU",
    "Schedule type": "Automatic",
    "Schedule max sigma": "0",
    "Schedule min sigma": "0",
    "Schedule rho": "0",
    "VAE Encoder": "Full",
    "VAE Decoder": "Full",
    "FP8 weight": "Disable",
    "Refiner switch by sampling steps": "False",
}
"""What a text means that lacks these keys."""

_FIRST_PASS_PIXELS = 512 * 512
_FIRST_PASS_STEP = 64


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
    """The parts of a parameters text, as they stand there.

    A text without at least three pairs in its last line is all prompt.
    """
    lines = [line.strip() for line in text.strip().split("\n")]
    values: dict[str, str] = {}
    pairs = list(_pairs(lines[-1]))
    if len(pairs) >= _FEWEST_PAIRS:
        values = _values(pairs)
        lines.pop()
    prompt: list[str] = []
    negative: list[str] = []
    part = prompt
    for line in lines:
        if line.startswith(NEGATIVE):
            part, line = negative, line[len(NEGATIVE) :].strip()
        part.append(line)
    return Infotext("\n".join(prompt).strip(), "\n".join(negative).strip(), values)


def parse_infotext(text: str) -> dict[str, str]:
    """All that a parameters text says or means, by key: "Prompt", "Negative prompt", and the keys of its last line.

    Keys that are missing have the value that they stand for; texts of older versions are brought up to date.
    """
    info = read(text)
    return {"Prompt": info.prompt, "Negative prompt": info.negative, **completed(info)}


def completed(info: Infotext) -> dict[str, str]:
    """The values with those that are meant where a key is missing. May add "Prompt", where old keys belong into it."""
    values = dict(info.values)
    hypernet = values.get("Hypernet")
    if hypernet:
        values["Prompt"] = f"{info.prompt}<hypernet:{hypernet}:{values.get('Hypernet strength', '1.0')}>"
    for key, value in _MEANT.items():
        values.setdefault(key, value)
    if "Emphasis" not in values and any(mark in info.prompt + info.negative for mark in "(["):
        values["Emphasis"] = "Original"
    _restore_first_pass(values)
    _restore_old_rules(values, info)
    return values


def _restore_first_pass(values: MutableMapping[str, str]) -> None:
    """Very old texts of two passes give the size of the first one beside that of the picture."""
    try:
        first = int(values["First pass size-1"]), int(values["First pass size-2"])
        size = int(values["Size-1"]), int(values["Size-2"])
    except (KeyError, ValueError):
        return
    if 0 in first and 0 not in size:
        scale = math.sqrt(_FIRST_PASS_PIXELS / (size[0] * size[1]))
        width, height = (math.ceil(scale * side / _FIRST_PASS_STEP) * _FIRST_PASS_STEP for side in size)
        first = width, height
    values["Size-1"], values["Size-2"] = map(str, first)
    values["Hires resize-1"], values["Hires resize-2"] = map(str, size)


def _restore_old_rules(values: MutableMapping[str, str], info: Infotext) -> None:
    match = _VERSION.match(values.get("Version", ""))
    if match is None:
        return
    version = tuple(int(number or 0) for number in match.groups())
    rules = {
        "Old prompt editing timelines": version < (1, 6) and "[" in info.prompt,
        "Pad conds v0": version < (1, 6) and values.get("Sampler") in ("DDIM", "PLMS"),
        "Downcast alphas_cumprod": version < (1, 7, 0, 225),
        "Refiner switch by sampling steps": version < (1, 8) and "Refiner" in values,
    }
    values.update({key: "True" for key, applies in rules.items() if applies})


def _pair(key: str, value: str) -> str:
    return key if key == value else f"{key}: {_quoted(value)}"


def _quoted(value: str) -> str:
    """Values that a reader would cut or strip become JSON strings."""
    if any(mark in value for mark in ",:\n") or value[0] == '"' or value[0].isspace():
        return json.dumps(value, ensure_ascii=False)
    return value


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    """Keys and raw values. A key is what stands before a colon, from its first letter on; at least two letters."""
    start = 0
    while (colon := line.find(":", start)) >= 0:
        # Backwards from the colon to the first letter that cannot be part of a key.
        before = _KEY_LETTERS.match(line[start:colon][::-1])
        run = line[colon - (before.end() if before else 0) : colon]
        key = _KEY.search(run)
        if key is None:
            start = colon + 1
            continue
        place = colon + 1
        while place < len(line) and line[place].isspace():
            place += 1
        quoted = _QUOTED.match(line, place)
        if quoted:
            yield key[0], quoted[1]
            start = quoted.end()
            continue
        comma = line.find(",", place)
        end = len(line) if comma < 0 else comma
        yield key[0], line[place:end]
        start = end + 1


def _values(pairs: list[tuple[str, str]]) -> dict[str, str]:
    values: dict[str, str] = {}
    for key, raw in pairs:
        value = _unquoted(raw)
        size = _SIZE.fullmatch(value)
        if size:
            values[f"{key}-1"], values[f"{key}-2"] = size.groups()
        elif value:
            values[key] = value
    return values


def joined(values: Mapping[str, str]) -> dict[str, str]:
    """As they were written: sizes that were read in two parts in one again."""
    whole: dict[str, str] = {}
    for key, value in values.items():
        name, _, part = key.rpartition("-")
        if part == "1" and f"{name}-2" in values:
            whole[name] = f"{value}x{values[f'{name}-2']}"
        elif part != "2" or f"{name}-1" not in values:
            whole[key] = value
    return whole


def _unquoted(raw: str) -> str:
    if not raw.startswith('"') or not raw.endswith('"'):
        return raw
    try:
        return str(json.loads(raw))
    except json.JSONDecodeError:
        return raw
