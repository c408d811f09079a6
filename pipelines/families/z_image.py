"""Z-Image (Tongyi-MAI 2025): base and Turbo."""

from pipelines import preview
from pipelines.family import Variant
from pipelines.header import Header
from pipelines.pipeline_family import PipelineFamily
from pipelines.pipeline_model import Way
from pipelines.preview import LatentColours


class ZImage(PipelineFamily):
    name = "z-image"
    title = "Z-Image"
    defaults = {"width": 1024, "height": 1024, "steps": 28, "guidance": 4.0, "sampler": "Euler"}
    index = ("ZImagePipeline",)
    pipelines = {"text": "ZImagePipeline"}
    way = Way(shift=lambda tokens, steps: 3.0)

    def usual(self) -> LatentColours:
        return preview.flux_colours()

    def variant(self, header: Header, name: str) -> Variant:
        if "turbo" in name.casefold():
            return Variant("Z-Image Turbo", defaults={"steps": 9, "guidance": 1.0})
        return Variant()


FAMILY = ZImage()
