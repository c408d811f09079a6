"""The state of things: options, progress, memory; and what interrupts, skips and unloads."""

import os
import time
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response

from pipelines.recipe import Json
from webui.api.sdapi import answers
from webui.api.sdapi.generation import Parts
from webui.jobs.job import Job
from webui.settings import Settings
from webui.store import codec

Empty = dict[str, Any]
_SECRETS = ("auth",)


def router(parts: Parts, settings: Settings) -> APIRouter:
    routes = APIRouter(tags=["state"])
    _add_options(routes, parts)
    _add_progress(routes, parts)
    _add_machine(routes, parts, settings)
    return routes


def _add_options(routes: APIRouter, parts: Parts) -> None:
    @routes.get("/options")
    def options() -> dict[str, Any]:
        """Every option. The whole may be sent back."""
        return dict(parts.options.all(parts.catalogue()))

    @routes.post("/options")
    def set_options(given: Annotated[dict[str, Any], Body()]) -> None:
        """Change options. Unknown ones and those that can only be read are passed over."""
        parts.options.set(given, parts.catalogue())


def _add_progress(routes: APIRouter, parts: Parts) -> None:
    @routes.get("/progress")
    def progress(skip_current_image: bool = False) -> dict[str, Any]:
        """How far the job in hand is. Idle: progress 0 and job_count 0."""
        return _progress(parts, skip_current_image)

    @routes.post("/interrupt")
    def interrupt() -> Empty:
        """Stop the job in hand within a step."""
        parts.service.cancel(parts.service.running)
        return {}

    @routes.post("/skip")
    def skip() -> None:
        """Leave out the pictures in hand and go on with the next. The answer is null."""
        parts.service.skip(parts.service.running)

    @routes.post("/unload-checkpoint")
    def unload() -> Empty:
        """Give back the memory of the model."""
        parts.service.unload()
        return {}

    @routes.post("/reload-checkpoint")
    def reload() -> Empty:
        """Nothing to do: the next job loads its model by itself."""
        return {}


def _progress(parts: Parts, plain: bool) -> dict[str, Any]:
    service = parts.service
    job = service.job(service.running)
    waiting = service.waiting()
    preview = service.preview(job.id) if job and not plain else None
    options: Mapping[str, Json] = {"samples_format": "png"}
    return {
        "progress": round(max(0.001, job.fraction), 4) if job else 0.001 if waiting else 0.0,
        "eta_relative": (job.eta(time.time()) or 0.0) if job else 0.0,
        "state": _state(job, waiting),
        "current_image": answers.encoded(codec.png(preview[1]), options) if preview else None,
        "textinfo": ("Loading the model" if job.state == "loading" else None) if job else None,
        "current_task": job.id if job else None,
    }


def _state(job: Job | None, waiting: int) -> dict[str, Any]:
    return {
        "skipped": False,
        "interrupted": bool(job and job.stopping),
        "stopping_generation": False,
        "job": f"Batch {job.picture // job.recipe.batch + 1} out of {job.recipe.count}" if job else "",
        "job_count": (job.recipe.count if job else 0) + waiting,
        "job_timestamp": time.strftime("%Y%m%d%H%M%S", time.localtime(job.created)) if job else "0",
        "job_no": job.picture // job.recipe.batch if job else 0,
        "sampling_step": job.step if job else 0,
        "sampling_steps": (job.steps or job.recipe.steps) if job else 0,
    }


def _add_machine(routes: APIRouter, parts: Parts, settings: Settings) -> None:
    @routes.get("/cmd-flags")
    def cmd_flags() -> dict[str, Any]:
        """How the program was started; nothing that is secret."""
        return {
            "data_dir": settings.root.as_posix(),
            "models_dir": settings.models.as_posix(),
            "ckpt_dir": (settings.models / "checkpoints").as_posix(),
            "lora_dir": (settings.models / "loras").as_posix(),
            "port": settings.port,
            "listen": settings.host not in ("127.0.0.1", "localhost", "::1"),
            "device_id": settings.device or None,
            "api": True,
            "api_auth": bool(settings.api_auth),
            "nowebui": False,
            "share": False,
            "autolaunch": settings.browser,
            "cors_allow_origins": settings.cors_allow_origins or None,
        }

    @routes.get("/memory")
    def memory() -> dict[str, Any]:
        """Bytes."""
        device = parts.catalogue().device
        card: dict[str, Any] = {"error": "there is no CUDA device"}
        if device.kind == "cuda":
            card = {"system": {"total": device.bytes}}
        return {"ram": _ram(), "cuda": card}

    @routes.post("/interrogate")
    def interrogate(response: Response) -> dict[str, Any]:
        """Not here: no model that describes pictures ships."""
        response.status_code = 501
        text = "Interrogating pictures is not built in."
        return {"error": "NotImplementedError", "detail": text, "body": "", "errors": text}


def _ram() -> dict[str, Any]:
    try:
        page, total, free = (os.sysconf(name) for name in ("SC_PAGE_SIZE", "SC_PHYS_PAGES", "SC_AVPHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return {"error": "this system does not tell"}
    return {"free": page * free, "used": page * (total - free), "total": page * total}
