"""Composition: several prompts in one, joined by AND."""

import math
import re

_AND = re.compile(r"\bAND\b")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?|\d*\.\d+)")


def compose(text: str) -> list[tuple[str, float]]:
    """The parts between the words AND, each with the weight that ends it after a colon; 1 where there is none.

    The weight counts even where there is no AND. Blanks at the end of a part are dropped, those before it kept.
    """
    return [_part(part.rstrip()) for part in _AND.split(text)]


def _part(text: str) -> tuple[str, float]:
    before, colon, last = text.rpartition(":")
    number = last.strip()
    if colon and _NUMBER.fullmatch(number) and math.isfinite(weight := float(number)):
        return before.rstrip(), weight
    return text, 1.0
