"""/controlnet: the lists that A1111's ControlNet extension gives."""

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from pipelines.control import hints
from pipelines.recipe import Control, ImageRef
from webui.api.hints import prepared
from webui.api.sdapi import control, inputs
from webui.api.sdapi.errors import Refused
from webui.api.sdapi.generation import Parts
from webui.store import codec
from webui.store.images import BadPicture

MODULES = ["none", *(name for name in hints.PREPROCESSORS if name not in ("", "none"))]


class Detection(BaseModel):
    controlnet_module: str = "none"
    controlnet_input_images: list[str] = []
    controlnet_processor_res: int = Field(512, ge=64, le=2048)
    controlnet_threshold_a: float = -1
    controlnet_threshold_b: float = -1


def router(parts: Parts) -> APIRouter:
    routes = APIRouter(tags=["controlnet"])

    def models() -> list[str]:
        return [
            f"{entry.name} [{entry.hash[:8]}]" if entry.hash else entry.name
            for entry in parts.catalogue().kind("controlnet")
        ]

    @routes.get("/version")
    def version() -> dict[str, int]:
        return {"version": 3}

    @routes.get("/model_list")
    def model_list(update: Annotated[bool, Query()] = True) -> dict[str, list[str]]:
        return {"model_list": models()}

    @routes.get("/module_list")
    def module_list(alias_names: Annotated[bool, Query()] = False) -> dict[str, Any]:
        """Preprocessors; "none" takes the picture as it is."""
        return {"module_list": MODULES, "module_detail": {name: _detail(name) for name in MODULES}}

    @routes.get("/control_types")
    def control_types() -> dict[str, Any]:
        known = ["None", *models()]
        return {
            "control_types": {
                "All": {
                    "module_list": MODULES,
                    "model_list": known,
                    "default_option": "none",
                    "default_model": "None",
                }
            }
        }

    @routes.get("/settings")
    def settings() -> dict[str, int]:
        return {"control_net_unit_count": control.UNITS}

    @routes.post("/detect")
    def detect(body: Detection) -> dict[str, Any]:
        """The pictures as a control network would look at them; `info` is there for clients that ask for it."""
        if hints.known(body.controlnet_module) is None:
            raise Refused(422, "Module not available")
        return {"images": [_detected(text, body) for text in body.controlnet_input_images], "info": "Success"}

    return routes


def _detail(name: str) -> dict[str, Any]:
    titles = {"low": "Low Threshold", "high": "High Threshold"}
    sliders = [
        {"name": titles[side], "min": 0, "max": 255, "value": getattr(Control, side), "step": 1}
        for side in hints.THRESHOLDS.get(name, ())
    ]
    return {"model_free": False, "sliders": sliders}


def _detected(text: str, body: Detection) -> str:
    """At the size that is asked for, on the shorter side."""
    try:
        picture = codec.decode(inputs.data(text))
    except BadPicture as error:
        raise Refused(422, f"Invalid encoded image: {error}") from error
    scale = body.controlnet_processor_res / min(picture.width, picture.height)
    width, height = (max(64, min(2048, round(side * scale))) for side in (picture.width, picture.height))
    usual = Control(ImageRef(""))
    low = body.controlnet_threshold_a if body.controlnet_threshold_a >= 0 else usual.low
    high = body.controlnet_threshold_b if body.controlnet_threshold_b >= 0 else usual.high
    control = Control(ImageRef(""), preprocessor=body.controlnet_module, resize="stretch", low=low, high=high)
    return base64.b64encode(codec.png(prepared(picture, control, width, height))).decode()
