"""A parameters text in a request: it fills in what the request itself leaves open."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from webui.api.sdapi.bodies import Generation
from webui.api.sdapi.errors import Refused
from webui.store.infotext import parse_infotext

_Body = TypeVar("_Body", bound=Generation)

_FIELDS: Mapping[str, str] = {
    "Prompt": "prompt",
    "Negative prompt": "negative_prompt",
    "Steps": "steps",
    "Sampler": "sampler_name",
    "Schedule type": "scheduler",
    "CFG scale": "cfg_scale",
    "Seed": "seed",
    "Size-1": "width",
    "Size-2": "height",
    "Denoising strength": "denoising_strength",
    "Variation seed": "subseed",
    "Variation seed strength": "subseed_strength",
    "Seed resize from-1": "seed_resize_from_w",
    "Seed resize from-2": "seed_resize_from_h",
    "Hires upscale": "hr_scale",
    "Hires upscaler": "hr_upscaler",
    "Hires steps": "hr_second_pass_steps",
    "Hires resize-1": "hr_resize_x",
    "Hires resize-2": "hr_resize_y",
    "Refiner": "refiner_checkpoint",
    "Refiner switch at": "refiner_switch_at",
    "Mask blur": "mask_blur",
}
_OPTIONS: Mapping[str, str] = {
    "Model": "sd_model_checkpoint",
    "Model hash": "sd_model_checkpoint",
    "VAE": "sd_vae",
    "Clip skip": "CLIP_stop_at_last_layers",
    "ENSD": "eta_noise_seed_delta",
    "RNG": "randn_source",
    "Emphasis": "emphasis",
}


def completed(body: _Body) -> _Body:
    """The request with what its `infotext` says, where it says nothing itself. Raises Refused, 422."""
    if not body.infotext:
        return body
    values = parse_infotext(body.infotext[: 256 * 1024])
    set_already = body.model_fields_set
    said = {
        field: values[key]
        for key, field in _FIELDS.items()
        if values.get(key) and field in type(body).model_fields and field not in set_already
    }
    hires: dict[str, Any] = {} if "Hires upscaler" not in values or "enable_hr" in set_already else {"enable_hr": True}
    options = {name: values[key] for key, name in _OPTIONS.items() if values.get(key)}
    given = body.model_dump(exclude_unset=True)
    try:
        return type(body).model_validate(
            {**given, **said, **hires, "override_settings": {**options, **body.override_settings}}
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise Refused(422, f"The infotext's {field} cannot be used: {first['msg']}") from error
