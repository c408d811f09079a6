"""Loaded models stay within their budget and follow their files."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from pipelines.device import Device
from pipelines.family import Family, Model, Order
from pipelines.header import Header, Version
from pipelines.loading import Shelf
from pipelines.preview import LatentColours, fitted

HEADER = Header({})


class Weight(Model):
    side_step = 8

    def __init__(self, size: int) -> None:
        self.bytes = size

    def steps(self, order: Order) -> int:
        raise NotImplementedError

    def draw(self, *arguments: Any) -> Generator[Any, None, torch.Tensor]:
        raise NotImplementedError

    def encode(self, *arguments: Any) -> torch.Tensor:
        raise NotImplementedError

    def decode(self, *arguments: Any) -> list[Image.Image]:
        raise NotImplementedError


class Weights(Family):
    name, title = "weights", "Weights"

    def __init__(self) -> None:
        self.loaded: list[str] = []

    def detect(self, header: Header) -> bool:
        return True

    def load(self, path: Path, header: Header, device: Device) -> Model:
        self.loaded.append(path.name)
        return Weight(40)


def shelf(budget: int) -> tuple[Shelf, Weights]:
    return Shelf(Device("cpu", torch.float32, ""), budget), Weights()


def version(name: str, changed: int = 0) -> Version:
    return Version(Path(name), 40, changed)


def test_what_fits_stays_and_the_longest_unused_goes() -> None:
    models, family = shelf(100)
    for name in ("a", "b", "a", "c", "a", "b"):
        models.get(version(name), family, HEADER)
    assert family.loaded == ["a", "b", "c", "b"]


def test_the_model_in_use_stays_even_beyond_the_budget() -> None:
    models, family = shelf(10)
    models.get(version("a"), family, HEADER)
    assert models.holds(version("a"))
    models.get(version("b"), family, HEADER)
    assert not models.holds(version("a"))


def test_a_changed_file_is_loaded_again() -> None:
    models, family = shelf(100)
    first = models.get(version("a"), family, HEADER)
    assert models.get(version("a", changed=1), family, HEADER) is not first
    assert not models.holds(version("a"))


def test_room_is_made_when_loading_runs_out_of_memory() -> None:
    models, family = shelf(1000)
    models.get(version("a"), family, HEADER)

    class Tight(Weights):
        def load(self, path: Path, header: Header, device: Device) -> Model:
            if models.holds(version("a")):
                raise torch.OutOfMemoryError
            return super().load(path, header, device)

    models.get(version("b"), Tight(), HEADER)
    assert models.holds(version("b"))


def test_the_preview_map_is_found_from_the_decoder() -> None:
    """A decoder that is linear is found exactly."""
    matrix, offset = torch.randn(3, 4, generator=torch.Generator().manual_seed(1)) * 0.2, torch.tensor([0.1, 0.0, -0.2])

    def decode(latent: torch.Tensor) -> torch.Tensor:
        colours = torch.einsum("rc,bchw->brhw", matrix, latent) + offset[:, None, None]
        return torch.nn.functional.interpolate(colours, scale_factor=8, mode="nearest")

    latent = torch.randn(4, 5, 7, generator=torch.Generator().manual_seed(2))
    wanted = LatentColours(matrix.T, offset).picture(latent)
    found = fitted(decode, 4).picture(latent)
    assert (found.width, found.height, found.mode) == (7, 5, "RGB")
    assert max(abs(a - b) for a, b in zip(found.pixels, wanted.pixels, strict=True)) <= 1
