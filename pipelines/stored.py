"""Stored tensors: what the readers of file formats say about each tensor, and how they refuse a file."""

from typing import NamedTuple

KEY_LIMIT = 50_000
"""Tensors of a file."""


class HeaderError(ValueError):
    """A file that cannot be a checkpoint; `str(error)` is a sentence for the user, without the file's name."""


class TensorFacts(NamedTuple):
    """dtype: as safetensors names it ("F16"), or as GGUF names a quantised one ("Q4_K"); shape: sides, outermost first;
    begin, end: bytes of the file."""

    dtype: str
    shape: tuple[int, ...]
    begin: int = 0
    end: int = 0
