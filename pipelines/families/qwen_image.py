"""Qwen-Image (Alibaba 2025), and Qwen-Image-Edit, which looks at reference pictures."""

from collections.abc import Mapping

from pipelines.family import Variant
from pipelines.header import Header
from pipelines.pipeline_family import PipelineFamily
from pipelines.pipeline_model import Way
from pipelines.schedules import dynamic_shift

EDIT, EDIT_PLUS = "QwenImageEditPipeline", "QwenImageEditPlusPipeline"


class QwenImage(PipelineFamily):
    name = "qwen-image"
    title = "Qwen-Image"
    defaults = {"width": 1328, "height": 1328, "steps": 30, "guidance": 4.0, "sampler": "Euler"}
    index = ("QwenImagePipeline", EDIT, EDIT_PLUS)
    pipelines = {"text": "QwenImagePipeline"}
    way = Way("squares", "true", shift=lambda tokens, steps: dynamic_shift(tokens, 256, 8192, 0.5, 0.9), terminal=0.02)
    kind = "frame"

    def pipeline_names(self, header: Header) -> Mapping[str, str]:
        index = header.metadata.get("model_index", "")
        return {"edit": index} if index in (EDIT, EDIT_PLUS) else self.pipelines

    def variant(self, header: Header, name: str) -> Variant:
        return Variant("Qwen-Image-Edit", ("edit",)) if "edit" in self.pipeline_names(header) else Variant()


FAMILY = QwenImage()
