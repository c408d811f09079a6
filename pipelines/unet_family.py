"""U-Net families: what Stable Diffusion 1.x, 2.x and XL share in telling and loading their files.

Two layouts are read: single files with the names of the original programs, and diffusers folders. All sizes come from
the shapes of the tensors, so that relatives of other sizes load as well.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch

from pipelines import preview, schedules, sidecar, weights
from pipelines.denoise import Prediction
from pipelines.device import Device
from pipelines.family import Family, Model, ModelError, Variant
from pipelines.header import Header
from pipelines.latent_model import Ids, LatentModel, Parts
from pipelines.latents import Autoencoder
from pipelines.preview import LatentColours
from pipelines.prompt.encoder import ClipText, JointText, Reading
from pipelines.recipe import Json
from pipelines.sidecar import Sidecar
from pipelines.unet_layout import (
    UNET,
    VAE,
    Config,
    clip_sizes,
    open_clip_sizes,
    open_clip_weights,
    unet_sizes,
    unet_weights,
    vae_sizes,
    vae_weights,
)

STANDARD_DECODER = (128, 256, 512, 512)
INPAINT_CHANNELS, EDIT_CHANNELS, DEPTH_CHANNELS = 9, 8, 5


@dataclass(frozen=True)
class TextPart:
    """One text model of a family.

    prefix  -- of its keys in a single file; folder: its place in a diffusers folder
    dropped -- layers at its end that the family does not use
    """

    prefix: str
    layout: Literal["clip", "open clip"]
    reading: Reading
    folder: str = "text_encoder"
    dropped: int = 0

    @property
    def tokenizer(self) -> str:
        return self.folder.replace("text_encoder", "tokenizer")


class UnetFamily(Family):
    """texts: its text models; scaling: that of its autoencoder; the others as in latent_model.Parts."""

    texts: ClassVar[tuple[TextPart, ...]]
    scaling: ClassVar[float] = 0.18215
    xl: ClassVar[bool] = False
    ids: ClassVar[Ids] = ""
    zero_empty: ClassVar[bool] = False

    def colours(self) -> LatentColours:
        """For previews, where the autoencoder is the usual one."""
        return preview.sd15_colours()

    def problem(self, header: Header) -> str:
        folder = in_folder(header)
        if channels(header) == DEPTH_CHANNELS:
            return "This checkpoint is guided by a depth picture, which is not supported. Use a depth ControlNet."
        for text in self.texts:
            if not header.has(f"{text.folder}/" if folder else text.prefix):
                return "It holds no text encoder. Get the full version of this checkpoint."
        if not header.has("vae/decoder." if folder else VAE + "decoder."):
            return "It holds no autoencoder (VAE). Get the full version of this checkpoint."
        if not header.has("vae/encoder." if folder else VAE + "encoder."):
            return "Its autoencoder (VAE) has no encoder. Get the full version of this checkpoint."
        return ""

    def variant(self, header: Header, name: str) -> Variant:
        defaults = _quick(name)
        match channels(header):
            case 9:
                return Variant(f"{self.title} inpainting", defaults=defaults)
            case 8:
                return Variant(f"{self.title} InstructPix2Pix", ("image",), {**defaults, "strength": 1.0})
            case _:
                return Variant(defaults=defaults)

    def load(self, path: Path, header: Header, device: Device) -> Model:
        # Here and not at the top: the libraries take seconds to import, and the catalogue does not need them.
        from transformers import CLIPTokenizer

        folder = in_folder(header)
        dtype = device.dtype_for(weights.count(header, "unet/" if folder else UNET))
        # The text is encoded once a job: on a CPU its full precision costs nothing that one would notice.
        text_dtype = torch.float32 if device.kind == "cpu" else dtype
        unet, vae, texts = (_from_folder if folder else self._from_file)(self, path, header, dtype, text_dtype)
        readers: list[ClipText] = []
        for part in (unet, vae, *texts):
            part.requires_grad_(False)
            part.eval()
            part.to(device.name)
        for text, part in zip(self.texts, texts, strict=True):
            names = _vocabulary(path / text.tokenizer if folder else None)
            tokenizer = CLIPTokenizer(vocab=str(names / "vocab.json"), merges=str(names / "merges.txt"))
            if len(tokenizer) > part.config.vocab_size:
                raise ModelError("Its text encoder has another vocabulary than CLIP's.")
            readers.append(ClipText(tokenizer, part, text.reading))
        autoencoder = Autoencoder(vae, device.name, dtype)
        if (decoder := preview.small_decoder(path)) is not None:
            colours: preview.Preview = decoder
        elif tuple(vae.config.block_out_channels) == STANDARD_DECODER and autoencoder.channels == 4:
            colours = self.colours()
        else:
            colours = preview.fitted(autoencoder.decode, autoencoder.channels)
        notes = Sidecar() if folder else sidecar.beside(path)
        prediction, zero_snr = _folder_prediction(path) if folder else _prediction(header)
        prediction = notes.prediction or prediction or self.guessed(unet)
        table = schedules.scaled_linear_table(*notes.betas, zero_terminal_snr=zero_snr)
        parts = Parts(
            text=JointText(*readers),
            unet=unet,
            dtype=dtype,
            autoencoder=autoencoder,
            table=schedules.NoiseTable(table.sigmas, xl=self.xl),
            prediction=prediction,
            colours=colours,
            ids=self.ids,
            zero_empty=self.zero_empty,
        )
        return LatentModel(parts, device, weights.size((unet, vae, *texts)))

    def guessed(self, unet: Any) -> Prediction:
        """What a network predicts of which no file says so."""
        return "epsilon"

    @staticmethod
    def _from_file(
        family: "UnetFamily", path: Path, header: Header, dtype: torch.dtype, text_dtype: torch.dtype
    ) -> tuple[Any, Any, list[Any]]:
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

        notes = sidecar.beside(path)
        unet_config = {**unet_sizes(header), **_heads(header, notes)}
        vae_config: Config = {**vae_sizes(header), "scaling_factor": notes.scaling or family.scaling}
        unet = weights.filled(
            lambda: UNet2DConditionModel(**unet_config),
            lambda: unet_weights(weights.read(path, header, dtype, UNET), unet_config),
            "U-Net",
        )
        vae = weights.filled(
            lambda: AutoencoderKL(**vae_config),
            lambda: vae_weights(weights.read(path, header, dtype, VAE), vae_config),
            "autoencoder (VAE)",
        )
        return unet, vae, [text_model(path, header, part, text_dtype) for part in family.texts]


def _heads(header: Header, notes: Sidecar) -> Config:
    """As the sidecar has them, in the words of diffusers."""
    if notes.head_width:
        levels: tuple[int, ...] = unet_sizes(header)["block_out_channels"]
        return {"attention_head_dim": tuple(max(1, level // notes.head_width) for level in levels)}
    return {"attention_head_dim": notes.heads} if notes.heads else {}


def in_folder(header: Header) -> bool:
    return "model_index" in header.metadata


def channels(header: Header) -> int:
    """That the U-Net takes."""
    first = header.shape("unet/conv_in.weight" if in_folder(header) else UNET + "input_blocks.0.0.weight")
    return first[1] if first else 0


def projection(header: Header) -> int:
    """Sides of the first projection before the attention: 4 in SD 1.x, 2 in what came later; 0 where there is none."""
    folder, prefix = in_folder(header), "unet/down_blocks." if in_folder(header) else UNET + "input_blocks."
    if folder and not header.metadata.get("model_index", "").startswith("StableDiffusion"):
        return 0
    keys = (key for key in header.tensors if key.startswith(prefix) and key.endswith("proj_in.weight"))
    return next((len(header.tensors[key].shape) for key in keys), 0)


def text_model(path: Path, header: Header, part: TextPart, dtype: torch.dtype) -> Any:
    """The text model under a prefix of a single file."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    cls: Any = CLIPTextModelWithProjection if part.reading.pooled else CLIPTextModel
    if part.layout == "clip":
        sizes = clip_sizes(header, part.prefix)
        return weights.filled(
            lambda: cls(CLIPTextConfig(**sizes)), lambda: weights.read(path, header, dtype, part.prefix), "text encoder"
        )
    sizes = open_clip_sizes(header, part.prefix, part.dropped)
    return weights.filled(
        lambda: cls(CLIPTextConfig(**sizes)),
        lambda: open_clip_weights(weights.read(path, header, dtype, part.prefix), sizes),
        "text encoder",
    )


