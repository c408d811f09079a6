"""What goes between the web process and the worker: frozen messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.catalogue import Catalogue
from pipelines.events import Event
from pipelines.picture import Picture
from pipelines.recipe import ImageRef, Recipe
from webui.addons.loading import Loaded, Trouble
from webui.addons.watching import Deed


@dataclass(frozen=True)
class Setup:
    """The first message to a worker. device, dtype: "" lets the worker choose.

    extensions -- the folder whose folders are add-ons; addons: those with something to do in the worker
    """

    models: Path
    cache: Path
    device: str = ""
    dtype: str = ""
    extensions: Path = Path()
    addons: tuple[Loaded, ...] = ()

    def arguments(self) -> tuple[Path, Path, str | None, str | None]:
        """What a Runner takes."""
        return self.models, self.cache, self.device or None, self.dtype or None


@dataclass(frozen=True)
class Run:
    job: str
    recipe: Recipe
    images: Mapping[ImageRef, Picture]


@dataclass(frozen=True)
class Cancel:
    job: str


@dataclass(frozen=True)
class Rescan:
    pass


@dataclass(frozen=True)
class Unload:
    """Give back the memory of the models."""


@dataclass(frozen=True)
class Close:
    pass


@dataclass(frozen=True)
class Announce:
    """The worker is ready, or its catalogue has changed."""

    catalogue: Catalogue


@dataclass(frozen=True)
class Inside:
    """An add-on's code runs from here on, at most for so many seconds. "": our own again."""

    addon: str
    patience: float = 0.0


Message = Setup | Run | Cancel | Rescan | Unload | Close | Announce | Inside | Trouble | Deed | Event
