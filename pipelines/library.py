"""Library: what lies in the checkpoints folder, told by headers alone."""

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipelines import header, strangers
from pipelines.catalogue import CheckpointEntry
from pipelines.family import Family
from pipelines.header import Header, HeaderError, Version
from pipelines.recipe import Json

SUFFIXES = frozenset({".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf"})
"""What a checkpoint's name may end with; what it is, its first bytes tell."""

FINISHER = "R-ESRGAN AnimeVideo"
"""The upscaler that comes with Snowfox."""

SMALL_SIDE, WANTED_SIDE = 256, 512
"""Pixels: a model for pictures up to the one size has them made larger, to the other."""

DEPTH_LIMIT = 12
"""Folders below the checkpoints folder; links that lead around in circles end before."""


@dataclass(frozen=True)
class Checkpoint:
    """A file or folder that was found. family, header: None where it cannot be used."""

    entry: CheckpointEntry
    version: Version
    family: Family | None = None
    header: Header | None = field(default=None, repr=False)
    folder: bool = False


def scan(root: Path, families: Sequence[Family], known: Sequence[Checkpoint] = ()) -> list[Checkpoint]:
    """Everything below `root` that is, or claims to be, a checkpoint; sorted by name. Never raises.

    Links are followed. Broken and hostile files are listed with the reason in `entry.problem`.
    known -- the result of an earlier scan: what has not changed since is not read again
    """
    before = {checkpoint.version: checkpoint for checkpoint in known}
    found: list[Checkpoint] = []
    for path, folder in _candidates(root, frozenset(), 0):
        checkpoint = _checkpoint(root, path, folder, families, before)
        found.append(checkpoint)
    found.sort(key=lambda checkpoint: (checkpoint.entry.name.casefold(), str(checkpoint.version.path)))
    return _named_apart(found)


def _candidates(folder: Path, above: frozenset[tuple[int, int]], depth: int) -> Iterator[tuple[Path, bool]]:
    """(path, whether it is a diffusers folder)."""
    try:
        facts = folder.stat()
        items = sorted(os.scandir(folder), key=lambda item: item.name)
    except OSError:
        return
    place = (facts.st_dev, facts.st_ino)
    if place in above or depth > DEPTH_LIMIT:
        return
    for item in items:
        if item.name.startswith("."):
            continue
        path = Path(item.path)
        suffix = path.suffix.lower()
        try:
            directory = item.is_dir()
        except OSError:
            directory = False
        if directory and _is_file(path / "model_index.json"):
            yield path, True
        elif path.stem.lower().endswith(".vae") and not directory:
            continue  # it goes with the checkpoint of that name
        elif suffix == ".safetensors" or (suffix in SUFFIXES and not directory):
            yield path, False
        elif directory:
            yield from _candidates(path, above | {place}, depth + 1)


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _checkpoint(
    root: Path, path: Path, folder: bool, families: Sequence[Family], before: Mapping[Version, Checkpoint]
) -> Checkpoint:
    relative = path.relative_to(root)
    name = (relative if folder else relative.with_suffix("")).as_posix()
    # Names come from the disk and may hold bytes that are no text.
    name = name.encode("utf-8", "replace").decode()
    shown = str(path).encode("utf-8", "replace").decode()
    try:
        version = _version(path, folder)
    except OSError as error:
        why = "is a link to nothing." if path.is_symlink() else f"cannot be read: {error.strerror or error}."
        entry = CheckpointEntry(name, shown, "", 0, problem=f"The file {why}")
        return Checkpoint(entry, Version(path, 0, 0))
    if version in before:
        known = before[version]
        return replace(known, entry=replace(known.entry, name=name))
    entry = CheckpointEntry(name, shown, "", version.bytes)
    try:
        read = header.read_folder(path) if folder else header.read(path)
        return _recognised(entry, version, read, families, folder)
    except HeaderError as error:
        return Checkpoint(replace(entry, problem=f"The {'folder' if folder else 'file'} {error}"), version)
    except Exception as error:  # A family's own test must not end the scan.
        return Checkpoint(replace(entry, problem=f"It cannot be identified: {error}"), version)


def _version(path: Path, folder: bool) -> Version:
    if not folder:
        facts = path.stat()
        return Version(path, facts.st_size if stat.S_ISREG(facts.st_mode) else 0, facts.st_mtime_ns)
    # A component may be exchanged without touching the folder itself.
    files = [file.stat() for file in sorted(path.glob("*/*")) if file.is_file()]
    size = sum(file.st_size for file in files)
    return Version(path, size, max((file.st_mtime_ns for file in files), default=0))


def _recognised(
    entry: CheckpointEntry, version: Version, read: Header, families: Sequence[Family], folder: bool
) -> Checkpoint:
    for family in families:
        if family.detect(read):
            problem, variant = family.problem(read), family.variant(read, entry.name)
            entry = replace(
                entry,
                family=family.name,
                problem=problem,
                defaults={**variant.defaults, **_defaults(read)},
                title=variant.title,
                tasks=variant.tasks,
                lacks=dict(variant.lacks),
            )
            return Checkpoint(entry, version, None if problem else family, None if problem else read, folder)
    return Checkpoint(replace(entry, problem=strangers.describe(read)), version, folder=folder)


def finishing(entry: CheckpointEntry) -> dict[str, Json]:
    """How the pictures of a model that draws very small ones are finished, by paths of fields."""
    side = entry.defaults.get("width")
    if entry.problem or not isinstance(side, int) or side > SMALL_SIDE:
        return {}
    return {"finish.upscaler": FINISHER, "finish.scale": min(4.0, WANTED_SIDE / side)}


def _defaults(read: Header) -> dict[str, Json]:
    """What the file's own notes (ModelSpec) say about how to use it."""
    match = re.fullmatch(r"(\d{2,5})(?:\s*[x×]\s*(\d{2,5}))?", read.metadata.get("modelspec.resolution", "").strip())
    if not match:
        return {}
    width, height = int(match[1]), int(match[2] or match[1])
    return {"width": width, "height": height} if min(width, height) >= 8 and max(width, height) <= 8192 else {}


def _named_apart(found: list[Checkpoint]) -> list[Checkpoint]:
    """Two files may share a name but for the suffix: the first keeps it, the others show theirs."""
    taken: set[str] = set()
    result: list[Checkpoint] = []
    # Usable ones choose first.
    for checkpoint in sorted(found, key=lambda checkpoint: bool(checkpoint.entry.problem)):
        name = checkpoint.entry.name
        if name in taken:
            name = f"{name}{checkpoint.version.path.suffix if not checkpoint.folder else '/'}"
        base, number = name, 2
        while name in taken:
            name, number = f"{base} ({number})", number + 1
        taken.add(name)
        result.append(replace(checkpoint, entry=replace(checkpoint.entry, name=name)))
    result.sort(key=lambda checkpoint: (checkpoint.entry.name.casefold(), checkpoint.entry.name))
    return result
