"""Upscalers: what makes pictures larger here, by the names that people know."""

import os
import stat
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from PIL import Image

from pipelines.catalogue import AssetEntry
from pipelines.device import Device
from pipelines.filefacts import FileFacts
from pipelines.header import Version
from pipelines.passes import PLAIN_UPSCALERS
from pipelines.recipe import RecipeError
from pipelines.upscaling import networks, tiles
from pipelines.upscaling.described import Described
from pipelines.upscaling.networks import Network

PLAIN: Mapping[str, Image.Resampling] = MappingProxyType(
    dict(zip(PLAIN_UPSCALERS, (Image.Resampling.LANCZOS, Image.Resampling.NEAREST), strict=True))
)

KNOWN_FILES: Mapping[str, str] = MappingProxyType(
    {
        "realesrgan_x4plus": "R-ESRGAN 4x+",
        "realesrgan_x4plus_anime_6b": "R-ESRGAN 4x+ Anime6B",
        "realesrgan_x2plus": "R-ESRGAN 2x+",
        "realesr-animevideov3": "R-ESRGAN AnimeVideo",
        "realesr-general-x4v3": "R-ESRGAN General 4xV3",
        "realesr-general-wdn-x4v3": "R-ESRGAN General WDN 4xV3",
        "esrgan_4x": "ESRGAN_4x",
        "esrgan": "ESRGAN_4x",
        "swinir_4x": "SwinIR 4x",
        "scunet_color_real_gan": "ScuNET GAN",
        "scunet_color_real_psnr": "ScuNET PSNR",
        "dat_x2": "DAT x2",
        "dat_x3": "DAT x3",
        "dat_x4": "DAT x4",
    }
)
"""Names under which other programs list well-known files, which old pictures carry."""

_ROUNDS = 3
"""A network is applied again while the picture is too small: as often as this at most."""

Progress = Generator[tuple[int, int], None, Image.Image]
"""Yields (tiles done, of how many); ends with the picture."""


class Upscalers:
    """Those built in, and the files of one folder. The last network used stays in memory."""

    def __init__(
        self,
        folder: Path,
        facts: FileFacts,
        device: Device,
        changed: Callable[[], None],
        building: threading.Lock | None = None,
    ) -> None:
        """facts: where it is kept what was found out; changed: called from a thread when more is known of a file.

        building -- held while a network is built in that thread
        """
        self._folder = folder
        self._device = device
        self._lock = threading.Lock()
        self._files: dict[str, Version] = {}
        self._broken: tuple[AssetEntry, ...] = ()
        self._facts = Described(facts, changed, building or threading.Lock())
        self._held: tuple[Version, Network] | None = None

    def scan(self) -> None:
        """Look at the folder again."""
        files: dict[str, Version] = {}
        broken: list[AssetEntry] = []
        for path in _candidates(self._folder):
            name = KNOWN_FILES.get(path.stem.casefold(), path.stem).encode("utf-8", "replace").decode()
            name = name if name not in files else path.name.encode("utf-8", "replace").decode()
            try:
                facts = path.stat()
                if not stat.S_ISREG(facts.st_mode):
                    raise OSError(0, "it is no file")
                files[name] = Version(path, facts.st_size, facts.st_mtime_ns)
            except OSError as error:
                problem = f"It cannot be read: {error.strerror or error}."
                broken.append(AssetEntry("upscaler", name, _shown(path), 0, problem=problem))
        with self._lock:
            self._files, self._broken = files, tuple(broken)
        self._facts.want(files.values())

    def entries(self) -> tuple[AssetEntry, ...]:
        """Built in ones first. Those not looked into yet tell no scale."""
        with self._lock:
            files, broken = dict(self._files), self._broken
        found = [AssetEntry("upscaler", name, "", 0, facts={"built_in": True}) for name in PLAIN]
        for name, version in files.items():
            known = self._facts.get(version)
            problem = str(known.pop("problem", ""))
            path = _shown(version.path)
            found.append(AssetEntry("upscaler", name, path, version.bytes, problem=problem, facts=known))
        return (*found, *broken)

    def check(self, name: str, field: str = "upscaler") -> None:
        """Raise RecipeError for a name that cannot be used. "" and "None" are those of no upscaler."""
        if not name or name == "None" or name in PLAIN:
            return
        entry = next((entry for entry in self.entries() if entry.name == name), None)
        if entry is None:
            known = ", ".join(found.name for found in self.entries() if not found.problem)
            raise RecipeError(field, f"There is no upscaler '{name}'. Known are: {known}.")
        if entry.problem:
            raise RecipeError(field, f"The upscaler '{name}' cannot be used. {entry.problem}")

    def tiles(self, name: str, width: int, height: int) -> int:
        """About how many steps `enlarged` will report for a picture of that size."""
        return tiles.count(width, height) if name in self._files else 0

    def enlarged(self, image: Image.Image, name: str, width: int, height: int, light: bool = False) -> Progress:
        """An RGB picture at width x height. A network makes it large enough; Lanczos does what remains.

        light -- with least memory
        Raises UpscalerError, or torch's errors for memory.
        """
        if name in self._files and (image.width < width or image.height < height):
            network = self._network(name)
            for _ in range(_ROUNDS):
                image = yield from tiles.enlarged(
                    image, network, network.scale, tiles.SIDE // 3 if light else tiles.SIDE
                )
                if network.scale == 1 or (image.width >= width and image.height >= height):
                    break
        if image.size == (width, height):
            return image
        return image.resize((width, height), PLAIN.get(name, Image.Resampling.LANCZOS))

    def clear(self) -> None:
        """Give the memory back."""
        self._held = None

    def close(self) -> None:
        """Stop the background work."""
        self._facts.close()
        self.clear()

    def _network(self, name: str) -> Network:
        version = self._files[name]
        if self._held is None or self._held[0] != version:
            self._held = None
            self._held = version, networks.load(version.path, self._device)
        return self._held[1]


def _candidates(folder: Path) -> Iterator[Path]:
    """Files of weights below a folder, by name; links are followed, circles are not."""
    seen: set[tuple[int, int]] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        facts = os.stat(place)
        if (facts.st_dev, facts.st_ino) in seen:
            folders.clear()
            continue
        seen.add((facts.st_dev, facts.st_ino))
        folders.sort()
        for file in sorted(files):
            if not file.startswith(".") and Path(file).suffix.lower() in networks.SUFFIXES:
                yield Path(place) / file


def _shown(path: Path) -> str:
    return str(path).encode("utf-8", "replace").decode()
