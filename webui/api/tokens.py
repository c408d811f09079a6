"""Counting a prompt's tokens without torch."""

import threading
from collections.abc import Callable
from pathlib import Path

from pipelines.prompt import chunks, compose, count, networks, schedule, uncommented
from pipelines.prompt.vocabulary import clip_tokens

Count = Callable[[str], tuple[int, int]]
"""A prompt -> (tokens, room for tokens in the chunks begun), of its longest part."""

_STEPS = 20
"""What fractions in prompt editing are taken of: which texts there are hardly depends on it."""


def counter(vocabulary: Path) -> Count:
    """It reads `vocabulary` at its first call: a folder with vocab.json and merges.txt."""
    lock = threading.Lock()
    made: list[Callable[[str], list[int]]] = []

    def counted(text: str) -> tuple[int, int]:
        with lock:
            if not made:
                made.append(clip_tokens(vocabulary))
        words, _ = networks(uncommented(text))
        texts = {text for part, _ in compose(words) for _, text in schedule(part, _STEPS)}
        return max(count(chunks(text, made[0])) for text in texts)

    return counted
