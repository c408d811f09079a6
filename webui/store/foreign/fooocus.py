"""Fooocus: a JSON object of its own keys in the parameters text, or in EXIF."""

import re
from collections.abc import Mapping
from typing import Any

from webui.store.fidelity import Fidelity
from webui.store.foreign import samplers
from webui.store.foreign.translation import Translation, lost, record, size, values
from webui.store.infotext import Infotext

_USED = {
    "prompt", "negative_prompt", "full_prompt", "full_negative_prompt", "steps", "guidance_scale", "seed", "resolution",
    "sampler", "scheduler", "base_model", "base_model_hash", "clip_skip", "version", "metadata_scheme", "created_by",
    "performance", "refiner_switch",
}  # fmt: skip
_SIZE = re.compile(r"\(?\s*(\d+)\s*[,x×]\s*(\d+)\s*\)?")


def read(texts: Mapping[str, str]) -> Translation | None:
    given = record(texts.get("parameters"))
    if given is None or "base_model" not in given or "guidance_scale" not in given:
        return None
    sampler, same = samplers.sampler(str(given.get("sampler", "")))
    schedule, same_schedule = samplers.schedule(str(given.get("scheduler", "")))
    sides = _SIZE.fullmatch(str(given.get("resolution", "")))
    line = {
        **values(Steps=given.get("steps"), Sampler=sampler, Schedule_type=schedule),
        **values(CFG_scale=given.get("guidance_scale"), Seed=given.get("seed")),
        **(size(sides[1], sides[2]) if sides else {}),
        **values(Model_hash=given.get("base_model_hash"), Model=given.get("base_model")),
        **values(Clip_skip=given.get("clip_skip"), RNG="CPU"),
    }
    line |= _networks(given)
    doubts: dict[str, Fidelity] = {} if same else {"sampler": "nearest"}
    doubts |= {} if same_schedule else {"schedule": "nearest"}
    if str(given.get("styles", "[]")) not in ("[]", "") or given.get("prompt_expansion"):
        # Styles and expansion add words that are not part of the prompt.
        doubts["prompt"] = "nearest"
    info = Infotext(str(given.get("prompt", "")), str(given.get("negative_prompt", "")), line)
    return Translation("Fooocus", info, {**doubts, **lost(given, _USED)})


def _networks(given: Mapping[str, Any]) -> dict[str, str]:
    found = [f"{item[0]}: {item[2]}" for item in given.get("loras", []) if len(item) > 2]
    return {"Lora hashes": ", ".join(found)} if found else {}
