"""Stable Diffusion XL (Podell et al. 2023): base and inpainting, and what was trained from them: Turbo, Lightning,
Hyper, Pony, Illustrious, NoobAI (which predicts v from pure noise on, and says so in the file)."""

from pipelines import preview
from pipelines.header import Header
from pipelines.preview import LatentColours
from pipelines.prompt.encoder import Reading
from pipelines.unet_family import TextPart, UnetFamily
from pipelines.unet_layout import UNET


class StableDiffusionXL(UnetFamily):
    name = "sdxl"
    title = "Stable Diffusion XL"
    defaults = {
        "width": 1024,
        "height": 1024,
        "steps": 25,
        "guidance": 5.5,
        "sampler": "Euler a",
    }
    scaling = 0.13025
    xl = True
    ids = "sizes"
    zero_empty = True
    texts = (
        TextPart("conditioner.embedders.0.transformer.", "clip", Reading(skip=2, normed=False)),
        TextPart(
            "conditioner.embedders.1.model.",
            "open clip",
            Reading(skip=2, normed=False, pad=0, pooled=True),
            folder="text_encoder_2",
        ),
    )

    def detect(self, header: Header) -> bool:
        labels = header.shape(UNET + "label_emb.0.0.weight") or header.shape("unet/add_embedding.linear_1.weight")
        return labels is not None and any(
            header.has(mark) for mark in ("conditioner.embedders.0.transformer.", "text_encoder/")
        )

    def problem(self, header: Header) -> str:
        if "edm_mean" in header.tensors:
            return "This is Playground 2.5, which is sampled in a way of its own that is not supported."
        return super().problem(header)

    def colours(self) -> LatentColours:
        return preview.sdxl_colours()


FAMILY = StableDiffusionXL()
