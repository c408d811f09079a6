"""/api/v1/images/…/again: makes a finished picture once more, and says whether it is the same."""

from collections.abc import Callable

from fastapi import APIRouter, Response
from pydantic import BaseModel

from pipelines.catalogue import Catalogue
from pipelines.recipe import Recipe, RecipeError
from webui.api.problems import NotHere
from webui.api.shapes import JobShape, job_shape
from webui.jobs.service import JobService
from webui.store import codec, making, metadata
from webui.store.comparison import Comparison, compared
from webui.store.fidelity import Restored
from webui.store.images import ImageStore, SavedImage


class ComparisonShape(BaseModel):
    """mean, largest: of the differences, 0 .. 255; causes: sentences, the likeliest first."""

    identical: bool
    mean: float
    largest: int
    causes: list[str]


def router(service: JobService, store: ImageStore, catalogue: Callable[[], Catalogue | None]) -> APIRouter:
    routes = APIRouter(tags=["pictures"])

    @routes.post("/images/{identity}/again", status_code=201)
    def again(identity: str) -> JobShape:
        """Makes the picture once more, for comparison: what is made does not go into the gallery."""
        found = _restored(_known(store, identity), catalogue())
        return job_shape(service.submit(_single(found), "again", kept=False), service)

    @routes.get("/images/{identity}/again/{other}")
    def comparison(identity: str, other: str) -> ComparisonShape:
        """How far picture `other` is from it, and what may be the cause."""
        saved = _known(store, identity)
        found = _compared(saved, _known(store, other))
        causes = () if found.identical else _causes(saved, catalogue())
        return ComparisonShape(identical=found.identical, mean=found.mean, largest=found.largest, causes=list(causes))

    @routes.get("/images/{identity}/again/{other}/difference")
    def difference(identity: str, other: str) -> Response:
        """Where they differ, amplified: a PNG, black where they are the same."""
        found = _compared(_known(store, identity), _known(store, other))
        return Response(codec.png(found.picture), media_type="image/png", headers={"Cache-Control": "no-store"})

    return routes


def _single(found: Restored) -> Recipe:
    if "lost" in (found.fidelity.get("checkpoint"), found.fidelity.get("sampler")):
        raise RecipeError("checkpoint", "What it was made with is not here: its model or its sampler.")
    return found.recipe


def _restored(saved: SavedImage, catalogue: Catalogue | None) -> Restored:
    found = metadata.described(saved.path.read_bytes(), catalogue)
    if found is None:
        raise RecipeError("recipe", "This picture says nothing about how it was made.")
    return found


def _compared(one: SavedImage, other: SavedImage) -> Comparison:
    found = compared(*(codec.decode(saved.path.read_bytes()) for saved in (one, other)))
    if found is None:
        raise codec.BadPicture("The two pictures are of different sizes.")
    return found


def _causes(saved: SavedImage, catalogue: Catalogue | None) -> tuple[str, ...]:
    data = saved.path.read_bytes()
    found = _restored(saved, catalogue)
    now = making.making(found.recipe, catalogue, metadata.VERSION)
    causes = making.differences(metadata.made_by(data), now, found.recipe)
    unsure = [name for name, level in found.fidelity.items() if level != "exact"]
    if unsure:
        causes = (*causes, f"Not certain, as {found.tool or 'another program'} wrote it: {', '.join(unsure)}.")
    if saved.path.suffix != ".png":
        kind = saved.path.suffix[1:].upper()
        causes = (
            f"It was written as {kind}, which changes the pixels a little; what is made again is compared to that.",
            *causes,
        )
    return causes or ("Nothing that was recorded differs. Its files may have been changed: networks, VAE, pictures.",)


def _known(store: ImageStore, identity: str) -> SavedImage:
    saved = store.saved(identity)
    if saved is None:
        raise NotHere("This picture is not here (any more).")
    return saved
