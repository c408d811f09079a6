"""/controlnet: the lists that A1111's ControlNet extension gives."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from webui.api.sdapi import control
from webui.api.sdapi.errors import Refused
from webui.api.sdapi.generation import Parts


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
        return {"module_list": ["none"], "module_detail": {"none": {"model_free": False, "sliders": []}}}

    @routes.get("/control_types")
    def control_types() -> dict[str, Any]:
        known = ["None", *models()]
        return {
            "control_types": {
                "All": {
                    "module_list": ["none"],
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
    def detect() -> dict[str, Any]:
        """Not here."""
        raise Refused(501, "Preprocessors are not built in.", "NotImplementedError")

    return routes
