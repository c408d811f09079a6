"""Errors in the three shapes that A1111's clients know."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from pipelines.recipe import RecipeError
from webui.jobs.service import QueueFull
from webui.settings import SettingsError
from webui.store.images import BadPicture


class Refused(Exception):
    """An answer with a status of our own; the text is a sentence. kind: what A1111 calls such an error."""

    def __init__(self, status: int, message: str, kind: str = "HTTPException") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class FourKeys(BaseModel):
    error: str
    detail: str
    body: str
    errors: str


class Plain(BaseModel):
    """An unknown path or method."""

    detail: str


class Unfit(BaseModel):
    """One field of a body that does not fit."""

    loc: list[str | int]
    msg: str
    type: str


class Unfitting(BaseModel):
    detail: list[Unfit]


DESCRIBED: dict[int | str, dict[str, Any]] = {
    code: {"model": FourKeys | Unfitting | Plain, "description": "What went wrong"} for code in (422, "4XX", "5XX")
}
"""For OpenAPI: how every route says no."""


def answer(status: int, message: str, kind: str = "HTTPException") -> JSONResponse:
    """The four keys. Both places where clients look for the text hold it."""
    headers = {"Retry-After": "10"} if status in (429, 503) else None
    return JSONResponse({"error": kind, "detail": message, "body": "", "errors": message}, status, headers)


def install(app: FastAPI) -> None:
    def refused(request: Request, error: Exception) -> JSONResponse:
        return answer(error.status, str(error), error.kind) if isinstance(error, Refused) else answer(500, str(error))

    def unusable(request: Request, error: Exception) -> JSONResponse:
        return answer(422, str(error))

    def full(request: Request, error: Exception) -> JSONResponse:
        return answer(429, str(error), "QueueFull")

    def disk(request: Request, error: Exception) -> JSONResponse:
        return answer(507, f"It could not be written: {error}. Free some space and try again.", "OSError")

    def malformed(request: Request, error: Exception) -> JSONResponse:
        found = error.errors() if isinstance(error, RequestValidationError) else ()
        return JSONResponse({"detail": _told(found)}, 422)

    def plain(request: Request, error: Exception) -> JSONResponse:
        status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, str(error))
        if status in (404, 405) and detail in ("Not Found", "Method Not Allowed"):
            return JSONResponse({"detail": detail}, status, error.headers if isinstance(error, HTTPException) else None)
        return answer(status, str(detail))

    app.add_exception_handler(Refused, refused)
    for kind in (RecipeError, BadPicture, SettingsError):
        app.add_exception_handler(kind, unusable)
    app.add_exception_handler(QueueFull, full)
    app.add_exception_handler(OSError, disk)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, plain)


def _told(errors: Sequence[Any]) -> list[dict[str, Any]]:
    """What FastAPI would say, without the input: that may be huge, or not even JSON."""
    return [
        {"loc": [_place(part) for part in error["loc"]], "msg": str(error["msg"]), "type": str(error["type"])}
        for error in (cast("Mapping[str, Any]", error) for error in errors)
    ]


def _place(part: Any) -> str | int:
    return part if isinstance(part, int) and math.isfinite(part) else str(part)
