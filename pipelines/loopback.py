"""Loopback: the strengths of loops in which each result is the next one's source."""

import math

from pipelines.source import Source


def strengths(source: Source) -> list[float]:
    """One for each loop, from the source's strength to the final one along the curve."""
    asked = source.loopback
    if asked is None or asked.loops == 1:
        return [source.strength]
    change = asked.strength - source.strength
    return [source.strength + change * _share(asked.curve, loop / (asked.loops - 1)) for loop in range(asked.loops)]


def _share(curve: str, progress: float) -> float:
    if curve == "aggressive":
        return math.sin(progress * math.pi / 2)
    if curve == "lazy":
        return 1 - math.cos(progress * math.pi / 2)
    return progress
