"""Assets: what lies beside the checkpoints in the models folder — LoRA and the like — told by headers alone."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from pipelines import header
from pipelines.catalogue import AssetEntry, AssetKind
from pipelines.header import HeaderError, Version

FOLDERS: Mapping[AssetKind, tuple[str, ...]] = MappingProxyType({"lora": ("loras", "lora", "lycoris")})
"""Names of folders in the models folder, in whatever case; other programs call theirs so."""


@dataclass(frozen=True)
class Asset:
    """aliases: other names that it goes by."""

    entry: AssetEntry
    version: Version
    aliases: tuple[str, ...] = ()


class Assets:
    def __init__(self, models: Path) -> None:
        self._models = models
        self._found: tuple[Asset, ...] = ()

    def entries(self) -> tuple[AssetEntry, ...]:
        return tuple(asset.entry for asset in self._found)

    def scan(self) -> None:
        """Look at the folders again. Never raises."""
        self._found = tuple(_asset("lora", path) for path in _files(self._models, FOLDERS["lora"]))

    def find(self, kind: AssetKind, name: str) -> Asset | None:
        """By name, else by an alias that only one has, else by a name in other upper and lower case."""
        found = [asset for asset in self._found if asset.entry.kind == kind]
        lower = name.casefold()
        by_name = [asset for asset in found if asset.entry.name == name]
        by_alias = [asset for asset in found if name in asset.aliases]
        by_letters = [asset for asset in found if asset.entry.name.casefold() == lower]
        return next((fitting[0] for fitting in (by_name, by_alias, by_letters) if len(fitting) == 1), None)


def _files(models: Path, names: tuple[str, ...]) -> Iterator[Path]:
    for folder in sorted(models.iterdir()) if models.is_dir() else ():
        if folder.name.casefold() in names:
            for place, _, files in os.walk(folder, followlinks=True):
                yield from (Path(place, file) for file in sorted(files) if file.endswith(".safetensors"))


def _asset(kind: AssetKind, path: Path) -> Asset:
    facts = path.stat()
    version = Version(path, facts.st_size, facts.st_mtime_ns)
    try:
        read = header.read(path)
    except HeaderError as error:
        return Asset(AssetEntry(kind, path.stem, str(path), version.bytes, problem=f"The file {error}"), version)
    alias = read.metadata.get("ss_output_name", "")
    return Asset(AssetEntry(kind, path.stem, str(path), version.bytes), version, (alias,) if alias else ())
