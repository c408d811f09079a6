"""Extras: finished pictures made larger, faces mended; and what pictures say of themselves."""

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from pipelines.catalogue import Catalogue
from pipelines.recipe import Finish, ImageRef, Recipe, Source
from webui.api.sdapi import answers, inputs, names, waiting
from webui.api.sdapi.bodies import BatchExtras, Extras, PictureText, SingleExtras
from webui.api.sdapi.errors import Refused
from webui.api.sdapi.generation import Parts
from webui.jobs.job import Job
from webui.store import codec
from webui.store.codec import BadPicture
from webui.store.infotext import parse_infotext

_MOST = 100


class OnePicture(BaseModel):
    html_info: str
    image: str


class Pictures(BaseModel):
    html_info: str
    images: list[str]


class Said(BaseModel):
    """info: the parameters text, "" where there is none; items: other texts in the file."""

    info: str
    items: dict[str, str]
    parameters: dict[str, str]


def router(parts: Parts) -> APIRouter:
    routes = APIRouter(tags=["extras"])

    @routes.post("/extra-single-image")
    async def single(body: SingleExtras, request: Request) -> OnePicture:
        """Make a picture larger, mend its faces."""
        if not body.image:
            raise Refused(422, "Invalid encoded image")
        images = await _finished(parts, [body.image], body, request)
        return OnePicture(html_info="", image=images[0])

    @routes.post("/extra-batch-images")
    async def batch(body: BatchExtras, request: Request) -> Pictures:
        """As extra-single-image, for several; the answer holds them in their order."""
        if len(body.imageList) > _MOST:
            raise Refused(422, f"At most {_MOST} pictures at once.")
        images = await _finished(parts, [picture.data for picture in body.imageList], body, request)
        return Pictures(html_info="", images=images)

    @routes.post("/png-info")
    def png_info(body: PictureText) -> Said:
        """What a picture says of how it was made."""
        try:
            texts = dict(codec.describe(inputs.data(body.image)))
        except BadPicture as error:
            raise Refused(422, f"Invalid encoded image: {error}") from error
        text = texts.pop("parameters", "")
        return Said(info=text, items=texts, parameters=parse_infotext(text) if text else {})

    return routes


async def _finished(parts: Parts, pictures: list[str], body: Extras, request: Request) -> list[str]:
    jobs = await run_in_threadpool(_submitted, parts, pictures, body)
    jobs = await waiting.ended(parts.service, jobs, request)
    return await run_in_threadpool(_images, parts, jobs)


def _submitted(parts: Parts, pictures: list[str], body: Extras) -> list[Job]:
    finish = _finish(body, parts.catalogue())
    refs = [inputs.put(picture, parts.store) for picture in pictures]
    jobs: list[Job] = []
    try:
        for ref in refs:
            jobs.append(parts.service.submit(_recipe(ref, finish), "sdapi", kept=False))
    except BaseException:
        for job in jobs:
            parts.service.cancel(job.id)
        raise
    return jobs


def _recipe(ref: ImageRef, finish: Finish) -> Recipe:
    return Recipe(seed=0, steps=1, source=Source(ref), finish=finish)


def _images(parts: Parts, jobs: list[Job]) -> list[str]:
    options = parts.options.all(parts.catalogue())
    made: list[str] = []
    for job in jobs:
        saved = parts.store.saved(job.images[0].id) if job.images else None
        if saved is None:
            raise Refused(409, "It was stopped before it was finished.")
        made.append(answers.encoded(saved.path.read_bytes(), options))
    return made


def _finish(body: Extras, catalogue: Catalogue) -> Finish:
    faces, share = "", 1.0
    if body.codeformer_visibility > 0:
        faces, share = _faces(catalogue, "CodeFormer"), body.codeformer_visibility
    elif body.gfpgan_visibility > 0:
        faces, share = _faces(catalogue, "GFPGAN"), body.gfpgan_visibility
    first, second = names.upscaler(catalogue, body.upscaler_1), names.upscaler(catalogue, body.upscaler_2)
    wanted = body.resize_mode == 1
    return Finish(
        only=True,
        upscaler=first,
        scale=body.upscaling_resize if not wanted and first else 1.0,
        width=max(0, body.upscaling_resize_w) if wanted and first else 0,
        height=max(0, body.upscaling_resize_h) if wanted and first else 0,
        crop=body.upscaling_crop,
        second=second,
        second_share=body.extras_upscaler_2_visibility if second else 0.0,
        faces=faces,
        faces_share=share,
        faces_weight=body.codeformer_weight,
        faces_last=body.upscale_first,
    )


def _faces(catalogue: Catalogue, wanted: str) -> str:
    for entry in catalogue.kind("faces"):
        if wanted.casefold() in entry.name.casefold():
            return entry.name
    raise Refused(422, f"There is no {wanted} model here to mend faces with.")
