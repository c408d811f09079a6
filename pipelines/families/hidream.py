"""HiDream-I1 (HiDream.ai 2025): full, dev and fast."""

from pipelines import preview
from pipelines.family import Variant
from pipelines.header import Header
from pipelines.pipeline_family import PipelineFamily
from pipelines.pipeline_model import Way
from pipelines.preview import LatentColours


class HiDream(PipelineFamily):
    name = "hidream"
    title = "HiDream-I1"
    defaults = {"width": 1024, "height": 1024, "steps": 50, "guidance": 5.0, "sampler": "Euler"}
    index = ("HiDreamImagePipeline",)
    pipelines = {"text": "HiDreamImagePipeline"}
    way = Way(shift=lambda tokens, steps: 3.0)

    def usual(self) -> LatentColours:
        return preview.flux_colours()

    def variant(self, header: Header, name: str) -> Variant:
        for kind, steps in (("fast", 16), ("dev", 28)):
            if kind in name.casefold():
                return Variant(f"HiDream-I1 {kind}", defaults={"steps": steps, "guidance": 1.0})
        return Variant()


FAMILY = HiDream()
