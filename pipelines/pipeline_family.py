"""Pipeline families: what the families that run as diffusers pipelines share in telling and loading their files."""

import inspect
import json
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import torch

from pipelines import preview, weights
from pipelines.device import Device
from pipelines.family import Family, Model, ModelError
from pipelines.header import Header
from pipelines.latents import Autoencoder, DeepAutoencoder, FrameAutoencoder, PatchAutoencoder
from pipelines.pipeline_model import Parts, PipelineModel, Way
from pipelines.preview import LatentColours
from pipelines.schedules import dynamic_shift

Kind = Literal["picture", "deep", "frame", "patch"]

AUTOENCODERS: Mapping[Kind, type[Autoencoder]] = {
    "picture": Autoencoder,
    "deep": DeepAutoencoder,
    "frame": FrameAutoencoder,
    "patch": PatchAutoencoder,
}


STANDARD_DECODER = (128, 256, 512, 512)

PLAIN_TEXT: Mapping[str, str] = {
    "clip_skip": "Its text model is not read at an earlier layer.",
    "emphasis": "Its text model knows no weights: the brackets are taken off, the words stay.",
    "old_editing": "The prompt is read once, before the first step.",
    "tiling": "Only Stable Diffusion 1, 2 and XL make pictures whose edges fit together.",
}


class PipelineFamily(Family):
    """index     -- names of the pipelines that a diffusers folder of this family may name, the first for "text"
    pipelines   -- class in diffusers for "text", "edit" and "fill"
    way         -- see there; its shift is that of files that do not say
    kind        -- of autoencoder; shifted: see Autoencoder
    """

    before = ("diffusers",)
    index: ClassVar[tuple[str, ...]]
    pipelines: ClassVar[Mapping[str, str]]
    way: ClassVar[Way]
    kind: ClassVar[Kind] = "picture"
    shifted: ClassVar[bool] = True
    side_step = 16
    lacks = MappingProxyType(PLAIN_TEXT)

    def detect(self, header: Header) -> bool:
        return header.metadata.get("model_index") in self.index

    def usual(self) -> LatentColours | None:
        """For previews, where the autoencoder has the usual sizes."""
        return None

    def colours(self, autoencoder: Autoencoder) -> LatentColours:
        """For previews."""
        usual = self.usual()
        if (
            usual is not None
            and tuple(getattr(autoencoder.module.config, "block_out_channels", ())) == STANDARD_DECODER
        ):
            return usual
        return preview.fitted(autoencoder.decode, autoencoder.channels, 8 if autoencoder.factor <= 16 else 4)

    def pipeline_names(self, header: Header) -> Mapping[str, str]:
        """As `pipelines`, for this file."""
        return self.pipelines

    def load(self, path: Path, header: Header, device: Device) -> Model:
        names = self.pipeline_names(header)
        if "model_index" in header.metadata:
            dtype = device.dtype_for(weights.count(header, "transformer/"))
            components, flow = self.from_folder(path, names, dtype)
        else:
            dtype = device.dtype_for(weights.count(header))
            quiet()
            components, flow = self.from_file(path, header, dtype), {}
        return self.assembled(components, names, flow, device, dtype)

    def from_file(self, path: Path, header: Header, dtype: torch.dtype) -> dict[str, Any]:
        """The components of a single file, for families that detect such. Raises ModelError."""
        raise ModelError("This family is read from diffusers folders only.")

    def from_folder(
        self, path: Path, names: Mapping[str, str], dtype: torch.dtype
    ) -> tuple[dict[str, Any], Mapping[str, Any]]:
        """The components of a diffusers folder, and the configuration of its scheduler."""
        cls = pipeline_class(next(iter(names.values())))
        quiet()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                pipe = cls.from_pretrained(
                    str(path), dtype=dtype, use_safetensors=True, local_files_only=True, low_cpu_mem_usage=True
                )
        except (OSError, ValueError, RuntimeError, TypeError, AttributeError, ImportError) as error:
            raise ModelError(f"A part of the folder cannot be loaded: {error}") from error
        components: dict[str, Any] = {**pipe.components, **_plain_settings(pipe)}
        return components, read_json(path / "scheduler" / "scheduler_config.json")

    def assembled(
        self,
        components: Mapping[str, Any],
        names: Mapping[str, str],
        flow: Mapping[str, Any],
        device: Device,
        dtype: torch.dtype,
    ) -> Model:
        """flow: the configuration of the scheduler, as far as a file tells."""
        modules = [part for part in components.values() if isinstance(part, torch.nn.Module)]
        for module in modules:
            module.requires_grad_(False)
            module.eval()
            module.to(device.name)
        autoencoder = AUTOENCODERS[self.kind](components["vae"], device.name, dtype, self.shifted)
        pipelines = {task: built(pipeline_class(name), components) for task, name in names.items()}
        parts = Parts(pipelines, autoencoder, self.colours(autoencoder), self.way_of(flow))
        return PipelineModel(parts, device, weights.size(modules), max(self.side_step, autoencoder.factor))

    def way_of(self, flow: Mapping[str, Any]) -> Way:
        """The way, with the shift that the folder's scheduler names."""
        way = self.way
        if flow.get("use_dynamic_shifting"):
            few, many = int(flow.get("base_image_seq_len", 256)), int(flow.get("max_image_seq_len", 4096))
            low, high = float(flow.get("base_shift", 0.5)), float(flow.get("max_shift", 1.15))

            def by_size(tokens: int, steps: int) -> float:
                return dynamic_shift(tokens, few, many, low, high)

            way = replace(way, shift=by_size)
        elif "shift" in flow:
            fixed = float(flow["shift"])

            def always(tokens: int, steps: int) -> float:
                return fixed

            way = replace(way, shift=always)
        if flow.get("shift_terminal"):
            way = replace(way, terminal=float(flow["shift_terminal"]))
        return way


def pipeline_class(name: str) -> Any:
    """A pipeline of diffusers by its name."""
    import diffusers

    with warnings.catch_warnings():
        # What a library says about its own future is nothing to a user.
        warnings.simplefilter("ignore", FutureWarning)
        return getattr(diffusers, name)


def built(cls: Any, components: Mapping[str, Any]) -> Any:
    """A pipeline of the components that it takes; those it may do without are None."""
    known = inspect.signature(cls.__init__).parameters
    needed = (name for name, parameter in known.items() if parameter.default is inspect.Parameter.empty)
    given = dict.fromkeys(name for name in needed if name != "self")
    return cls(**{**given, **{name: value for name, value in components.items() if name in known}})


def quiet() -> None:
    """No progress bars on the console: events tell what goes on."""
    from diffusers.utils import logging as of_diffusers
    from transformers.utils import logging as of_transformers

    of_diffusers.disable_progress_bar()
    of_transformers.disable_progress_bar()


def read_json(path: Path) -> Mapping[str, Any]:
    """A JSON object; empty where there is none."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _plain_settings(pipe: Any) -> dict[str, Any]:
    """What a pipeline is told besides its components, as `is_distilled`."""
    return {
        name: value for name, value in pipe.config.items() if not name.startswith("_") and isinstance(value, bool | int)
    }
