"""Engines of all three kinds over one tiny checkpoint."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pipelines import tiny
from webui.engines.base import Engine, EngineStatus
from webui.engines.child import Launch
from webui.engines.fake import FakeEngine
from webui.engines.inline import InlineEngine
from webui.engines.messages import Setup
from webui.engines.process import ProcessEngine

PATIENCE = 120.0


class Ready:
    """Waits for an engine's phases; keeps every status that was announced."""

    def __init__(self) -> None:
        self.seen: list[EngineStatus] = []
        self._changed = threading.Condition()

    def __call__(self, status: EngineStatus) -> None:
        with self._changed:
            self.seen.append(status)
            self._changed.notify_all()

    def wait(self, phase: str, after: int = 0) -> EngineStatus:
        """The first status of that phase among those announced after the first `after`."""

        def found() -> list[EngineStatus]:
            return [status for status in self.seen[after:] if status.phase == phase]

        with self._changed:
            assert self._changed.wait_for(found, PATIENCE), f"never {phase}: {[s.phase for s in self.seen]}"
            return found()[0]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with one tiny random checkpoint."""
    folder = tmp_path_factory.mktemp("models")
    tiny.write_file(folder / "checkpoints" / "tiny.safetensors")
    return folder


@pytest.fixture
def setup(models: Path, tmp_path: Path) -> Setup:
    return Setup(models, tmp_path / "cache", "cpu")


@pytest.fixture
def process(setup: Setup, tmp_path: Path) -> Iterator[tuple[ProcessEngine, Ready]]:
    """A started process engine that gives a deaf job half a second."""
    engine = ProcessEngine(Launch(setup, tmp_path / "engine.log"), grace=0.5, loading_grace=0.5)
    ready = Ready()
    engine.start(ready)
    ready.wait("ready")
    yield engine, ready
    engine.close()


@pytest.fixture(params=["fake", "inline", "process"])
def engine(request: pytest.FixtureRequest, setup: Setup, tmp_path: Path) -> Iterator[Engine]:
    """Each of the three, started and ready."""
    makers: dict[str, Callable[[], Engine]] = {
        "fake": lambda: FakeEngine(step_seconds=0.01),
        "inline": lambda: InlineEngine(setup),
        "process": lambda: ProcessEngine(Launch(setup, tmp_path / "engine.log")),
    }
    made, ready = makers[request.param](), Ready()
    made.start(ready)
    ready.wait("ready")
    yield made
    made.close()
