"""Translation: a request to txt2img or img2img as a Recipe."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from pipelines.catalogue import Catalogue
from pipelines.recipe import (
    SEED_LIMIT,
    Area,
    Emphasis,
    Fill,
    Finish,
    Hires,
    Json,
    Mask,
    NoiseSource,
    Recipe,
    RecipeError,
    Refiner,
    Resize,
    Sampling,
    Source,
)
from pipelines.recipe_json import from_json, to_json
from webui.api.sdapi import inputs, names
from webui.api.sdapi.bodies import Generation, ImageToImage, TextToImage
from webui.api.sdapi.errors import Refused
from webui.api.sdapi.options import CHECKPOINT, IN_RECIPE
from webui.store.images import ImageStore
from webui.store.styles import Style, applied

_FILLS: tuple[Fill, ...] = ("blurred", "original", "noise", "empty")
_RESIZES: tuple[Resize, ...] = ("stretch", "crop", "fill", "latent")
_EMPHASES: Mapping[str, Emphasis] = {"No norm": "no norm", "Ignore": "ignore", "None": "none"}
_NOISES: Mapping[str, NoiseSource] = {"GPU": "nv", "NV": "nv", "CPU": "cpu"}
_MOST_AT_ONCE = 8
_HIRES_STRENGTH = 0.75


@dataclass(frozen=True)
class Here:
    """What names in a request refer to."""

    catalogue: Catalogue
    store: ImageStore
    options: Mapping[str, Json]
    styles: tuple[Style, ...] = ()


def text_to_image(body: TextToImage, here: Here) -> Recipe:
    """Raises Refused or RecipeError."""
    recipe = _common(body, here)
    if not body.enable_hr:
        return recipe
    hires = _hires(body, here)
    if body.firstphase_width > 0 and body.firstphase_height > 0:  # the old form: width and height are the result's
        hires = replace(hires, width=body.width, height=body.height)
        recipe = replace(recipe, width=body.firstphase_width, height=body.firstphase_height)
    return replace(recipe, hires=hires)


def image_to_image(body: ImageToImage, here: Here) -> tuple[Recipe, ...]:
    """One recipe, or one for each picture where several pictures are sent. Raises Refused or RecipeError."""
    if not body.init_images:
        raise Refused(404, "Init image not found")
    recipe = _common(body, here)
    if body.initial_noise_multiplier is not None:
        recipe = replace(recipe, sampling=replace(recipe.sampling, noise_multiplier=body.initial_noise_multiplier))
    masked = body.mask or body.latent_mask
    mask = _mask(body, masked, here) if masked else None
    sources = [
        Source(
            image=inputs.put(picture, here.store),
            strength=body.denoising_strength,
            resize=_pick(_RESIZES, body.resize_mode, "resize_mode"),
            colour_correction=bool(here.options["img2img_color_correction"]),
            mask=mask,
        )
        for picture in body.init_images
    ]
    if len(sources) == 1:
        return (replace(recipe, source=sources[0]),)
    turns = len(sources) * recipe.count
    if turns > 100:
        raise Refused(422, f"{turns} pictures are more than can be made for one request: 100.")
    single = replace(recipe, count=1, batch=1)
    return tuple(
        replace(single, source=sources[index % len(sources)], seed=_counted(recipe.seed, index))
        for index in range(turns)
    )


def _common(body: Generation, here: Here) -> Recipe:
    options = here.options
    entry, schedule = names.sampler(here.catalogue, body.sampler_name or body.sampler_index, body.scheduler)
    prompt, negative = applied(body.prompt, body.negative_prompt, _styles(body, here))
    count, batch = _counts(body.n_iter, body.batch_size)
    checkpoint = names.checkpoint(here.catalogue, str(options[CHECKPOINT]))
    recipe = Recipe(
        prompt=prompt,
        negative=negative,
        checkpoint=checkpoint.name if checkpoint else "",
        width=body.width,
        height=body.height,
        steps=body.steps,
        guidance=max(1.0, body.cfg_scale),  # below 1 A1111 leaves guidance out as well
        sampler=entry.name,
        schedule=schedule,
        seed=_seed(body.seed),
        count=count,
        batch=batch,
        emphasis=_EMPHASES.get(str(options["emphasis"]), "original"),
        vae=_vae(here),
        tiling="both" if (bool(options["tiling"]) if body.tiling is None else body.tiling) else "off",
        refiner=_refiner(body, here),
        finish=_faces(body, here),
    )
    recipe = _with_options(recipe, options)
    return replace(recipe, sampling=_sampling(recipe.sampling, body, entry.name, options))


def _styles(body: Generation, here: Here) -> tuple[Style, ...]:
    known = {style.name: style for style in here.styles}
    return tuple(known[name] for name in body.styles if name in known)


def _counts(count: int, batch: int) -> tuple[int, int]:
    """As many pictures; a batch that is too large is made in several."""
    if count < 1 or batch < 1 or count * batch > 800:
        raise RecipeError("batch_size", f"{count} times {batch} pictures cannot be made; ask for 1 to 800 in all.")
    at_once = max(size for size in range(1, _MOST_AT_ONCE + 1) if batch % size == 0)
    return count * (batch // at_once), at_once


def _seed(seed: int) -> int | None:
    return None if seed < 0 else seed % SEED_LIMIT


def _counted(seed: int | None, index: int) -> int | None:
    return None if seed is None else (seed + index) % SEED_LIMIT


def _with_options(recipe: Recipe, options: Mapping[str, Json]) -> Recipe:
    """The fields that options stand for. Raises RecipeError."""
    changed = cast("dict[str, Any]", to_json(recipe))
    for name, place in IN_RECIPE.items():
        owner, _, field = place.rpartition(".")
        (changed[owner] if owner else changed)[field] = options[name]
    return from_json(changed)


def _sampling(sampling: Sampling, body: Generation, sampler: str, options: Mapping[str, Json]) -> Sampling:
    """The request's own values over those of the options."""
    given = {
        "s_churn": body.s_churn,
        "s_tmin": body.s_tmin,
        "s_tmax": body.s_tmax,
        "s_noise": body.s_noise,
        "min_uncond": body.s_min_uncond,
    }
    option, usual = ("eta_ddim", 0.0) if sampler.startswith(("DDIM", "PLMS", "UniPC")) else ("eta_ancestral", 1.0)
    eta = body.eta if body.eta is not None else None if options[option] == usual else float(str(options[option]))
    width, height = max(0, body.seed_resize_from_w), max(0, body.seed_resize_from_h)
    image = isinstance(body, ImageToImage)
    return replace(
        sampling,
        **{name: value for name, value in given.items() if value is not None},
        eta=eta,
        noise=_NOISES.get(str(options["randn_source"]), "cpu"),
        variation_seed=_seed(body.subseed),
        variation=body.subseed_strength,
        resize_width=width if width and height else 0,
        resize_height=height if width and height else 0,
        noise_multiplier=float(str(options["initial_noise_multiplier"])) if image else 1.0,
        extra_noise=float(str(options["img2img_extra_noise"])),
    )


