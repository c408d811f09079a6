"""Pastel: softens the contrast while a picture is drawn, by a wrapper around the denoiser."""

from dataclasses import dataclass
from typing import Annotated

from pipelines.recipe import Label, Range
from webui.extension import Extension, Registry


@dataclass(frozen=True)
class Options:
    softness: Annotated[float, Range(0, 0.5, 0.01), Label("Softness", "How much of the contrast is taken back.")] = 0.1


def setup(registry: Registry) -> None:
    registry.panel(Options)
    registry.denoise("softening:denoise")


EXTENSION = Extension(
    title="Pastel", version="1.0", setup=setup, description="Softens the contrast while a picture is drawn", on=False
)
