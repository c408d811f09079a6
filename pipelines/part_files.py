"""Part files: text encoders and autoencoders that lie beside transformer-only checkpoints, told by their headers.

They are looked for in the checkpoint's own file first, then in the folders that lie beside the checkpoint's or above it
and are called as this program, A1111, Forge and ComfyUI call them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines import header as headers
from pipelines.family import ModelError
from pipelines.header import Header, HeaderError

PartKind = Literal["clip_l", "t5", "vae16"]

FOLDERS = frozenset({"text_encoders", "text_encoder", "clip", "vae"})
SUFFIXES = frozenset({".safetensors", ".sft", ".pt", ".ckpt"})
WITHIN = {
    "clip_l": "text_encoders.clip_l.transformer.",
    "t5": "text_encoders.t5xxl.transformer.",
    "vae16": "vae.",
}
"""Prefixes within files that hold everything."""

WANTED = {
    "clip_l": ("`clip_l.safetensors`", "models/text_encoders"),
    "t5": ("`t5xxl_fp16.safetensors` (or one in fp8)", "models/text_encoders"),
    "vae16": ("`ae.safetensors`", "models/vae"),
}
SOURCE = (
    "The text encoders are at huggingface.co/comfyanonymous/flux_text_encoders, the autoencoder is in the repository "
    "of FLUX.1-schnell at huggingface.co/black-forest-labs."
)


@dataclass(frozen=True)
class PartFile:
    """prefix: of its keys."""

    path: Path
    header: Header
    prefix: str = ""


def told(header: Header, prefix: str = "") -> PartKind | None:
    """What part a file, or a prefix in it, is."""
    words = header.shape(prefix + "text_model.embeddings.token_embedding.weight")
    if words is not None:
        return "clip_l" if words[1] <= 768 else None
    if header.has(prefix + "encoder.block.0.layer.0.SelfAttention.q."):
        return "t5"
    first = header.shape(prefix + "decoder.conv_in.weight")
    if first is not None and len(first) == 4 and first[1] == 16 and header.has(prefix + "encoder.down.0."):
        return "vae16"
    return None


def parts(checkpoint: Path, header: Header, wanted: tuple[PartKind, ...], title: str) -> dict[PartKind, PartFile]:
    """The wanted parts. Raises ModelError that names what is missing, where it goes and where it can be had."""
    found: dict[PartKind, PartFile] = {
        kind: PartFile(checkpoint, header, WITHIN[kind]) for kind in wanted if told(header, WITHIN[kind]) == kind
    }
    for path in _beside(checkpoint) if len(found) < len(wanted) else ():
        try:
            read = headers.read(path)
        except HeaderError:
            continue
        kind = told(read)
        if kind is not None and kind in wanted:
            found.setdefault(kind, PartFile(path, read))
    missing = [kind for kind in wanted if kind not in found]
    if missing:
        places = " and ".join(f"{WANTED[kind][0]} into {WANTED[kind][1]}" for kind in missing)
        raise ModelError(f"{checkpoint.stem} is a {title} transformer without all of its parts. Put {places}.", SOURCE)
    return found


def _beside(checkpoint: Path) -> Iterator[Path]:
    for above in list(checkpoint.absolute().parents)[:4]:
        try:
            folders = sorted(folder for folder in above.iterdir() if folder.name.casefold() in FOLDERS)
        except OSError:
            continue
        for folder in folders:
            files = sorted(folder.rglob("*")) if folder.is_dir() else []
            yield from (path for path in files if path.suffix.casefold() in SUFFIXES and path.is_file())