def _prediction(header: Header) -> tuple[Prediction | None, bool]:
    """What the network predicts, and whether its last timestep is pure noise. Marks: the tensor keys `v_pred` and
    `ztsnr`, as trainers write them, and the ModelSpec metadata."""
    said = header.metadata.get("modelspec.prediction_type", "").casefold()
    v = "v_pred" in header.tensors or said.startswith("v")
    known = v or said.startswith("eps")
    return (("v" if v else "epsilon") if known else None), "ztsnr" in header.tensors


def _folder_prediction(path: Path) -> tuple[Prediction | None, bool]:
    try:
        config = json.loads((path / "scheduler" / "scheduler_config.json").read_bytes())
    except (OSError, ValueError):
        return None, False
    v = config.get("prediction_type") == "v_prediction"
    return ("v" if v else "epsilon"), bool(config.get("rebase_betas_zero_snr") or config.get("rescale_betas_zero_snr"))


def _quick(name: str) -> Mapping[str, Json]:
    """What suits models that were distilled to few steps, which their names alone tell."""
    words = set(re.split(r"[^a-z]+", name.casefold()))
    if "lcm" in words:
        return {"steps": 6, "guidance": 1.5, "sampler": "LCM"}
    if words & {"lightning", "hyper", "turbo"}:
        return {
            "steps": 6,
            "guidance": 1.0 if "lightning" in words else 1.5,
            "sampler": "Euler",
            "schedule": "SGM Uniform",
        }
    return {}


def _vocabulary(folder: Path | None) -> Path:
    """Where vocab.json and merges.txt lie: in the model's folder, else CLIP's, which come with this package."""
    if folder is not None and (folder / "vocab.json").is_file():
        return folder
    return Path(__file__).parent / "configs" / "clip_tokenizer"


def _from_folder(
    family: UnetFamily, path: Path, header: Header, dtype: torch.dtype, text_dtype: torch.dtype
) -> tuple[Any, Any, list[Any]]:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    def part(cls: Any, name: str, kind: torch.dtype) -> Any:
        files = [file.name for file in (path / name).glob("*.safetensors")]
        variant = "fp16" if files and all(".fp16." in file for file in files) else None
        try:
            return cls.from_pretrained(
                str(path / name), dtype=kind, variant=variant, use_safetensors=True, local_files_only=True
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(f"Its part '{name}' cannot be loaded: {error}") from error

    texts = [
        part(CLIPTextModelWithProjection if text.reading.pooled else CLIPTextModel, text.folder, text_dtype)
        for text in family.texts
    ]
    return part(UNet2DConditionModel, "unet", dtype), part(AutoencoderKL, "vae", dtype), texts
