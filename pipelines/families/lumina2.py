"""Lumina-Image 2.0 (Alpha-VLLM 2025), and what was trained from it, as Neta Lumina."""

from pipelines import preview
from pipelines.pipeline_family import PipelineFamily
from pipelines.pipeline_model import Way
from pipelines.preview import LatentColours


class Lumina2(PipelineFamily):
    name = "lumina2"
    title = "Lumina 2"
    defaults = {"width": 1024, "height": 1024, "steps": 30, "guidance": 4.0, "sampler": "Euler"}
    index = ("Lumina2Pipeline", "Lumina2Text2ImgPipeline")
    pipelines = {"text": "Lumina2Pipeline"}
    way = Way(shift=lambda tokens, steps: 6.0)

    def usual(self) -> LatentColours:
        return preview.flux_colours()


FAMILY = Lumina2()
