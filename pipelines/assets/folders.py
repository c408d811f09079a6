"""Folders: where assets of each kind lie in the models folder, also as other programs call them."""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from pipelines.catalogue import AssetKind
from pipelines.header import Version

FOLDERS: Mapping[AssetKind, tuple[str, ...]] = MappingProxyType(
    {
        "lora": ("loras", "lora", "lycoris"),
        "embedding": ("embeddings", "embedding", "textual_inversion"),
        "vae": ("vae",),
        "controlnet": ("controlnet", "t2i_adapter"),
        "hypernetwork": ("hypernetworks", "hypernetwork"),
    }
)
"""Names of folders in the models folder, in whatever case."""

CHECKPOINTS = ("checkpoints", "stable-diffusion")
"""Where VAEs lie beside their checkpoints, as `model.vae.safetensors`."""

SUFFIXES: Mapping[AssetKind, tuple[str, ...]] = MappingProxyType(
    {
        "lora": (".safetensors", ".pt", ".ckpt"),
        "embedding": (".safetensors", ".pt", ".bin"),
        "vae": (".safetensors", ".pt", ".ckpt"),
        "controlnet": (".safetensors", ".pth", ".bin"),
        "hypernetwork": (".pt",),
    }
)

DEPTH_LIMIT = 12
"""Folders below one of these; links that lead around in circles end before."""


@dataclass(frozen=True)
class File:
    """folder: below that of its kind, with "/", "" for none; beside: the names of all files next to it."""

    version: Version
    folder: str
    beside: frozenset[str]


def files(models: Path, kind: AssetKind) -> Iterator[File]:
    """The files of a kind, as far as names and folders tell. Links are followed. Never raises."""
    try:
        folders = sorted(item.name for item in os.scandir(models))
    except OSError:
        return
    for name in folders:
        if name.casefold() in FOLDERS[kind]:
            yield from _below(models / name, "", SUFFIXES[kind], frozenset())
        elif kind == "vae" and name.casefold() in CHECKPOINTS:
            endings = tuple(f".vae{suffix}" for suffix in SUFFIXES[kind])
            yield from _below(models / name, "", endings, frozenset())


def _below(place: Path, folder: str, suffixes: tuple[str, ...], above: frozenset[tuple[int, int]]) -> Iterator[File]:
    try:
        facts = place.stat()
        items = sorted(os.scandir(place), key=lambda item: item.name)
    except OSError:
        return
    here = (facts.st_dev, facts.st_ino)
    if here in above or len(above) > DEPTH_LIMIT:
        return
    names = frozenset(item.name for item in items)
    for item in items:
        if item.name.startswith("."):
            continue
        wanted = item.name.lower().endswith(suffixes)
        try:
            if wanted and stat.S_ISREG((found := item.stat()).st_mode):
                yield File(Version(Path(item.path), found.st_size, found.st_mtime_ns), folder, names)
            elif not wanted and item.is_dir():
                inner = f"{folder}/{item.name}" if folder else item.name
                yield from _below(Path(item.path), inner, suffixes, above | {here})
        except OSError:
            continue
