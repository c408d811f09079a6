"""/internal: what A1111's own page asks, and a few programs with it."""

import time
from typing import Any

from fastapi import APIRouter

from webui.api.sdapi import answers
from webui.api.sdapi.bodies import Lenient, Whole
from webui.api.sdapi.generation import Parts
from webui.jobs.job import Job
from webui.store import codec


class ProgressQuestion(Lenient):
    id_task: str = ""
    id_live_preview: Whole = -1
    live_preview: bool = True


def router(parts: Parts) -> APIRouter:
    routes = APIRouter(tags=["internal"])

    @routes.get("/ping")
    def ping() -> dict[str, Any]:
        return {}

    @routes.get("/pending-tasks")
    def pending() -> dict[str, Any]:
        """Names that clients gave to requests of theirs that are not finished."""
        names = parts.tasks.pending()
        return {"size": len(names), "tasks": list(names)}

    @routes.post("/progress")
    def progress(question: ProgressQuestion) -> dict[str, Any]:
        """How far the request is whose `force_task_id` this is."""
        jobs = [job for name in parts.tasks.jobs(question.id_task) if (job := parts.service.job(name)) is not None]
        running = next((job for job in jobs if job.id == parts.service.running), None)
        completed = bool(jobs) and all(job.over for job in jobs)
        number, preview = _preview(parts, running, question) if running else (question.id_live_preview, None)
        return {
            "active": running is not None,
            "queued": bool(jobs) and running is None and not completed,
            "completed": completed,
            "progress": sum(job.fraction for job in jobs) / len(jobs) if jobs else None,
            "eta": running.eta(time.time()) if running else None,
            "live_preview": preview,
            "id_live_preview": number,
            "textinfo": None if running else "In queue..." if jobs and not completed else "Waiting...",
        }

    return routes


def _preview(parts: Parts, job: Job, question: ProgressQuestion) -> tuple[int, str | None]:
    latest = parts.service.preview(job.id)
    if latest is None or not question.live_preview or latest[0] == question.id_live_preview:
        return question.id_live_preview, None
    return latest[0], f"data:image/png;base64,{answers.encoded(codec.png(latest[1]), {'samples_format': 'png'})}"
