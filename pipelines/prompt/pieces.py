"""Pieces: the tokens of a prompt, cut into the chunks of 75 that the text encoder sees at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pipelines.prompt.vocabulary import clip_tokens
from pipelines.prompt.weights import BREAK, attention
from pipelines.recipe import Emphasis

CHUNK = 75
"""Tokens in a chunk, between a start and an end token."""

COMMA_BACKTRACK = 20
"""A full chunk is cut at its last comma if fewer than so many tokens follow it."""

Tokens = Callable[[str], Sequence[int]]
"""Text -> numbers of the vocabulary, without start and end."""


@dataclass(frozen=True)
class Word:
    """A trained word (textual inversion): it stands where the tokens of its name stand, `vectors` places wide."""

    name: str
    tokens: tuple[int, ...]
    vectors: int


@dataclass(frozen=True)
class Chunk:
    """At most 75 tokens with a weight each; places that a word takes hold 0.

    words -- (place of the first vector, word)
    full  -- it was closed: no token can join it any more
    """

    tokens: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    words: tuple[tuple[int, Word], ...] = ()
    full: bool = False


@dataclass
class _Filling:
    """A chunk that is being filled."""

    backtrack: int
    done: list[Chunk] = field(default_factory=list[Chunk])
    tokens: list[int] = field(default_factory=list[int])
    weights: list[float] = field(default_factory=list[float])
    words: list[tuple[int, Word]] = field(default_factory=list[tuple[int, Word]])
    comma: int = -1
    """Place of the last comma."""

    def close(self, end: int | None = None, full: bool = True) -> None:
        """The chunk is what comes before `end`; the rest begins the next one."""
        end = len(self.tokens) if end is None else end
        words = tuple(word for word in self.words if word[0] < end)
        self.done.append(Chunk(tuple(self.tokens[:end]), tuple(self.weights[:end]), words, full))
        self.tokens, self.weights = self.tokens[end:], self.weights[end:]
        self.words = [(place - end, word) for place, word in self.words if place >= end]
        self.comma = -1

    def token(self, token: int, weight: float, comma: bool) -> None:
        if len(self.tokens) == CHUNK:
            tail = CHUNK - 1 - self.comma
            torn = not comma and self.comma >= 0 and tail < self.backtrack
            self.close(self.comma + 1 if torn else None)
        if comma:
            self.comma = len(self.tokens)
        self.tokens.append(token)
        self.weights.append(weight)

    def word(self, word: Word, weight: float) -> None:
        """A word is never torn apart. One that is wider than a chunk loses its end."""
        wide = min(word.vectors, CHUNK)
        if len(self.tokens) + wide > CHUNK:
            self.close()
        self.words.append((len(self.tokens), word))
        self.tokens += [0] * wide
        self.weights += [weight] * wide


def chunks(
    text: str,
    tokens: Tokens | None = None,
    *,
    words: Sequence[Word] = (),
    backtrack: int = COMMA_BACKTRACK,
    emphasis: Emphasis = "original",
) -> list[Chunk]:
    """The chunks of a text; one empty chunk for an empty text.

    tokens    -- the vocabulary; None: CLIP's
    words     -- trained words to look for, by the tokens of their names; the longest name wins
    backtrack -- 0: chunks are always filled
    emphasis  -- "none": brackets and BREAK are plain text
    """
    tokens = tokens or clip_tokens()
    commas = tuple(tokens(","))
    known: dict[int, list[Word]] = {}
    for word in sorted(words, key=lambda word: len(word.tokens), reverse=True):
        if word.tokens and word.vectors > 0:
            known.setdefault(word.tokens[0], []).append(word)
    filling = _Filling(backtrack)
    for piece in [(text, 1.0)] if emphasis == "none" else attention(text):
        if piece == BREAK:
            filling.close()
            continue
        numbers, weight, place = tokens(piece[0]), piece[1], 0
        while place < len(numbers):
            found = _found(known.get(numbers[place], ()), numbers, place)
            if found:
                filling.word(found, weight)
                place += len(found.tokens)
            else:
                filling.token(numbers[place], weight, numbers[place] in commas)
                place += 1
    if filling.tokens or not filling.done:
        filling.close(full=False)
    return filling.done


def count(pieces: Sequence[Chunk]) -> tuple[int, int]:
    """(tokens, room): closed chunks count as 75; room is the next multiple of 75."""
    used = sum(CHUNK if piece.full else len(piece.tokens) for piece in pieces)
    return used, max(1, -(-used // CHUNK)) * CHUNK


def _found(words: Sequence[Word], numbers: Sequence[int], place: int) -> Word | None:
    for word in words:
        if tuple(numbers[place : place + len(word.tokens)]) == word.tokens:
            return word
    return None
