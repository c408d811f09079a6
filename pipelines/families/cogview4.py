"""CogView 4 (Zhipu AI 2025)."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipelines.pipeline_family import PipelineFamily
from pipelines.pipeline_model import Way


class CogView4(PipelineFamily):
    name = "cogview4"
    title = "CogView 4"
    defaults = {"width": 1024, "height": 1024, "steps": 50, "guidance": 3.5, "sampler": "Euler"}
    index = ("CogView4Pipeline",)
    pipelines = {"text": "CogView4Pipeline"}
    # Other than FLUX's, its shift grows with the root of the picture's area.
    way = Way(shift=lambda tokens, steps: math.sqrt(tokens / 256) * 0.75 + 0.25)
    shifted = False

    def way_of(self, flow: Mapping[str, Any]) -> Way:
        return replace(self.way)


FAMILY = CogView4()
