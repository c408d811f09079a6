"""Conditioning: what the model is told at each of its calls."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from pipelines.passes import Padding
from pipelines.prompt.composition import compose
from pipelines.prompt.editing import schedule
from pipelines.prompt.encoder import Condition, Encode
from pipelines.prompt.tags import networks, uncommented


@dataclass(frozen=True)
class Timeline:
    """entries: (last step, what is told until then), in order."""

    entries: tuple[tuple[int, Condition], ...]

    def at(self, call: int) -> Condition:
        """What is told at call `call` of the model, counted from 0.

        Steps count from 1: so the first text is told once more than its step says. Other programs do so, and the same
        prompt shall give the same picture.
        """
        return next((value for last, value in self.entries if call <= last), self.entries[-1][1])


@dataclass(frozen=True)
class Told:
    """parts: conditioning and weight of each; negative: what to keep away from. Lengths may differ."""

    parts: tuple[tuple[Condition, float], ...]
    negative: Condition | None


@dataclass(frozen=True)
class Conditioning:
    """parts: joined by AND, each with its weight; negative None: no guidance.

    level -- makes the parts and the negative prompt equally long; None: they stay as they are
    """

    parts: tuple[tuple[Timeline, float], ...]
    negative: Timeline | None
    level: "Level | None" = None

    def at(self, call: int) -> Told:
        parts = padded([timeline.at(call) for timeline, _ in self.parts])
        weights = (weight for _, weight in self.parts)
        negative = self.negative.at(call) if self.negative else None
        if self.level is not None and negative is not None:
            parts, negative = self.level(parts, negative)
        return Told(tuple(zip(parts, weights, strict=True)), negative)


@dataclass(frozen=True)
class Level:
    """Makes prompts equally long, for pictures that were made so.

    empty -- an empty text's tokens, by whole pieces of which the shorter is lengthened; None: the negative prompt
             alone is changed, lengthened by its last vector or cut
    """

    empty: torch.Tensor | None = None

    def __call__(self, parts: list[Condition], negative: Condition) -> tuple[list[Condition], Condition]:
        length, own = parts[0].tokens.shape[1], negative.tokens.shape[1]
        if self.empty is None:
            cut = negative._replace(tokens=negative.tokens[:, :length])
            return parts, cut._replace(tokens=_lengthened(cut.tokens, length))
        pieces = abs(length - own) // self.empty.shape[1]
        filling = self.empty.repeat(1, pieces, 1)
        if own < length:
            return parts, negative._replace(tokens=torch.cat([negative.tokens, filling], 1))
        return [part._replace(tokens=torch.cat([part.tokens, filling], 1)) for part in parts], negative


@dataclass(frozen=True)
class Pass:
    """By what steps a prompt counts.

    steps -- of the sampler; calls -- model calls a step
    after -- for a second pass: `counted` of the first
    old   -- see schedule
    """

    steps: int
    calls: int = 1
    after: int | None = None
    old: bool = False

    @property
    def counted(self) -> int:
        """A sampler of second order has its steps counted twice: numbers of steps are calls of the model."""
        return self.steps * self.calls

    def schedule(self, text: str) -> list[tuple[int, str]]:
        if self.after is None:
            return schedule(text, self.counted, None, self.old)
        return schedule(text, self.after, self.counted, self.old)


def condition(
    prompt: str,
    negative: str,
    guidance: float,
    run: Pass,
    encode: Encode,
    encode_negative: Encode | None = None,
    pad: Padding = "off",
) -> Conditioning:
    """Encode both prompts. The negative prompt has no AND and no tags; without guidance it is not needed.

    encode_negative -- where a family reads that one in another way; pad -- makes both equally long
    """
    words, _ = networks(uncommented(prompt))
    parts = compose(words)
    plain = guidance == 1 and [weight for _, weight in parts] == [1.0]
    away = None if plain else _timeline(uncommented(negative), run, encode_negative or encode)
    level = None if pad == "off" else Level(encode({"": run.counted})[""].tokens if pad == "empty" else None)
    return Conditioning(tuple((_timeline(text, run, encode), weight) for text, weight in parts), away, level)


def texts(prompt: str, negative: str, run: Pass) -> list[str]:
    """Every text that is encoded for these prompts."""
    words, _ = networks(uncommented(prompt))
    parts = (*(text for text, _ in compose(words)), uncommented(negative))
    return [text for part in parts for _, text in run.schedule(part)]


def _timeline(text: str, run: Pass, encode: Encode) -> Timeline:
    entries = run.schedule(text)
    encoded = encode(Counter(text for _, text in entries))
    return Timeline(tuple((last, encoded[text]) for last, text in entries))


def padded(conditions: Sequence[Condition]) -> list[Condition]:
    """Tokens of one length: the shorter ones repeat their last vector."""
    longest = max(condition.tokens.shape[1] for condition in conditions)
    return [condition._replace(tokens=_lengthened(condition.tokens, longest)) for condition in conditions]


def _lengthened(tokens: torch.Tensor, length: int) -> torch.Tensor:
    gap = length - tokens.shape[1]
    return torch.cat([tokens, tokens[:, -1:].expand(-1, gap, -1)], 1) if gap else tokens
