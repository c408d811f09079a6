"""No test of the pipelines may reach for the network."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch

from pipelines.runner import Runner
from tests.pipelines import tiny


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **named: Any) -> NoReturn:
        raise AssertionError("The network was asked for.")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small are quicker so, above all on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder: checkpoints/tiny.safetensors and the same as a diffusers folder, checkpoints/sub/tiny-folder."""
    root = tmp_path_factory.mktemp("models")
    file = tiny.write_file(root / "checkpoints" / "tiny.safetensors", metadata={"modelspec.resolution": "64x64"})
    tiny.write_folder(root / "checkpoints" / "sub" / "tiny-folder", file)
    tiny.write_file(root / "checkpoints" / "tiny-v.safetensors", seed=1, v=True)
    return root


@pytest.fixture(scope="session")
def runner(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    runner = Runner(models, tmp_path_factory.mktemp("cache"), device="cpu", dtype="float32")
    yield runner
    runner.close()
