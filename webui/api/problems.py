"""How the API says no: a 4xx answer with one sentence, always in the same shape."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from pipelines.recipe import RecipeError
from webui.api.shapes import ProblemShape
from webui.jobs.service import QueueFull
from webui.store.images import BadPicture


class NotHere(LookupError):
    """What was asked for does not exist (any more); the text is a sentence."""


class Refused(RuntimeError):
    """What cannot be done now; the text is a sentence."""


DESCRIBED: dict[int | str, dict[str, Any]] = {
    code: {"model": ProblemShape, "description": "What went wrong, in a sentence"} for code in (422, "4XX", "5XX")
}
"""For OpenAPI: how every route says no."""


def answer(status: int, message: str, field: str | None = None) -> JSONResponse:
    headers = {"Retry-After": "10"} if status in (429, 503) else None
    return JSONResponse({"error": {"field": field, "message": message}}, status, headers)


def install(app: FastAPI) -> None:
    """Make every error of ours an answer."""

    def recipe(request: Request, error: Exception) -> JSONResponse:
        return answer(422, str(error), error.field if isinstance(error, RecipeError) else None)

    def full(request: Request, error: Exception) -> JSONResponse:
        return answer(429, str(error))

    def picture(request: Request, error: Exception) -> JSONResponse:
        return answer(422, str(error), "image")

    def missing(request: Request, error: Exception) -> JSONResponse:
        return answer(404, str(error))

    def refused(request: Request, error: Exception) -> JSONResponse:
        return answer(409, str(error))

    def disk(request: Request, error: Exception) -> JSONResponse:
        return answer(507, f"It could not be written: {error}. Free some space and try again.")

    def malformed(request: Request, error: Exception) -> JSONResponse:
        first = error.errors()[0] if isinstance(error, RequestValidationError) else {"msg": str(error), "loc": ()}
        if first.get("type") == "json_invalid":
            return answer(422, "The request is not JSON.")
        place = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
        return answer(422, f"{place or 'The request'}: {first['msg']}.", place or None)

    def plain(request: Request, error: Exception) -> JSONResponse:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return answer(status, str(error.detail) if isinstance(error, HTTPException) else "Something went wrong.")

    app.add_exception_handler(RecipeError, recipe)
    app.add_exception_handler(QueueFull, full)
    app.add_exception_handler(BadPicture, picture)
    app.add_exception_handler(NotHere, missing)
    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(OSError, disk)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, plain)
