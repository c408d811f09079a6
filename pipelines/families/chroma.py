"""Chroma (lodestones 2025): FLUX.1 without CLIP, trained for guidance with a negative prompt."""

from pathlib import Path
from typing import Any

import torch

from pipelines import preview
from pipelines.flux_file import components
from pipelines.flux_layout import CHROMA_MARK, prefix_of
from pipelines.header import Header
from pipelines.pipeline_family import PipelineFamily
from pipelines.pipeline_model import Way
from pipelines.preview import LatentColours


class Chroma(PipelineFamily):
    name = "chroma"
    title = "Chroma"
    defaults = {"width": 1024, "height": 1024, "steps": 30, "guidance": 4.0, "sampler": "Euler"}
    index = ("ChromaPipeline",)
    pipelines = {"text": "ChromaPipeline"}
    way = Way("squares", shift=lambda tokens, steps: 1.0)

    def detect(self, header: Header) -> bool:
        return super().detect(header) or prefix_of(header, CHROMA_MARK) is not None

    def from_file(self, path: Path, header: Header, dtype: torch.dtype) -> dict[str, Any]:
        return components(path, header, prefix_of(header) or "", dtype, self.title)

    def usual(self) -> LatentColours:
        return preview.flux_colours()


FAMILY = Chroma()
