"""Bodies: what A1111's clients send, with its defaults, as leniently as it reads them.

Every field may be left out or null, unknown ones are ignored, fractions are cut off where a whole number belongs,
and an empty list stands for an empty object.
"""

import math
from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and math.isfinite(value) else value


def _object(value: Any) -> Any:
    return {} if value == [] else value


def _names(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_LIMIT = 2**63
Whole = Annotated[int, BeforeValidator(_whole), Field(ge=-_LIMIT, lt=_LIMIT)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Object = Annotated[dict[str, Any], BeforeValidator(_object)]
Names = Annotated[list[str], BeforeValidator(_names)]


class Lenient(BaseModel):
    """null means that a field was left out."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        given = cast("dict[str, Any]", value)
        return {name: held for name, held in given.items() if held is not None}


class Generation(Lenient):
    """What text to image and image to image have in common."""

    prompt: str = ""
    negative_prompt: str = ""
    styles: Names = []
    seed: Whole = -1
    subseed: Whole = -1
    subseed_strength: Number = 0.0
    seed_resize_from_h: Whole = -1
    seed_resize_from_w: Whole = -1
    sampler_name: str | None = None
    sampler_index: str = "Euler"
    scheduler: str | None = None
    batch_size: Whole = 1
    n_iter: Whole = 1
    steps: Whole = 50
    cfg_scale: Number = 7.0
    width: Whole = 512
    height: Whole = 512
    restore_faces: bool | None = None
    tiling: bool | None = None
    eta: Number | None = None
    s_min_uncond: Number | None = None
    s_churn: Number | None = None
    s_tmax: Number | None = None
    s_tmin: Number | None = None
    s_noise: Number | None = None
    override_settings: Object = {}
    override_settings_restore_afterwards: bool = True
    refiner_checkpoint: str | None = None
    refiner_switch_at: Number | None = None
    disable_extra_networks: bool = False
    comments: Object = {}
    send_images: bool = True
    save_images: bool = False
    script_name: str | None = None
    script_args: list[Any] = []
    alwayson_scripts: Object = {}
    force_task_id: str | None = None
    infotext: str | None = None


class TextToImage(Generation):
    """POST txt2img."""

    enable_hr: bool = False
    denoising_strength: Number | None = None
    firstphase_width: Whole = 0
    firstphase_height: Whole = 0
    hr_scale: Number = 2.0
    hr_upscaler: str | None = None
    hr_second_pass_steps: Whole = 0
    hr_resize_x: Whole = 0
    hr_resize_y: Whole = 0
    hr_checkpoint_name: str | None = None
    hr_sampler_name: str | None = None
    hr_scheduler: str | None = None
    hr_prompt: str = ""
    hr_negative_prompt: str = ""
    hr_cfg: Number = 0.0


class ImageToImage(Generation):
    """POST img2img. Pictures are base64, with or without "data:…," before it."""

    init_images: Names = []
    resize_mode: Whole = 0
    denoising_strength: Number = 0.75
    image_cfg_scale: Number | None = None
    mask: str | None = None
    mask_blur: Number | None = None
    mask_blur_x: Number = 4.0
    mask_blur_y: Number = 4.0
    mask_round: bool = True
    inpainting_fill: Whole = 0
    inpaint_full_res: bool = True
    inpaint_full_res_padding: Whole = 0
    inpainting_mask_invert: Whole = 0
    initial_noise_multiplier: Number | None = None
    latent_mask: str | None = None
    include_init_images: bool = False


class Extras(Lenient):
    """What both extras routes have in common."""

    resize_mode: Whole = 0
    show_extras_results: bool = True
    gfpgan_visibility: Number = 0.0
    codeformer_visibility: Number = 0.0
    codeformer_weight: Number = 0.0
    upscaling_resize: Number = 2.0
    upscaling_resize_w: Whole = 512
    upscaling_resize_h: Whole = 512
    upscaling_crop: bool = True
    upscaler_1: str = "None"
    upscaler_2: str = "None"
    extras_upscaler_2_visibility: Number = 0.0
    upscale_first: bool = False


class SingleExtras(Extras):
    """POST extra-single-image."""

    image: str = ""


class NamedPicture(Lenient):
    data: str = ""
    name: str = ""


class BatchExtras(Extras):
    """POST extra-batch-images."""

    imageList: list[NamedPicture] = []


class PictureText(Lenient):
    """POST png-info."""

    image: str = ""


class Question(Lenient):
    """POST interrogate."""

    image: str = ""
    model: str = "clip"
