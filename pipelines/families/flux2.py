"""FLUX.2 (Black Forest Labs 2025): dev and the small klein. Both look at reference pictures."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipelines.family import Variant
from pipelines.header import Header
from pipelines.pipeline_family import PLAIN_TEXT, PipelineFamily
from pipelines.pipeline_model import Way

KLEIN = "Flux2KleinPipeline"


def empirical_shift(tokens: int, steps: int) -> float:
    """The shift of FLUX.2: e to a line in the tokens, which for less than 200 steps lies between two such lines; the
    numbers are those of the family's own program."""
    many = 0.00016927 * tokens + 0.45666666
    if tokens > 4300:
        return math.exp(many)
    few = 8.73809524e-05 * tokens + 1.89833333
    slope = (many - few) / 190
    return math.exp(many - 200 * slope + slope * steps)


class Flux2(PipelineFamily):
    name = "flux2"
    title = "FLUX.2"
    tasks = ("text", "image", "inpaint", "edit")
    defaults = {"width": 1024, "height": 1024, "steps": 28, "guidance": 4.0, "sampler": "Euler"}
    lacks = {**PLAIN_TEXT, "negative": "FLUX.2 is guided without a negative prompt."}
    index = ("Flux2Pipeline", KLEIN)
    pipelines = {"text": "Flux2Pipeline", "edit": "Flux2Pipeline"}
    way = Way("tokens", "embedded", shift=empirical_shift)
    kind = "patch"

    def pipeline_names(self, header: Header) -> Mapping[str, str]:
        return dict.fromkeys(self.pipelines, KLEIN) if header.metadata.get("model_index") == KLEIN else self.pipelines

    def variant(self, header: Header, name: str) -> Variant:
        if header.metadata.get("model_index") != KLEIN:
            return Variant("FLUX.2 dev")
        distilled = "base" not in name.casefold()
        return Variant("FLUX.2 klein", defaults={"steps": 4, "guidance": 1.0} if distilled else {})

    def way_of(self, flow: Mapping[str, Any]) -> Way:
        return replace(self.way)


FAMILY = Flux2()
