"""Answers: finished jobs as A1111 tells of them."""

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from pipelines.catalogue import Catalogue
from pipelines.recipe import SEED_LIMIT, Json
from webui.jobs.job import Job
from webui.store import codec, metadata
from webui.store.codec import Kind
from webui.store.images import ImageStore, SavedImage

_KINDS: Mapping[str, Kind] = {"jpg": "JPEG", "jpeg": "JPEG", "webp": "WEBP", "avif": "AVIF"}


class Made(BaseModel):
    """images: base64 without "data:"; info: JSON as text."""

    images: list[str]
    parameters: dict[str, Any]
    info: str


@dataclass(frozen=True)
class _Picture:
    job: Job
    index: int
    seed: int
    saved: SavedImage


def made(
    jobs: Sequence[Job],
    parameters: dict[str, Any],
    store: ImageStore,
    options: Mapping[str, Json],
    catalogue: Catalogue,
    styles: Sequence[str] = (),
    send: bool = True,
) -> Made:
    """What txt2img and img2img answer. An interrupted job gives the pictures that were finished."""
    pictures = [
        _Picture(job, image.index, image.seed, saved)
        for job in jobs
        for image in job.images
        if (saved := store.saved(image.id)) is not None
    ]
    images = [encoded(picture.saved.path.read_bytes(), options) for picture in pictures] if send else []
    return Made(images=images, parameters=parameters, info=json.dumps(_info(jobs, pictures, catalogue, styles)))


def encoded(data: bytes, options: Mapping[str, Json]) -> str:
    """A picture file as base64, in the format that the options ask for; PNG where that cannot hold it."""
    wanted = _KINDS.get(str(options["samples_format"]).casefold(), "PNG")
    if codec.kind(data) != wanted:
        data = _as(wanted, data, options)
    return base64.b64encode(data).decode()


def _as(kind: Kind, data: bytes, options: Mapping[str, Json]) -> bytes:
    picture, text = codec.decode(data), codec.describe(data).get("parameters", "")
    if kind != "PNG" and codec.fits(picture, kind):
        quality = min(100, max(1, int(str(options["jpeg_quality"]))))
        try:
            return codec.encoded(picture, kind, text, quality)
        except ValueError:  # the text does not fit
            pass
    return data if codec.kind(data) == "PNG" else codec.png(picture, {"parameters": text})


def _info(
    jobs: Sequence[Job], pictures: Sequence[_Picture], catalogue: Catalogue, styles: Sequence[str]
) -> dict[str, Any]:
    recipe = jobs[0].recipe
    source = recipe.source
    checkpoint = catalogue.checkpoint(recipe.checkpoint)
    seeds = [picture.seed for picture in pictures]
    subseeds = [((p.job.recipe.sampling.variation_seed or 0) + p.index) % SEED_LIMIT for p in pictures]
    strength = recipe.hires.strength if recipe.hires else source.strength if source else None
    return {
        "prompt": recipe.prompt,
        "all_prompts": [picture.job.recipe.prompt for picture in pictures],
        "negative_prompt": recipe.negative,
        "all_negative_prompts": [picture.job.recipe.negative for picture in pictures],
        "seed": seeds[0] if seeds else recipe.seed,
        "all_seeds": seeds,
        "subseed": subseeds[0] if subseeds else 0,
        "all_subseeds": subseeds,
        "subseed_strength": recipe.sampling.variation,
        "width": recipe.width,
        "height": recipe.height,
        "sampler_name": recipe.sampler,
        "cfg_scale": recipe.guidance,
        "steps": recipe.steps,
        "batch_size": recipe.batch,
        "restore_faces": bool(recipe.finish and recipe.finish.faces),
        "face_restoration_model": (recipe.finish.faces or None) if recipe.finish else None,
        "sd_model_name": recipe.checkpoint,
        "sd_model_hash": checkpoint.short_hash if checkpoint else "",
        "sd_vae_name": recipe.vae or None,
        "sd_vae_hash": None,
        "seed_resize_from_w": recipe.sampling.resize_width or -1,
        "seed_resize_from_h": recipe.sampling.resize_height or -1,
        "denoising_strength": strength,
        "extra_generation_params": {},
        "index_of_first_image": 0,
        "infotexts": [picture.saved.parameters for picture in pictures],
        "styles": list(styles),
        "job_timestamp": time.strftime("%Y%m%d%H%M%S", time.localtime(jobs[0].created)),
        "clip_skip": recipe.clip_skip,
        "is_using_inpainting_conditioning": False,
        "version": metadata.VERSION,
        "notes": [note for job in jobs for note in job.notes],
    }
