"""Cutout: makes a plain background transparent, by a flood from the edges: no model, and no help with busy ones."""

from dataclasses import dataclass
from typing import Annotated

from pipelines.recipe import Label, Range
from webui.extension import Extension, Registry


@dataclass(frozen=True)
class Options:
    tolerance: Annotated[
        int, Range(1, 100, 1), Label("Tolerance", "How far the background's colours may differ from those at its edge.")
    ] = 24


def setup(registry: Registry) -> None:
    registry.panel(Options)
    registry.finish("cutting:finish")


EXTENSION = Extension(
    title="Cutout",
    version="1.0",
    setup=setup,
    description="Makes a plain background transparent",
    on=False,
)
