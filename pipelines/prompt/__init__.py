"""The prompt language: text in, weighted and timed text out. No torch here; what encodes it is in `encoder`.

A prompt goes through these in order: `networks` takes the <lora:…> tags out, `compose` splits it at AND, `schedule`
tells which text is used at which step, `attention` gives each piece its weight, `chunks` cuts the tokens into pieces
of 75. None of them raises, whatever the text.
"""

from pipelines.prompt.composition import compose
from pipelines.prompt.editing import schedule
from pipelines.prompt.pieces import Chunk, Word, chunks, count
from pipelines.prompt.tags import Tag, networks, uncommented
from pipelines.prompt.weights import BREAK, attention

__all__ = [
    "BREAK",
    "Chunk",
    "Tag",
    "Word",
    "attention",
    "chunks",
    "compose",
    "count",
    "networks",
    "schedule",
    "uncommented",
]
