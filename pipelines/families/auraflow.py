"""AuraFlow (fal 2024), and what was trained from it, as Pony v7."""

from pipelines.pipeline_family import PipelineFamily
from pipelines.pipeline_model import Way


class AuraFlow(PipelineFamily):
    name = "auraflow"
    title = "AuraFlow"
    defaults = {"width": 1024, "height": 1024, "steps": 30, "guidance": 3.5, "sampler": "Euler"}
    index = ("AuraFlowPipeline",)
    pipelines = {"text": "AuraFlowPipeline"}
    way = Way(shift=lambda tokens, steps: 1.73)
    shifted = False


FAMILY = AuraFlow()
