"""The refiner of Stable Diffusion XL (Podell et al. 2023): for the last steps of a picture. It has one text model, and
is told how beautiful the picture shall be in place of its size."""

from pipelines import preview
from pipelines.header import Header
from pipelines.preview import LatentColours
from pipelines.prompt.encoder import Reading
from pipelines.unet_family import TextPart, UnetFamily


class StableDiffusionXLRefiner(UnetFamily):
    name = "sdxl-refiner"
    title = "Stable Diffusion XL refiner"
    defaults = {"width": 1024, "height": 1024, "steps": 25, "guidance": 5.5, "sampler": "Euler a"}
    scaling = 0.13025
    xl = True
    ids = "score"
    zero_empty = True
    texts = (
        TextPart(
            "conditioner.embedders.0.model.",
            "open clip",
            Reading(skip=2, normed=False, pad=0, pooled=True),
            folder="text_encoder_2",
        ),
    )

    def detect(self, header: Header) -> bool:
        if header.has("conditioner.embedders.0.model."):
            return True
        return header.has("unet/add_embedding.") and header.has("text_encoder_2/") and not header.has("text_encoder/")

    def colours(self) -> LatentColours:
        return preview.sdxl_colours()


FAMILY = StableDiffusionXLRefiner()
