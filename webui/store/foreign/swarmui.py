"""SwarmUI: a JSON object with "sui_image_params" where others have the parameters text."""

from collections.abc import Mapping
from typing import Any

from webui.store.fidelity import Fidelity
from webui.store.foreign import samplers
from webui.store.foreign.translation import Translation, lost, record, size, values
from webui.store.infotext import Infotext

_USED = {
    "prompt", "negativeprompt", "steps", "cfgscale", "seed", "width", "height", "sampler", "scheduler", "model",
    "aspectratio", "swarm_version", "date", "generation_time", "personalnote", "clipstopatlayer", "images",
}  # fmt: skip


def read(texts: Mapping[str, str]) -> Translation | None:
    whole = record(texts.get("parameters"))
    if whole is None or "sui_image_params" not in whole:
        return None
    given: dict[str, Any] = whole["sui_image_params"]
    sampler, same = samplers.sampler(str(given.get("sampler", "euler")))
    schedule, same_schedule = samplers.schedule(str(given.get("scheduler", "normal")))
    stop = given.get("clipstopatlayer")
    line = {
        **values(Steps=given.get("steps"), Sampler=sampler, Schedule_type=schedule, CFG_scale=given.get("cfgscale")),
        **values(Seed=given.get("seed"), Clip_skip=-int(stop) if stop else None),
        **size(given.get("width"), given.get("height")),
        **values(Model=given.get("model"), RNG="CPU"),
    }
    doubts: dict[str, Fidelity] = {} if same else {"sampler": "nearest"}
    doubts |= {} if same_schedule else {"schedule": "nearest"}
    prompt = str(given.get("prompt", ""))
    if any(mark in prompt for mark in "(<["):
        doubts["prompt"] = "nearest"
    info = Infotext(prompt, str(given.get("negativeprompt", "")), line)
    return Translation("SwarmUI", info, {**doubts, **lost(given, _USED)})
