"""Stable Diffusion 3 and 3.5 (Esser et al. 2024)."""

from pipelines import preview
from pipelines.pipeline_family import PipelineFamily
from pipelines.pipeline_model import Way
from pipelines.preview import LatentColours


class StableDiffusion3(PipelineFamily):
    name = "sd3"
    title = "Stable Diffusion 3"
    defaults = {"width": 1024, "height": 1024, "steps": 28, "guidance": 4.5, "sampler": "Euler"}
    index = ("StableDiffusion3Pipeline",)
    pipelines = {"text": "StableDiffusion3Pipeline"}
    way = Way(shift=lambda tokens, steps: 3.0)

    def usual(self) -> LatentColours:
        return preview.sd3_colours()


FAMILY = StableDiffusion3()
