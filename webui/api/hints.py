"""/api/v1: what a preprocessor makes of a picture, before a control network looks at it."""

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from pipelines.control import hints
from pipelines.parameter import check_fields
from pipelines.picture import Picture
from pipelines.recipe import Control, ImageRef, RecipeError, Resize
from webui.store import codec
from webui.store.images import ImageStore


class HintShape(BaseModel):
    """image: a ref, as `images` gives; width, height: of the picture to be made; else as in a recipe's controls."""

    image: str
    preprocessor: str = ""
    width: int = Field(512, ge=64, le=2048)
    height: int = Field(512, ge=64, le=2048)
    resize: Resize = "crop"
    low: float = Control.low
    high: float = Control.high
    resolution: int = 0


def router(store: ImageStore) -> APIRouter:
    routes = APIRouter(tags=["assets"])

    @routes.post("/hints", response_class=Response)
    def hint(asked: HintShape) -> Response:
        """The picture that the control network would look at: a PNG."""
        ref = ImageRef(asked.image)
        control = Control(
            ref,
            preprocessor=asked.preprocessor,
            resize=asked.resize,
            low=asked.low,
            high=asked.high,
            resolution=asked.resolution,
        )
        made = prepared(store.get(ref), control, asked.width, asked.height)
        return Response(codec.png(made), media_type="image/png")

    return routes


def prepared(picture: Picture, control: Control, width: int, height: int) -> Picture:
    """A picture as its control network would look at it. Raises RecipeError."""
    check_fields(control)
    if hints.known(control.preprocessor) is None:
        names = ", ".join(name for name in hints.PREPROCESSORS if name)
        raise RecipeError("preprocessor", f"There is no preprocessor '{control.preprocessor}'. Known are: {names}.")
    return hints.of(picture, control, width, height)
