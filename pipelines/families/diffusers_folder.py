"""Any other text-to-image model in a diffusers folder, as the library runs it: with the scheduler of the folder."""

import inspect
import math
import warnings
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from pipelines import weights
from pipelines.denoise import NotANumber, Stopped
from pipelines.device import Device
from pipelines.family import Family, Model, ModelError, Order, Progress
from pipelines.followed import followed
from pipelines.header import Header
from pipelines.latents import to_images
from pipelines.pipeline_family import PLAIN_TEXT, quiet
from pipelines.prompt.plain import plain

OTHER_KINDS = ("Video", "Audio", "Music", "Speech", "Upscale", "Super", "Image2Video", "TextToVideo", "Prior", "Depth")
OWN = "This kind of model runs as its library has it, with a scheduler of its own."


class PipelineAsItIs(Model):
    """Its latents are the pictures themselves, (pictures, 3, height, width) in -1 .. 1."""

    side_step = 16

    def __init__(self, pipe: Any, device: Device, size: int) -> None:
        """size: bytes of all weights in memory."""
        self.bytes = size
        self._pipe = pipe
        self._device = device
        self._known = inspect.signature(pipe.__call__).parameters

    def steps(self, order: Order) -> int:
        return order.steps * len(order.seeds)

    def draw(self, order: Order, cancelled: Callable[[], bool]) -> Generator[Progress, None, torch.Tensor]:
        if order.start is not None:
            raise ModelError("This kind of model makes pictures from text only.")
        pictures: list[torch.Tensor] = []
        total, counts = self.steps(order), "callback_on_step_end" in self._known
        for place, seed in enumerate(order.seeds):
            done = place * order.steps

            def work(report: Callable[[int], None], seed: int = seed) -> torch.Tensor:
                return self._made(order, seed, report, cancelled)

            steps = followed(work)
            while True:
                try:
                    index = next(steps)
                except StopIteration as stop:
                    pictures.append(stop.value)
                    break
                if counts and index < order.steps:
                    yield Progress(done + index, total)
            if cancelled():
                raise Stopped
            yield Progress(done + order.steps, total)
        return torch.cat(pictures)

    def encode(self, images: Sequence[Image.Image], seeds: tuple[int, ...]) -> torch.Tensor:
        pixels = torch.cat([_pixels(image) for image in images])
        return pixels if len(pixels) == len(seeds) else pixels.expand(len(seeds), -1, -1, -1)

    def decode(self, latents: torch.Tensor, light: bool = False) -> list[Image.Image]:
        return to_images(latents)

    def _made(
        self, order: Order, seed: int, report: Callable[[int], None], cancelled: Callable[[], bool]
    ) -> torch.Tensor:
        def after(pipe: Any, index: int, time: Any, values: dict[str, Any]) -> dict[str, Any]:
            if cancelled():
                raise Stopped
            report(index + 1)
            return values

        given = {
            "prompt": plain(order.prompt),
            "negative_prompt": plain(order.negative),
            "width": order.width,
            "height": order.height,
            "num_inference_steps": order.steps,
            "guidance_scale": order.guidance,
            "generator": torch.Generator("cpu").manual_seed(seed),
            "callback_on_step_end": after,
            "output_type": "np",
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            answer = self._pipe(**{name: value for name, value in given.items() if name in self._known})
        # The library's pipelines call their pictures one or the other.
        images: Any = getattr(answer, "images", None)
        made = torch.from_numpy(np.asarray(answer.image if images is None else images))
        if not bool(torch.isfinite(made).all()):
            raise NotANumber
        return made.permute(0, 3, 1, 2).float() * 2 - 1


def _pixels(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.asarray(image.convert("RGB")).astype(np.float32)).permute(2, 0, 1)[None] / 127.5 - 1


class DiffusersFolder(Family):
    name = "diffusers"
    title = "Diffusers folder"
    tasks = ("text",)
    defaults = {"width": 1024, "height": 1024, "steps": 30, "guidance": 4.0}
    lacks = {**PLAIN_TEXT, "sampler": OWN, "schedule": OWN}
    side_step = 16

    def detect(self, header: Header) -> bool:
        return header.metadata.get("model_index", "").endswith("Pipeline")

    def problem(self, header: Header) -> str:
        name = header.metadata.get("model_index", "")
        if any(kind in name for kind in OTHER_KINDS):
            return f"This is a model of another kind ({name}), which does not make pictures from text."
        return ""

    def load(self, path: Path, header: Header, device: Device) -> Model:
        import diffusers

        name = header.metadata.get("model_index", "")
        cls: Any = getattr(diffusers, name, None)
        if cls is None or "prompt" not in inspect.signature(cls.__call__).parameters:
            raise ModelError(f"The library does not know how to make pictures with it ({name}).")
        dtype = device.dtype_for(math.floor(header.bytes / 2))
        quiet()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                pipe = cls.from_pretrained(str(path), dtype=dtype, use_safetensors=True, local_files_only=True)
        except (OSError, ValueError, RuntimeError, TypeError, AttributeError, ImportError) as error:
            raise ModelError(f"A part of the folder cannot be loaded: {error}") from error
        pipe.set_progress_bar_config(disable=True)
        pipe.to(device.name)
        modules = [part for part in pipe.components.values() if isinstance(part, torch.nn.Module)]
        return PipelineAsItIs(pipe, device, weights.size(modules))


FAMILY = DiffusersFolder()
