"""Described: what a header tells of an asset: its family, its problem, and what its card shows."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pipelines import header
from pipelines.assets.skim import Skim, skim
from pipelines.catalogue import AssetKind
from pipelines.header import Header, HeaderError
from pipelines.recipe import Json

WORDS = 12
"""Tags of the training pictures that are kept, the most frequent ones."""


@dataclass(frozen=True)
class Described:
    """aliases: other names it goes by; hash: what the file itself says, for the parameters text."""

    family: str = ""
    problem: str = ""
    hash: str = ""
    aliases: tuple[str, ...] = ()
    facts: Mapping[str, Json] = field(default_factory=dict[str, Json])

    def text(self) -> str:
        return json.dumps(asdict(self))


def from_text(text: str) -> Described:
    """Raises ValueError or TypeError for what `text` has not written."""
    value: dict[str, Any] = json.loads(text)
    value["aliases"] = tuple(value["aliases"])
    return Described(**value)


def describe(kind: AssetKind, path: Path) -> Described:
    """Never raises: what cannot be used has a problem."""
    try:
        return _KINDS[kind](path)
    except HeaderError as error:
        return Described(problem=f"The file {error}")
    except Exception as error:  # One strange file must not end the scan.
        return Described(problem=f"It cannot be identified: {error}")


TITLES: Mapping[str, str] = MappingProxyType(
    {
        "sd15": "Stable Diffusion 1.x",
        "sd2": "Stable Diffusion 2.x",
        "sdxl": "Stable Diffusion XL",
        "sdxl-refiner": "Stable Diffusion XL refiner",
        "sd3": "Stable Diffusion 3",
        "flux": "FLUX.1",
        "qwen-image": "Qwen-Image",
        "z-image": "Z-Image",
    }
)
"""Names of families as people know them, also of those that are not supported here."""

_SAID: tuple[tuple[str, str], ...] = (
    ("stable-diffusion-xl", "sdxl"),
    ("stable-diffusion-v1", "sd15"),
    ("stable-diffusion-v2", "sd2"),
    ("stable-diffusion-v3", "sd3"),
    ("stable-diffusion-3", "sd3"),
    ("sdxl", "sdxl"),
    ("sd_v1", "sd15"),
    ("sd_v2", "sd2"),
    ("sd3", "sd3"),
    ("flux", "flux"),
    ("qwen", "qwen-image"),
    ("z-image", "z-image"),
    ("zimage", "z-image"),
)
"""How `ss_base_model_version` and `modelspec.architecture` begin."""

_WIDTHS: Mapping[int, str] = MappingProxyType({768: "sd15", 1024: "sd2", 2048: "sdxl", 1280: "sdxl-refiner"})
"""Of the text that a U-Net listens to."""

_LORA_KINDS = (
    (b"hada_w1", "LoHa"),
    (b"lokr_w1", "LoKr"),
    (b".on_input", "IA3"),
    (b"oft_blocks", "OFT"),
    (b"oft_diag", "OFT"),
    (b".a1.weight", "GLoRA"),
    (b"dora_scale", "DoRA"),
    (b"lora_magnitude_vector", "DoRA"),
    (b"lora_down", "LoRA"),
    (b"lora_A", "LoRA"),
    (b"lora.down", "LoRA"),
    (b"lora_linear_layer.down", "LoRA"),
    (b"_lora.down", "LoRA"),
    (b".diff", "full difference"),
    (b".w_norm", "full difference"),
)
_MARKS = (
    (b"noise_refiner", "z-image"),
    (b"double_blocks", "flux"),
    (b"single_transformer_blocks", "flux"),
    (b"joint_blocks", "sd3"),
    (b"img_mlp", "qwen-image"),
    (b"attn.add_q_proj", "sd3"),
    (b"attn_add_q_proj", "sd3"),
)
_CONTEXT = re.compile(
    rb'attn2[._](?:to_k|processor\.to_k_lora)\.?[^"]*?(?:down|lora_A|hada_w1_b|diff)[^"]*"\s*:\s*\{[^}]*?"shape"\s*:\s*\[\s*\d+\s*,\s*(\d+)'
)


def _lora(path: Path) -> Described:
    found = skim(path)
    kind = next((title for mark, title in _LORA_KINDS if mark in found.text), "")
    if not kind:
        return Described(problem="This is no LoRA or a relative of one.")
    notes = found.metadata
    alias = notes.get("ss_output_name", "").strip()
    facts: dict[str, Json] = {
        "kind": kind,
        "words": [*_words(notes)],
        "title": notes.get("modelspec.title", "")[:200],
        "author": notes.get("modelspec.author", "")[:200],
        "notes": notes.get("modelspec.description", "")[:600],
        "text": notes.get("modelspec.trigger_phrase", "")[:600],
    }
    return Described(
        _family(notes) or _family_by_keys(found),
        "",
        notes.get("sshs_model_hash", "")[:12],
        (alias,) if alias and alias != path.stem else (),
        {key: value for key, value in facts.items() if value},
    )


def _family(notes: Mapping[str, str]) -> str:
    for key in ("modelspec.architecture", "ss_base_model_version"):
        said = notes.get(key, "").casefold()
        for beginning, family in _SAID:
            if said.startswith(beginning):
                return family
    return ""


def _family_by_keys(found: Skim) -> str:
    for mark, family in _MARKS:
        if mark in found.text:
            return family
    context = _CONTEXT.search(found.text)
    return _WIDTHS.get(int(context[1]), "") if context else ""


def _words(notes: Mapping[str, str]) -> list[str]:
    """The tags that most of the training pictures had."""
    try:
        sets = json.loads(notes.get("ss_tag_frequency", "{}"))
        counts: dict[str, int] = {}
        for tags in sets.values():
            for tag, count in tags.items():
                counts[tag.strip()] = counts.get(tag.strip(), 0) + int(count)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return []
    return [tag[:80] for tag in sorted(counts, key=lambda tag: -counts[tag])[:WORDS] if tag]


def _embedding(path: Path) -> Described:
    return embedding(header.read(path))


def embedding(read: Header) -> Described:
    """Of a trained word; told by its vectors' width, two of them for SDXL."""
    small, large = (_vectors(read, key) for key in ("clip_l", "clip_g"))
    if small and large:
        return Described("sdxl", facts={"vectors": small[0]})
    single = [key for key in read.tensors if key in ("emb_params", "clip_l", "clip_g") or "string_to_param" in key]
    keys = single or list(read.tensors)
    shape = _vectors(read, keys[0]) if len(keys) == 1 else None
    if shape is None:
        return Described(problem="This is no embedding (textual inversion), or of a kind that is not known.")
    return Described({768: "sd15", 1024: "sd2"}.get(shape[1], ""), facts={"vectors": shape[0], "width": shape[1]})


