"""Chroma (lodestones 2025): FLUX.1 without CLIP, trained for guidance with a negative prompt."""

from pipelines import preview
from pipelines.pipeline_family import PipelineFamily
from pipelines.pipeline_model import Way
from pipelines.preview import LatentColours


class Chroma(PipelineFamily):
    name = "chroma"
    title = "Chroma"
    defaults = {"width": 1024, "height": 1024, "steps": 30, "guidance": 4.0, "sampler": "Euler"}  # noqa: RUF012
    index = ("ChromaPipeline",)
    pipelines = {"text": "ChromaPipeline"}  # noqa: RUF012
    way = Way("squares", shift=lambda tokens, steps: 1.0)

    def usual(self) -> LatentColours:
        return preview.flux_colours()


FAMILY = Chroma()
