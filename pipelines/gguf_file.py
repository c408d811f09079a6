"""GGUF (llama.cpp's file format, version 2 and 3): what tensors a file holds.

Layout after https://github.com/ggml-org/ggml/blob/master/docs/gguf.md: counts, then metadata by key, then one entry for
each tensor, then the aligned data. All numbers are little-endian.
"""

import math
import struct
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any

from pipelines.stored import KEY_LIMIT, HeaderError, TensorFacts

TYPES: Mapping[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    20: ("IQ4_NL", 32, 18),
    23: ("IQ4_XS", 256, 136),
    28: ("F64", 1, 8),
    30: ("BF16", 1, 2),
}
"""Number -> name, numbers in a block, bytes of a block."""

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
TEXT_LIMIT = 2**20
LIST_LIMIT = 2**21
ORIGINAL_SHAPE = "comfy.gguf.orig_shape."
"""The format knows four sides at most; the true shape of others stands in the metadata."""


def read(path: Path) -> tuple[dict[str, TensorFacts], dict[str, str]]:
    """The tensors, with the names and shapes they had before; and what metadata is text.

    Raises HeaderError for what is no whole GGUF file, OSError where it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            return _read(file, size)
        except struct.error as error:
            raise HeaderError("is cut short: it ends within its header. Download it again.") from error


def _read(file: BufferedReader, size: int) -> tuple[dict[str, TensorFacts], dict[str, str]]:
    magic, version, count, notes = struct.unpack("<4sIQQ", file.read(24))
    if magic != b"GGUF" or version not in (2, 3):
        raise HeaderError("is a GGUF file of a version that is not supported.")
    if count > KEY_LIMIT or notes > KEY_LIMIT:
        raise HeaderError(f"names more than {KEY_LIMIT:,} tensors.")
    metadata = dict(_note(file) for _ in range(notes))
    entries = [_entry(file) for _ in range(count)]
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 0 < alignment <= 2**20:
        raise HeaderError("is damaged: its alignment makes no sense.")
    start = math.ceil(file.tell() / alignment) * alignment
    tensors: dict[str, TensorFacts] = {}
    for name, shape, kind, offset, length in entries:
        original = metadata.get(ORIGINAL_SHAPE + name)
        if isinstance(original, list) and all(isinstance(side, int) for side in original):
            shape = tuple(original)
        tensors[name] = TensorFacts(kind, shape, start + offset, start + offset + length)
    end = max((tensor.end for tensor in tensors.values()), default=0)
    if end > size:
        raise HeaderError(f"is cut short: {size / 1e9:.2f} of {end / 1e9:.2f} GB are there. Download it again.")
    if not tensors:
        raise HeaderError("holds no tensors.")
    return tensors, {key: value for key, value in metadata.items() if isinstance(value, str)}


def _entry(file: BufferedReader) -> tuple[str, tuple[int, ...], str, int, int]:
    """Name, shape, dtype, offset and bytes of a tensor."""
    name = _text(file)
    (sides,) = struct.unpack("<I", file.read(4))
    if sides > 8:
        raise HeaderError("is damaged: the entry of a tensor makes no sense.")
    # Innermost first.
    shape = struct.unpack(f"<{sides}Q", file.read(8 * sides))[::-1]
    kind, offset = struct.unpack("<IQ", file.read(12))
    if kind not in TYPES:
        raise HeaderError(f"uses a quantisation that is not supported (number {kind}). Get it as Q4_K, Q5_K or Q8_0.")
    dtype, block, width = TYPES[kind]
    numbers = math.prod(shape)
    if numbers % block:
        raise HeaderError("is damaged: the size of a tensor does not fit its shape.")
    return name, shape, dtype, offset, numbers // block * width


def _note(file: BufferedReader) -> tuple[str, Any]:
    key = _text(file)
    (kind,) = struct.unpack("<I", file.read(4))
    return key, _value(file, kind)


def _value(file: BufferedReader, kind: int) -> Any:
    if kind == STRING:
        return _text(file)
    if kind == ARRAY:
        inner, count = struct.unpack("<IQ", file.read(12))
        if count > LIST_LIMIT or inner == ARRAY:
            raise HeaderError("is damaged: its metadata makes no sense.")
        return [_value(file, inner) for _ in range(count)]
    if kind not in SCALARS:
        raise HeaderError("is damaged: its metadata makes no sense.")
    (value,) = struct.unpack(f"<{SCALARS[kind]}", file.read(struct.calcsize(f"<{SCALARS[kind]}")))
    return value


def _text(file: BufferedReader) -> str:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > TEXT_LIMIT:
        raise HeaderError("is damaged: its metadata makes no sense.")
    return file.read(length).decode("utf-8", "replace")