def _vectors(read: Header, key: str) -> tuple[int, int] | None:
    match read.shape(key):
        case (width,):
            return 1, width
        case (count, width):
            return count, width
        case _:
            return None


def _vae(path: Path) -> Described:
    read = header.read(path)
    first = next((key for key in read.tensors if key.endswith("decoder.conv_in.weight")), "")
    shape = read.shape(first)
    if not shape or len(shape) != 4:
        return Described(problem="This is no autoencoder (VAE), or of a kind that is not supported.")
    return Described(facts={"channels": shape[1]})


def _controlnet(path: Path) -> Described:
    read = header.read(path)
    if any(key.startswith("lora_controlnet") for key in read.tensors):
        return Described(problem="This is a ControlLoRA, which is not supported yet. Get the ControlNet instead.")
    if not any("input_hint_block.0." in key or "controlnet_cond_embedding.conv_in." in key for key in read.tensors):
        return Described(problem="This is no ControlNet. T2I adapters and IP adapters are not supported yet.")
    keys = (key for key in read.tensors if key.endswith("attn2.to_k.weight"))
    width = next((read.tensors[key].shape[-1] for key in keys), 0)
    return Described(_WIDTHS.get(width, ""))


def _hypernetwork(path: Path) -> Described:
    return Described(problem="Hypernetworks are not supported yet.")


_KINDS: Mapping[AssetKind, Callable[[Path], Described]] = MappingProxyType(
    {
        "lora": _lora,
        "embedding": _embedding,
        "vae": _vae,
        "controlnet": _controlnet,
        "hypernetwork": _hypernetwork,
    }
)
