"""Library of assets: what was found at the last scan."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.assets import beside
from pipelines.assets.described import Described, describe, from_text
from pipelines.assets.folders import FOLDERS, File, files
from pipelines.catalogue import AssetEntry, AssetKind
from pipelines.filefacts import FileFacts
from pipelines.hashes import Extent, Hashes
from pipelines.header import Version

_TOPIC = "asset, form 1, "
"""Another number when what `described` tells changes: then everything is looked at again."""

_DIGITS: Mapping[AssetKind, int] = {"lora": 12, "embedding": 12}
"""Of hashes in the parameters text; 10 for the other kinds."""


@dataclass(frozen=True)
class Asset:
    """aliases: other names that it goes by."""

    entry: AssetEntry
    version: Version
    aliases: tuple[str, ...] = ()


class Assets:
    def __init__(self, models: Path, facts: FileFacts, hashes: Hashes) -> None:
        self._models = models
        self._facts = facts
        self._hashes = hashes
        self._known: dict[AssetKind, dict[Version, Described]] = {}
        self._found: tuple[Asset, ...] = ()
        self._index: dict[tuple[AssetKind, str], list[Asset]] = {}

    def entries(self) -> tuple[AssetEntry, ...]:
        return tuple(self._hashed(asset) for asset in self._found)

    def scan(self) -> None:
        """Look at the folders again. Never raises."""
        self._found = tuple(asset for kind in FOLDERS for asset in self._scanned(kind))
        index: defaultdict[tuple[AssetKind, str], list[Asset]] = defaultdict(list)
        for asset in self._found:
            for name in {asset.entry.name, *asset.aliases, asset.entry.name.casefold()}:
                index[asset.entry.kind, name].append(asset)
        self._index = dict(index)

    def find(self, kind: AssetKind, name: str) -> Asset | None:
        """By name, else by an alias that only one has, else by a name in other upper and lower case."""
        found = self._index.get((kind, name)) or self._index.get((kind, name.casefold())) or []
        exact = [asset for asset in found if asset.entry.name == name]
        fitting = exact or found
        return fitting[0] if len(fitting) == 1 else None

    def beside(self, checkpoint: Path) -> Asset | None:
        """The VAE that lies next to a checkpoint and bears its name, or has that name in the folder of VAEs."""
        stem = f"{checkpoint.stem}.vae"
        found = [asset for asset in self.usable("vae") if asset.version.path.stem == stem]
        return next((asset for asset in found if asset.version.path.parent == checkpoint.parent), None) or next(
            iter(found), None
        )

    def usable(self, kind: AssetKind) -> Iterator[Asset]:
        return (asset for asset in self._found if asset.entry.kind == kind and not asset.entry.problem)

    def unhashed(self) -> tuple[list[Version], list[Version]]:
        """Files whose hash is not known: those of which the whole counts, and those of which the tensors do."""
        whole: list[Version] = []
        tensors: list[Version] = []
        for asset in self._found:
            if not asset.entry.hash and not asset.entry.problem:
                (tensors if _extent(asset) == "tensors" else whole).append(asset.version)
        return whole, tensors

    def hash(self, asset: Asset) -> str:
        """The digits of the parameters text, worked out at once where they are not known."""
        return asset.entry.hash or self._hashes.now(asset.version, _extent(asset))[: _digits(asset)]

    def _hashed(self, asset: Asset) -> AssetEntry:
        if asset.entry.hash or asset.entry.problem:
            return asset.entry
        return replace(asset.entry, hash=self._hashes.get(asset.version, _extent(asset))[: _digits(asset)])

    def _scanned(self, kind: AssetKind) -> list[Asset]:
        if kind not in self._known:
            self._known[kind] = _remembered(self._facts.known(_TOPIC + kind))
        known, new = self._known[kind], dict[Version, Described]()
        found: list[tuple[File, Described]] = []
        for file in files(self._models, kind):
            key = file.version._replace(path=file.version.path.absolute())
            told = known.get(key) or new.get(key)
            if told is None:
                told = new[key] = describe(kind, file.version.path)
            found.append((file, told))
        known.update(new)
        self._facts.keep(_TOPIC + kind, {version: told.text() for version, told in new.items()})
        return _named_apart(kind, found)


def _remembered(texts: Mapping[Version, str]) -> dict[Version, Described]:
    found: dict[Version, Described] = {}
    for version, text in texts.items():
        try:
            found[version] = from_text(text)
        except (ValueError, TypeError, KeyError):
            continue
    return found


def _named_apart(kind: AssetKind, found: Iterable[tuple[File, Described]]) -> list[Asset]:
    """By the file's name without its suffix. Where two have the same, the second has its folder in front."""
    taken: set[str] = set()
    assets: list[Asset] = []
    # Usable ones choose first.
    for file, told in sorted(found, key=lambda item: bool(item[1].problem)):
        stem = os.fsencode(file.version.path.stem).decode("utf-8", "replace")
        longer = f"{file.folder}/{stem}" if file.folder else stem
        name = next(
            (name for name in (stem, longer, f"{longer}{file.version.path.suffix}") if name not in taken), longer
        )
        taken.add(name)
        assets.append(_asset(kind, name, file, told))
    assets.sort(key=lambda asset: (asset.entry.name.casefold(), asset.entry.name))
    return assets


def _asset(kind: AssetKind, name: str, file: File, told: Described) -> Asset:
    notes = beside.notes(file)
    preview = beside.preview(file)
    facts = {**told.facts, **notes}
    family = told.family or str(facts.pop("family", ""))
    facts.pop("family", None)
    if file.folder:
        facts["folder"] = file.folder
    if preview is not None:
        facts["preview"] = str(preview)
    if told.aliases:
        facts["alias"] = told.aliases[0]
    path = os.fsencode(file.version.path).decode("utf-8", "replace")
    entry = AssetEntry(kind, name, path, file.version.bytes, family, told.hash, told.problem, facts)
    aliases = (*told.aliases, f"{file.folder}/{file.version.path.stem}") if file.folder else told.aliases
    return Asset(entry, file.version, aliases)


def _extent(asset: Asset) -> Extent:
    lora = asset.entry.kind == "lora" and asset.version.path.suffix.lower() == ".safetensors"
    return "tensors" if lora else "file"


def _digits(asset: Asset) -> int:
    return _DIGITS.get(asset.entry.kind, 10)
