"""NovelAI: the prompt in "Description", the rest as JSON in "Comment"."""

import re
from collections.abc import Mapping

from webui.store.fidelity import Fidelity
from webui.store.foreign import samplers
from webui.store.foreign.translation import Translation, lost, record, size, values
from webui.store.infotext import Infotext

_USED = {
    "prompt", "uc", "steps", "scale", "seed", "width", "height", "sampler", "noise_schedule", "n_samples", "v4_prompt",
    "v4_negative_prompt", "signed_hash", "request_type", "version", "legacy_v3_extend", "noise",
}  # fmt: skip
_BRACE = 1.05


def read(texts: Mapping[str, str]) -> Translation | None:
    given = record(texts.get("Comment"))
    if given is None or texts.get("Software") != "NovelAI":
        return None
    name = str(given.get("sampler", "")).removeprefix("k_")
    sampler, same = samplers.sampler(name)
    line = {
        **values(Steps=given.get("steps"), Sampler=sampler, CFG_scale=given.get("scale"), Seed=given.get("seed")),
        **size(given.get("width"), given.get("height")),
        # Its models are made for the layer before the last, and its noise is that of seed + 31337 where it is added.
        "Clip skip": "2",
        "ENSD": "31337",
    }
    doubts: dict[str, Fidelity] = {"checkpoint": "lost", "clip_skip": "nearest"}
    if given.get("noise_schedule"):
        line["Schedule type"], known = samplers.schedule(str(given["noise_schedule"]))
        same = same and known
    doubts |= {} if same else {"sampler": "nearest"}
    prompt = str(texts.get("Description") or given.get("prompt") or "")
    negative = str(given.get("uc") or "")
    for field, text in (("prompt", prompt), ("negative", negative)):
        if any(mark in text for mark in "{}[]()"):
            doubts[field] = "nearest"
    return Translation(
        "NovelAI", Infotext(weighted(prompt), weighted(negative), line), {**doubts, **lost(given, _USED)}
    )


def weighted(text: str) -> str:
    """Braces are 1.05 times and square brackets 1/1.05 times there, round brackets are letters."""
    text = re.sub(r"([()])", r"\\\1", text)
    if text.count("{") == text.count("}") and text.count("[") == text.count("]"):
        text = text.replace("{", "(").replace("}", f":{_BRACE:g})")
        text = text.replace("[", "(").replace("]", f":{1 / _BRACE:.4f})")
    return text
