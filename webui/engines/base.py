"""Engine: the one joint between the web and the pipelines."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from pipelines.catalogue import Catalogue
from pipelines.events import Event
from pipelines.picture import Picture
from pipelines.recipe import ImageRef, Recipe
from webui.addons.loading import Trouble
from webui.addons.watching import Deed

Phase = Literal["starting", "ready", "restarting", "failed", "closed"]


@dataclass(frozen=True)
class EngineStatus:
    """catalogue: the last one announced; it stays readable while the engine restarts. message: for the user.

    troubles -- add-ons that failed in the engine; deeds: what add-ons were seen to do there
    """

    phase: Phase
    catalogue: Catalogue | None = None
    message: str = ""
    troubles: tuple[Trouble, ...] = ()
    deeds: tuple[Deed, ...] = ()


class Engine(Protocol):
    """Runs one job at a time.

    Every run ends with exactly one Finished, Cancelled or Failed event, whatever happens to the engine; an
    engine that can die is ready again for the next run. `run` may be called before the engine is ready: it
    waits. `cancel` of a job that is not running does nothing, so a cancel that comes late never hits another job.
    """

    def start(self, announce: Callable[[EngineStatus], None]) -> None:
        """Begin starting; returns at once. `announce` is called from any thread at every change of status."""
        ...

    @property
    def status(self) -> EngineStatus: ...

    def run(self, job: str, recipe: Recipe, images: Mapping[ImageRef, Picture]) -> Iterator[Event]: ...

    def cancel(self, job: str) -> None: ...

    def kill(self, job: str) -> None:
        """End the job now, without waiting for the engine to answer."""
        ...

    def rescan(self) -> None:
        """Look at the models folder again; the new catalogue is announced."""
        ...

    def unload(self) -> None:
        """Give back the memory of loaded models, after the job in hand. The next job loads what it needs."""
        ...

    def close(self) -> None:
        """Give everything back; returns when the engine is gone."""
        ...
