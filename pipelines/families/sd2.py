"""Stable Diffusion 2.x (2022): 512 and 768 pixels, the latter predicting v; OpenCLIP's text model; inpainting."""

from typing import Any

import torch

from pipelines.denoise import Prediction
from pipelines.family import Variant
from pipelines.header import Header
from pipelines.prompt.encoder import Reading
from pipelines.unet_family import TextPart, UnetFamily, projection
from pipelines.unet_layout import UNET


class StableDiffusion2(UnetFamily):
    name = "sd2"
    title = "Stable Diffusion 2.x"
    defaults = {"width": 512, "height": 512}
    # The layer before the last, normalised; the last one is not even loaded.
    texts = (TextPart("cond_stage_model.model.", "open clip", Reading(skip=1, pad=0), dropped=1),)

    def detect(self, header: Header) -> bool:
        return projection(header) == 2 and not any(
            key.startswith((UNET + "label_emb.", "unet/add_embedding.", "conditioner.")) for key in header.tensors
        )

    def variant(self, header: Header, name: str) -> Variant:
        found = super().variant(header, name)
        v = "768" in name or "v_pred" in header.tensors or header.metadata.get("modelspec.prediction_type") == "v"
        size = {"width": 768, "height": 768} if v else {}
        return Variant(found.title, found.tasks, {**size, **found.defaults})

    @torch.inference_mode()
    def guessed(self, unet: Any) -> Prediction:
        """Told by its answer to the last timestep, where the noise that is asked for is the input itself, and v is
        nearly the opposite of a clean picture. The files of 2.0 and 2.1 do not say which they are."""
        inputs = unet.config.in_channels
        x = torch.full((1, inputs, 8, 8), 0.5, device=unet.device, dtype=unet.dtype)
        time = torch.tensor([999], device=unet.device)
        text = torch.full((1, 2, unet.config.cross_attention_dim), 0.5, device=unet.device, dtype=unet.dtype)
        answer = unet(x, time, encoder_hidden_states=text, return_dict=False)[0].float()
        return "v" if float((answer - 0.5).mean()) < -1 else "epsilon"


FAMILY = StableDiffusion2()
