"""/api/v1: pictures to start from, finished pictures, and what they say of themselves."""

import json
from collections.abc import Callable
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from pipelines.catalogue import Catalogue
from pipelines.recipe import ImageRef, Recipe
from webui.api.problems import NotHere
from webui.api.shapes import (
    ImageShape,
    ImagesShape,
    InputShape,
    ParametersShape,
    RefShape,
    TokensShape,
    image_shape,
    parameters_shape,
)
from webui.api.tokens import Count
from webui.store import codec, metadata
from webui.store.fidelity import Restored
from webui.store.images import BadPicture, ImageStore, SavedImage

_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
_PICTURE = {"requestBody": {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}}}


def router(store: ImageStore, count_tokens: Count, catalogue: Callable[[], Catalogue | None]) -> APIRouter:
    routes = APIRouter(tags=["pictures"])
    _add_inputs(routes, store)
    _add_finished(routes, store)
    _add_words(routes, count_tokens, catalogue)
    return routes


def _add_inputs(routes: APIRouter, store: ImageStore) -> None:
    @routes.post("/images", status_code=201, openapi_extra=_PICTURE)
    async def put(request: Request) -> InputShape:
        """Keep a picture to start from: the body is the PNG, JPEG, WebP or AVIF file itself."""
        data = await request.body()
        ref = await run_in_threadpool(store.put, data)
        width, height = codec.size(data)
        return InputShape(ref=ref, width=width, height=height, notes=list(codec.remarks(data)))

    @routes.get("/inputs/{ref}")
    def give(ref: str) -> Response:
        """The bytes of a picture to start from."""
        try:
            data = store.data(ImageRef(ref))
        except BadPicture as error:
            raise NotHere(str(error)) from error
        return Response(data, media_type=_media(data), headers=_FOREVER)


def _media(data: bytes) -> str:
    return f"image/{codec.kind(data).lower()}"


def _add_finished(routes: APIRouter, store: ImageStore) -> None:
    @routes.get("/images")
    def find(search: str = "", before: str = "", limit: int = 60) -> ImagesShape:
        """Finished pictures, newest first; `search` looks in their parameters text."""
        limit = max(1, min(limit, 200))
        found = store.list(search, before or None, limit)
        following = found[-1].id if len(found) == limit else None
        return ImagesShape(images=[image_shape(image) for image in found], next=following)

    @routes.get("/images/{identity}")
    def picture(identity: str) -> Response:
        """The file as it lies on disk."""
        path = _known(store, identity).path
        name = path.name.encode("ascii", "ignore").decode()
        headers = {**_FOREVER, "Content-Disposition": f'inline; filename="{name}"'}
        data = path.read_bytes()
        return Response(data, media_type=_media(data), headers=headers)

    @routes.get("/images/{identity}/thumbnail")
    def thumbnail(identity: str) -> Response:
        """A JPEG of at most 320 pixels a side."""
        return Response(_thumbnail(_known(store, identity).path), media_type="image/jpeg", headers=_FOREVER)

    @routes.get("/images/{identity}/details")
    def details(identity: str) -> ImageShape:
        return image_shape(_known(store, identity))

    @routes.post("/images/{identity}/use")
    def use(identity: str) -> RefShape:
        """Make a finished picture one to start from."""
        return RefShape(ref=store.ref_of(_known(store, identity).id))

    @routes.delete("/images/{identity}", status_code=204)
    def delete(identity: str) -> None:
        """Move a picture to the bin."""
        store.delete(_known(store, identity).id)

    @routes.post("/images/{identity}/restore")
    def restore(identity: str) -> ImageShape:
        """Bring a picture back from the bin."""
        return image_shape(store.restore(identity))


def _add_words(routes: APIRouter, count_tokens: Count, catalogue: Callable[[], Catalogue | None]) -> None:
    @routes.get("/tokens")
    def tokens(text: str = "") -> TokensShape:
        """How many tokens a prompt has, and how many the last chunk begun has room for."""
        count, limit = count_tokens(text)
        return TokensShape(count=count, limit=limit)

    @routes.post("/parameters", openapi_extra=_PICTURE)
    async def parameters(request: Request) -> ParametersShape:
        """What a picture (the body) or a pasted text ({"text": …}) says of how it was made."""
        data = await request.body()
        return await run_in_threadpool(_described, data, catalogue())


def _described(data: bytes, catalogue: Catalogue | None) -> ParametersShape:
    if data[:1] == b"{":
        try:
            text = str(json.loads(data)["text"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BadPicture('Send a picture, or {"text": "…"}.') from error
        return parameters_shape(metadata.restored({"parameters": text}, catalogue) or Restored(Recipe()))
    found = metadata.described(data, catalogue)
    if found is None:
        raise BadPicture("This picture says nothing about how it was made.")
    return parameters_shape(found)


def _thumbnail(path: Path) -> bytes:
    return codec.jpeg(codec.decode(path.read_bytes()), largest=320, quality=82)


def _known(store: ImageStore, identity: str) -> SavedImage:
    saved = store.saved(identity)
    if saved is None:
        raise NotHere("This picture is not here (any more).")
    return saved
