"""What several test folders share: a store, a service on the fake engine, pictures."""

import os
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from webui.engines.fake import FakeEngine
from webui.jobs.journal import Journal
from webui.jobs.service import JobService
from webui.store.images import ImageStore


def pytest_configure() -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the worker has it; read when torch is loaded


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ImageStore]:
    made = ImageStore(tmp_path / "outputs", tmp_path / "cache" / "inputs", tmp_path / "cache" / "index.sqlite")
    yield made
    made.close()


@pytest.fixture
def make_service(tmp_path: Path, store: ImageStore) -> Iterator[Callable[..., JobService]]:
    """Makes started services over one journal folder; all are closed at the end."""
    made: list[JobService] = []

    def make(engine: FakeEngine | None = None, queue_limit: int = 200) -> JobService:
        service = JobService(engine or FakeEngine(), store, Journal(tmp_path / "jobs"), queue_limit)
        service.start()
        made.append(service)
        return service

    yield make
    for service in made:
        service.close()


@pytest.fixture
def service(make_service: Callable[..., JobService]) -> JobService:
    started = make_service()
    started.wait_for_engine()
    return started


def png_bytes(width: int = 64, height: int = 48, colour: tuple[int, ...] = (200, 30, 30), mode: str = "RGB") -> bytes:
    out = BytesIO()
    Image.new(mode, (width, height), colour if mode != "L" else colour[0]).save(out, "PNG")
    return out.getvalue()
