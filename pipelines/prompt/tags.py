"""Tags: networks that a prompt asks for, as <lora:name:0.8>, and comments; neither reaches the text encoder."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_TAG = re.compile(r"<(\w++):([^>]+)>")
_COMMENT = re.compile(r"#[^\n]*+\n?")

_ALIASES = {"lyco": "lora"}


@dataclass(frozen=True)
class Tag:
    """<kind:name:number:number:number> or with names, <lora:name:unet=0.5>.

    kind -- "lora", "hypernet" or whatever stands there
    """

    kind: str
    name: str
    numbers: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def te(self) -> float:
        """Strength in the text encoder."""
        return self._value("te", 0, 1.0)

    @property
    def unet(self) -> float:
        """Strength in the U-Net; the text encoder's where it is not given."""
        return self._value("unet", 1, self.te)

    @property
    def dyn(self) -> int | None:
        """Rank to use of a network with dynamic rank; None: all of it."""
        value = self._value("dyn", 2, -1.0)
        return int(value) if value >= 0 else None

    def _value(self, key: str, place: int, otherwise: float) -> float:
        text = self.named.get(key, self.numbers[place] if place < len(self.numbers) else "")
        try:
            value = float(text)
        except ValueError:
            return otherwise
        return value if math.isfinite(value) else otherwise


def networks(text: str) -> tuple[str, list[Tag]]:
    """The text without its tags (the blanks around them stay), and the tags in order."""
    # Behind the last ">" no tag can end, and looking for one there would take long.
    end = text.rfind(">") + 1
    tags = [_tag(match[1], match[2]) for match in _TAG.finditer(text, 0, end)]
    return _TAG.sub("", text[:end]) + text[end:], tags


def renamed(text: str, names: Mapping[str, str]) -> str:
    """The text with other names in its LoRA tags. names: by the name that stands there, without ":" and ","."""

    def tag(match: re.Match[str]) -> str:
        name, colon, rest = match[2].partition(":")
        other = names.get(name.replace(",", "").strip()) if _ALIASES.get(match[1], match[1]) == "lora" else None
        return f"<{match[1]}:{other}{colon}{rest}>" if other else match[0]

    end = text.rfind(">") + 1
    return _TAG.sub(tag, text[:end]) + text[end:]


def uncommented(text: str) -> str:
    """The text without comments: from "#" to the end of the line."""
    return _COMMENT.sub("\n", text) if "#" in text else text


def _tag(kind: str, rest: str) -> Tag:
    plain: list[str] = []
    named: dict[str, str] = {}
    for argument in rest.split(":"):
        key, equals, value = argument.partition("=")
        if equals:
            named[key.strip()] = value
        else:
            plain.append(argument)
    name, *numbers = plain or [""]
    return Tag(_ALIASES.get(kind, kind), name, tuple(numbers), named)
