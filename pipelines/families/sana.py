"""Sana (Xie et al. 2024)."""

from pipelines.pipeline_family import PipelineFamily
from pipelines.pipeline_model import Way


class Sana(PipelineFamily):
    name = "sana"
    title = "Sana"
    defaults = {"width": 1024, "height": 1024, "steps": 20, "guidance": 4.5, "sampler": "Euler"}
    index = ("SanaPipeline",)
    pipelines = {"text": "SanaPipeline"}
    way = Way(shift=lambda tokens, steps: 3.0, more={"use_resolution_binning": False, "clean_caption": False})
    kind = "deep"
    shifted = False
    side_step = 32


FAMILY = Sana()
