"""Header: what a checkpoint's file says about itself, read without its tensors and without trusting it.

The bytes decide what a file is, not its suffix: safetensors, a pickle in a zip archive (`pickled`), or GGUF.
"""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

from pipelines import gguf_file, pickled
from pipelines.stored import KEY_LIMIT, HeaderError, TensorFacts

__all__ = ["Header", "HeaderError", "TensorFacts", "Version", "read", "read_folder"]

HEADER_LIMIT = 32 * 2**20
"""Bytes. The largest real headers (quantised video models) stay below 2 MB."""

ITEM_BITS: Mapping[str, int] = {
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "F8_E8M0": 8,
    "U16": 16,
    "I16": 16,
    "F16": 16,
    "BF16": 16,
    "U32": 32,
    "I32": 32,
    "F32": 32,
    "U64": 64,
    "I64": 64,
    "F64": 64,
}


class Version(NamedTuple):
    """A file as it was when it was looked at: another size or time (in nanoseconds) is another file."""

    path: Path
    bytes: int
    changed: int


@dataclass(frozen=True)
class Header:
    """The tensors of a file (or of a diffusers folder, with "<component>/" in front) and its free text notes.

    bytes -- size on disk of everything the header speaks for
    """

    tensors: Mapping[str, TensorFacts]
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    bytes: int = 0

    def shape(self, key: str) -> tuple[int, ...] | None:
        facts = self.tensors.get(key)
        return facts.shape if facts else None

    def has(self, prefix: str) -> bool:
        """Whether any key begins with `prefix`."""
        return any(key.startswith(prefix) for key in self.tensors)


def read(path: Path) -> Header:
    """The header of the file at `path`. Reads at most 64 MB and never blocks on a pipe or a device.

    Raises HeaderError for everything that is not a whole, well-formed file.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise HeaderError(f"cannot be opened: {error.strerror or error}.") from error
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode):
        os.close(handle)
        raise HeaderError("is a folder, not a file." if stat.S_ISDIR(facts.st_mode) else "is not a regular file.")
    with os.fdopen(handle, "rb") as file:
        try:
            start = file.read(8)
            if start[:4] == b"PK\x03\x04":
                return Header(pickled.read(path), {}, facts.st_size)
            if start[:4] == b"GGUF":
                tensors, notes = gguf_file.read(path)
                return Header(tensors, notes, facts.st_size)
            text = _header_text(start, file.read(1), facts.st_size)
            text += file.read(int.from_bytes(start, "little") - 1)
        except OSError as error:
            raise HeaderError(f"cannot be read: {error.strerror or error}.") from error
    return _parsed(text, 8 + int.from_bytes(start, "little"), facts.st_size)


def read_folder(path: Path) -> Header:
    """One header for a diffusers folder: keys are "<component>/<key>"; metadata "model_index" is the pipeline's class.

    Raises HeaderError when model_index.json is unreadable or a component's file is broken.
    """
    index = _json_object(path / "model_index.json")
    tensors: dict[str, TensorFacts] = {}
    size = 0
    for part in sorted(name for name, value in index.items() if isinstance(value, list)):
        files = sorted((path / part).glob("*.safetensors"))
        # The same weights may lie there again in half precision.
        for file in [file for file in files if ".fp16." not in file.name] or files:
            try:
                header = read(file)
            except HeaderError as error:
                raise HeaderError(f"holds a broken file: {part}/{file.name} {error}") from error
            size += header.bytes
            tensors.update({f"{part}/{key}": facts for key, facts in header.tensors.items()})
            if len(tensors) > KEY_LIMIT:
                raise HeaderError(f"names more than {KEY_LIMIT:,} tensors.")
    return Header(tensors, {"model_index": str(index.get("_class_name", ""))}, size)


def _json_object(path: Path) -> Mapping[str, Any]:
    try:
        if not stat.S_ISREG(path.stat().st_mode) or path.stat().st_size > HEADER_LIMIT:
            raise HeaderError(f"has a {path.name} that is not a text file.")
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise HeaderError(f"has no readable {path.name}: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, HeaderError):
            raise
        raise HeaderError(f"has a {path.name} that is not JSON.") from error
    if not isinstance(value, dict):
        raise HeaderError(f"has a {path.name} that is not a JSON object.")
    return cast("Mapping[str, Any]", value)


def _header_text(start: bytes, brace: bytes, size: int) -> bytes:
    """Check the first nine bytes; returns the ninth."""
    if size == 0:
        raise HeaderError("is empty (0 bytes). Download it again.")
    if start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05":
        raise HeaderError("is a pickle of a form older than 2020 and may run code when opened. Get it as .safetensors.")
    if start.lstrip()[:1] == b"<" or start.startswith(b"version "):
        raise HeaderError("is a web page or a placeholder, not the model. Download the file itself.")
    if len(start) < 8 or brace != b"{":
        raise HeaderError("is not a safetensors file.")
    length = int.from_bytes(start, "little")
    if length > HEADER_LIMIT:
        raise HeaderError("is not a safetensors file: its header would be larger than 32 MB.")
    if 8 + length > size:
        raise HeaderError("is cut short: it ends within its header. Download it again.")
    return brace


def _parsed(text: bytes, start: int, size: int) -> Header:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HeaderError("is not a safetensors file: its header cannot be read.") from error
    if not isinstance(value, dict):
        raise HeaderError("is not a safetensors file: its header is no list of tensors.")
    entries = cast("dict[str, Any]", value)
    if len(entries) > KEY_LIMIT:
        raise HeaderError(f"names more than {KEY_LIMIT:,} tensors.")
    notes = entries.pop("__metadata__", None) or {}
    metadata = (
        {str(key): text for key, text in cast("dict[str, Any]", notes).items() if isinstance(text, str)}
        if isinstance(notes, dict)
        else {}
    )
    tensors: dict[str, TensorFacts] = {}
    end = 0
    for key, entry in entries.items():
        tensors[key] = _tensor(key, entry, start)
        end = max(end, tensors[key].end)
    if end > size:
        raise HeaderError(f"is cut short: {_gigabytes(size)} of {_gigabytes(end)} are there. Download it again.")
    if not tensors:
        raise HeaderError("holds no tensors.")
    return Header(tensors, metadata, size)


def _tensor(key: str, entry: Any, start: int) -> TensorFacts:
    """start: the byte of the file at which the tensors begin."""
    try:
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    except (KeyError, TypeError, ValueError) as error:
        raise HeaderError(f"is damaged: the entry of tensor '{key[:80]}' cannot be read.") from error
    numbers = [*shape, begin, end] if isinstance(shape, list) else [None]
    if not isinstance(dtype, str) or not all(type(number) is int and 0 <= number < 2**63 for number in numbers):
        raise HeaderError(f"is damaged: the entry of tensor '{key[:80]}' makes no sense.")
    count = 1
    for side in cast("list[int]", shape):
        count *= side
    bits = ITEM_BITS.get(dtype)
    if begin > end or (bits is not None and (end - begin) * 8 != count * bits):
        raise HeaderError(f"is damaged: the size of tensor '{key[:80]}' does not fit its shape.")
    return TensorFacts(dtype, tuple(cast("list[int]", shape)), start + begin, start + end)


def _gigabytes(count: int) -> str:
    for unit, step in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= step:
            return f"{count / step:.1f} {unit}"
    return f"{count} bytes"
