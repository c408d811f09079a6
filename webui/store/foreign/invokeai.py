"""InvokeAI: "invokeai_metadata" since version 3, "sd-metadata" and "Dream" before."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

from webui.store.fidelity import Fidelity
from webui.store.foreign import samplers
from webui.store.foreign.translation import Record, Translation, lost, record, size, values
from webui.store.infotext import Infotext

_USED = {
    "app_version", "generation_mode", "positive_prompt", "negative_prompt", "width", "height", "seed", "rand_device",
    "cfg_scale", "steps", "scheduler", "clip_skip", "model", "type", "_canvas_objects", "ref_images",
}  # fmt: skip
_WEIGHTS = re.compile(r"[\w)][+-]+(?:\s|$|,)|\)[\d.]+|\.(?:blend|and|swap)\(")
"""Its own way to weigh words: word++, (words)1.2, ("a", "b").blend(1, 1)."""


def read(texts: Mapping[str, str]) -> Translation | None:
    current = record(texts.get("invokeai_metadata"))
    if current is not None:
        return _current(current)
    older = record(texts.get("sd-metadata"))
    if older is not None:
        return _older(older)
    return _oldest(texts["Dream"]) if "Dream" in texts else None


def _current(given: Record) -> Translation:
    model = given.get("model") or {}
    line = {
        **values(Steps=given.get("steps"), CFG_scale=given.get("cfg_scale"), Seed=given.get("seed")),
        **size(given.get("width"), given.get("height")),
        **values(Model=model.get("name") or model.get("model_name")),
        **values(
            Clip_skip=int(given.get("clip_skip") or 0) + 1, RNG="CPU" if given.get("rand_device") == "cpu" else None
        ),
    }
    prompt, negative = str(given.get("positive_prompt") or ""), str(given.get("negative_prompt") or "")
    return _made(line, prompt, negative, str(given.get("scheduler", "")), lost(given, _USED))


def _older(given: Record) -> Translation:
    image: Record = given["image"]
    prompt: Any = image.get("prompt", "")
    text = prompt if isinstance(prompt, str) else " ".join(str(part["prompt"]) for part in prompt)
    words, away = _divided(text)
    line = {
        **values(Steps=image.get("steps"), CFG_scale=image.get("cfg_scale"), Seed=image.get("seed")),
        **size(image.get("width"), image.get("height")),
        **values(Model=given.get("model_weights"), RNG="CPU"),
    }
    used = {"prompt", "steps", "cfg_scale", "seed", "width", "height", "sampler", "type", "postprocessing"}
    return _made(line, words, away, str(image.get("sampler", "")), lost(image, used))


def _oldest(text: str) -> Translation | None:
    """ "a fox" -s 50 -S 123 -W 512 -H 512 -C 7.5 -A k_lms"""
    prompt, *rest = shlex.split(text)
    flags = {flag.lstrip("-"): value for flag, value in zip(rest[::2], rest[1::2], strict=False)}
    words, away = _divided(prompt)
    line = {
        **values(Steps=flags.get("s"), CFG_scale=flags.get("C"), Seed=flags.get("S")),
        **size(flags.get("W"), flags.get("H")),
        "RNG": "CPU",
    }
    return _made(line, words, away, flags.get("A", ""), {})


def _made(line: dict[str, str], prompt: str, negative: str, name: str, missing: Mapping[str, Fidelity]) -> Translation:
    plain = name.removeprefix("k_")
    karras = plain.endswith("_k")
    sampler, _ = samplers.sampler(plain.removesuffix("_k"))
    line |= values(Sampler=sampler, Schedule_type="Karras" if karras else "Uniform" if name else "")
    # Its samplers are those of diffusers, which differ from ours in their noise levels.
    doubts: dict[str, Fidelity] = {"sampler": "nearest", "schedule": "nearest"} if name else {}
    for field, text in (("prompt", prompt), ("negative", negative)):
        if _WEIGHTS.search(text) or any(mark in text for mark in "([<"):
            doubts[field] = "nearest"
    return Translation("InvokeAI", Infotext(prompt, negative, line), {**doubts, **missing})


def _divided(text: str) -> tuple[str, str]:
    """Older versions keep the negative prompt in square brackets within the prompt."""
    away = re.findall(r"\[([^\[\]]*)\]", text)
    return re.sub(r"\[[^\[\]]*\]", "", text).strip(), ", ".join(away)
