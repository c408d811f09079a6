"""Kandinsky 5.0 Image (Sber AI 2025), text to image."""

from pipelines import preview
from pipelines.pipeline_family import PipelineFamily
from pipelines.pipeline_model import Way
from pipelines.preview import LatentColours


class Kandinsky5(PipelineFamily):
    name = "kandinsky5"
    title = "Kandinsky 5"
    defaults = {"width": 1024, "height": 1024, "steps": 50, "guidance": 3.5, "sampler": "Euler"}
    index = ("Kandinsky5T2IPipeline",)
    pipelines = {"text": "Kandinsky5T2IPipeline"}
    way = Way("frames", shift=lambda tokens, steps: 3.0)
    shifted = False

    def usual(self) -> LatentColours:
        return preview.flux_colours()


FAMILY = Kandinsky5()