def _vae(here: Here) -> str:
    wanted = str(here.options["sd_vae"])
    if wanted.casefold() in ("automatic", "none", ""):
        return "None" if wanted.casefold() == "none" else ""
    entry = names.asset(here.catalogue, "vae", wanted)
    return entry.name if entry else ""


def _refiner(body: Generation, here: Here) -> Refiner | None:
    wanted, switch = body.refiner_checkpoint or "", body.refiner_switch_at
    if wanted.casefold() in ("", "none") or not switch or switch >= 1:
        return None
    return Refiner(_model(wanted, here), switch)


def _model(wanted: str, here: Here) -> str:
    entry = names.checkpoint(here.catalogue, wanted)
    if entry is None:
        raise Refused(422, f"Could not find checkpoint with name {wanted}")
    return entry.name


def _faces(body: Generation, here: Here) -> Finish | None:
    """None where there is no model for it: A1111 gives the picture as it is, too."""
    wished = bool(here.options["face_restoration"]) if body.restore_faces is None else body.restore_faces
    wanted = str(here.options["face_restoration_model"]).casefold()
    known = here.catalogue.kind("faces")
    model = next((entry.name for entry in known if wanted in entry.name.casefold()), known[0].name if known else "")
    if not wished or not model:
        return None
    return Finish(scale=1.0, faces=model, faces_weight=float(str(here.options["code_former_weight"])))


def _hires(body: TextToImage, here: Here) -> Hires:
    wanted = body.hr_upscaler or "Latent"
    sampler, schedule = "", names.schedule(here.catalogue, body.hr_scheduler or "")
    if body.hr_sampler_name and body.hr_sampler_name.casefold() != "use same sampler":
        entry, own = names.sampler(here.catalogue, body.hr_sampler_name, body.hr_scheduler)
        sampler, schedule = entry.name, schedule or ("" if own == "Automatic" else own)
    model = body.hr_checkpoint_name or ""
    return Hires(
        scale=body.hr_scale,
        width=max(0, body.hr_resize_x),
        height=max(0, body.hr_resize_y),
        upscaler=names.upscaler(here.catalogue, wanted, latent=True) or "Lanczos",
        steps=max(0, body.hr_second_pass_steps),
        strength=_HIRES_STRENGTH if body.denoising_strength is None else body.denoising_strength,
        guidance=max(0.0, body.hr_cfg),
        sampler=sampler,
        schedule=schedule,
        checkpoint="" if model.casefold() in ("", "none", "use same checkpoint") else _model(model, here),
        prompt=body.hr_prompt,
        negative=body.hr_negative_prompt,
    )


def _mask(body: ImageToImage, picture: str, here: Here) -> Mask:
    blur = (body.mask_blur_x + body.mask_blur_y) / 2 if body.mask_blur is None else body.mask_blur
    area: Area = "masked" if body.inpaint_full_res else "whole"
    return Mask(
        image=inputs.put_mask(picture, here.store),
        blur=min(64.0, max(0.0, blur)),
        fill=_pick(_FILLS, body.inpainting_fill, "inpainting_fill"),
        area=area,
        padding=max(0, body.inpaint_full_res_padding),
        invert=bool(body.inpainting_mask_invert),
    )


def _pick(known: tuple[Any, ...], index: int, field: str) -> Any:
    if not 0 <= index < len(known):
        raise RecipeError(field, f"{field} is {index}, but has to lie between 0 and {len(known) - 1}.")
    return known[index]
