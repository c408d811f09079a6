"""Stable Diffusion 1.x (Rombach et al. 2022), its inpainting models, and InstructPix2Pix (Brooks et al. 2022)."""

from pipelines.header import Header
from pipelines.prompt.encoder import Reading
from pipelines.unet_family import TextPart, UnetFamily, projection


class StableDiffusion1(UnetFamily):
    name = "sd15"
    title = "Stable Diffusion 1.x"
    defaults = {"width": 512, "height": 512}
    texts = (TextPart("cond_stage_model.transformer.", "clip", Reading()),)

    def detect(self, header: Header) -> bool:
        return projection(header) == 4


FAMILY = StableDiffusion1()
