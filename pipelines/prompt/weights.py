"""Weights: how much attention each piece of a prompt gets."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

BREAK = ("BREAK", -1.0)
"""What `attention` puts where a chunk has to end."""

ROUND = 1.1
SQUARE = 1 / 1.1

_LARGEST = 1e30
"""Weights stay finite however deep the brackets."""

_TOKEN = re.compile(
    r"""
      \\(?P<escaped>[()\[\]\\])
    | (?P<backslash>\\)
    | :\s*+(?P<number>[+-]?[.\d]++)\s*+\)
    | (?P<bracket>[()\[\]])
    | (?P<text>:|[^\\()\[\]:]++)
    """,
    re.VERBOSE,
)
_BREAK = re.compile(r"\bBREAK\b")


@dataclass
class _Bracket:
    """An open bracket; `factor` is known when it is closed. Unclosed ones hold to the end of the text."""

    factor: float


_Mark = tuple[Literal["text", "break", "open", "close"], str, _Bracket | None]


def attention(text: str) -> list[tuple[str, float]]:
    """The text in pieces of equal weight, without the brackets that gave it.

    (x) is 1.1 times, [x] 1/1.1 times, (x:1.5) exactly 1.5 times; brackets nest. \\( \\) \\[ \\] \\\\ are plain letters.
    A number that is none leaves the colon and itself in the text. `BREAK` as a word of its own gives the pair BREAK.
    """
    pieces: list[tuple[str, float]] = []
    parts: list[str] = []
    current = 1.0
    for kind, letters, weight in _weighted(_marks(text)):
        if kind == "text" and (weight == current or not letters):
            parts.append(letters)
            continue
        _finish(pieces, parts, current)
        parts, current = ([letters], weight) if kind == "text" else ([], current)
        if kind == "break":
            pieces.append(BREAK)
    _finish(pieces, parts, current)
    return pieces or [("", 1.0)]


def _finish(pieces: list[tuple[str, float]], parts: list[str], weight: float) -> None:
    text = "".join(parts)
    if text:
        pieces.append((text, weight))


def _marks(text: str) -> list[_Mark]:
    """Text and brackets in order. Closing brackets without an opening one are text."""
    marks: list[_Mark] = []
    rounds: list[_Bracket] = []
    squares: list[_Bracket] = []
    for match in _TOKEN.finditer(text):
        number = _number(match["number"])
        token = match[0]
        if match["escaped"]:
            marks.append(("text", match["escaped"], None))
        elif match["backslash"]:
            continue
        elif match["bracket"] in ("(", "["):
            bracket = _Bracket(ROUND if token == "(" else SQUARE)
            (rounds if token == "(" else squares).append(bracket)
            marks.append(("open", token, bracket))
        elif rounds and number is not None:
            rounds[-1].factor = number
            marks.append(("close", ")", rounds.pop()))
        elif rounds and token.endswith(")") and not match["text"]:
            # A malformed number is text, its bracket closes as any other.
            marks.append(("text", token[:-1], None))
            marks.append(("close", ")", rounds.pop()))
        elif squares and match["bracket"] == "]":
            marks.append(("close", "]", squares.pop()))
        else:
            marks.extend(_words(token))
    return marks


def _words(text: str) -> Iterator[_Mark]:
    """Text cut at the word BREAK; the blanks around it belong to it."""
    start = 0
    for match in _BREAK.finditer(text):
        before = text[start : match.start()].rstrip()
        yield "text", before if start == 0 else before.lstrip(), None
        yield "break", "", None
        start = match.end()
    yield "text", text[start:].lstrip() if start else text, None


def _weighted(marks: list[_Mark]) -> Iterator[tuple[Literal["text", "break"], str, float]]:
    """Round and square brackets may cross, but each kind nests in itself: one stack of products for each."""
    rounds, squares = [1.0], [1.0]
    weight = 1.0
    for kind, letters, bracket in marks:
        if kind == "open" and bracket is not None:
            products = rounds if letters == "(" else squares
            products.append(max(-_LARGEST, min(products[-1] * bracket.factor, _LARGEST)))
        elif kind == "close":
            (rounds if letters == ")" else squares).pop()
        elif kind == "break":
            yield "break", letters, weight
            continue
        elif kind == "text":
            yield "text", letters, weight
            continue
        weight = rounds[-1] * squares[-1]


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
