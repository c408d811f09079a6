"""FLUX.1 (Black Forest Labs 2024): dev, schnell, Fill (inpainting) and Kontext (editing)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from pipelines import preview
from pipelines.family import Variant
from pipelines.flux_file import components
from pipelines.flux_layout import CHROMA_MARK, PREFIXES, prefix_of
from pipelines.header import Header
from pipelines.pipeline_family import PLAIN_TEXT, PipelineFamily
from pipelines.pipeline_model import Way
from pipelines.preview import LatentColours
from pipelines.schedules import dynamic_shift

NO_NEGATIVE = "FLUX.1 is guided without a negative prompt."


class Flux(PipelineFamily):
    name = "flux"
    title = "FLUX.1"
    defaults = {"width": 1024, "height": 1024, "steps": 24, "guidance": 3.5, "sampler": "Euler"}
    lacks = {**PLAIN_TEXT, "negative": NO_NEGATIVE}
    index = ("FluxPipeline", "FluxFillPipeline", "FluxKontextPipeline")
    pipelines = {"text": "FluxPipeline"}
    way = Way("squares", "embedded", shift=lambda tokens, steps: dynamic_shift(tokens))

    def usual(self) -> LatentColours:
        return preview.flux_colours()

    def detect(self, header: Header) -> bool:
        prefix = prefix_of(header)
        flux = prefix is not None and prefix + CHROMA_MARK not in header.tensors
        return super().detect(header) or (flux and header.has(f"{prefix}vector_in."))

    def problem(self, header: Header) -> str:
        prefix = prefix_of(header)
        inputs = header.shape(f"{prefix}img_in.weight") if prefix is not None else None
        if inputs is not None and len(inputs) == 2 and inputs[1] in (128, 196):
            return "This FLUX.1 model is guided by an edge or depth picture, which is not supported."
        return ""

    def from_file(self, path: Path, header: Header, dtype: torch.dtype) -> dict[str, Any]:
        return components(path, header, prefix_of(header) or "", dtype, self.title)

    def pipeline_names(self, header: Header) -> Mapping[str, str]:
        inputs = header.shape(f"{prefix_of(header) or ''}img_in.weight") or (0, 0)
        match header.metadata.get("model_index", "FluxFillPipeline" if inputs[-1] == 384 else ""):
            case "FluxFillPipeline":
                return {"fill": "FluxFillPipeline"}
            case "FluxKontextPipeline":
                return {"text": "FluxKontextPipeline", "edit": "FluxKontextPipeline"}
            case _:
                return self.pipelines

    def variant(self, header: Header, name: str) -> Variant:
        names = self.pipeline_names(header)
        guided = header.has("transformer/time_text_embed.guidance_embedder.") or any(
            header.has(f"{prefix}guidance_in.") for prefix in PREFIXES
        )
        if "fill" in names:
            return Variant("FLUX.1 Fill", ("inpaint",), {"guidance": 30.0, "steps": 28})
        if "edit" in names:
            return Variant("FLUX.1 Kontext", ("edit", "text", "image", "inpaint"), {"guidance": 2.5})
        if not guided:
            why = "FLUX.1 schnell was trained to need none."
            return Variant("FLUX.1 schnell", defaults={"steps": 4, "guidance": 1.0}, lacks={"guidance": why})
        return Variant("FLUX.1 dev")


FAMILY = Flux()
