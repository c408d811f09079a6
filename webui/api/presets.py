"""/api/v1: presets, parts of recipes by name."""

from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel

from webui.api.problems import NotHere
from webui.store.presets import Presets


class PresetShape(BaseModel):
    """recipe: only the fields that the preset sets."""

    name: str
    recipe: dict[str, Any]


def router(presets: Presets) -> APIRouter:
    routes = APIRouter(tags=["presets"])

    @routes.get("/presets")
    def known() -> list[PresetShape]:
        return [PresetShape(name=name, recipe=recipe) for name, recipe in presets.all().items()]

    @routes.get("/presets/{name}")
    def one(name: str) -> PresetShape:
        return PresetShape(name=name, recipe=known_recipe(presets, name))

    @routes.post("/presets/{name}", status_code=201)
    def put(name: str, recipe: Annotated[dict[str, Any], Body()]) -> PresetShape:
        """Keep a part of a recipe under a name; one of that name is replaced."""
        presets.put(name, recipe)
        return PresetShape(name=name.strip(), recipe=recipe)

    @routes.delete("/presets/{name}", status_code=204)
    def remove(name: str) -> None:
        if not presets.remove(name):
            raise NotHere("There is no such preset.")

    return routes


def known_recipe(presets: Presets | None, name: str) -> dict[str, Any]:
    """Raises NotHere."""
    recipe = presets.get(name) if presets is not None else None
    if recipe is None:
        raise NotHere("There is no such preset.")
    return recipe
