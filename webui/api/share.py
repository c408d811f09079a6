"""/api/v1/share: sharing, for the owner. The shared page itself has none of these routes."""

from dataclasses import asdict
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, Field

from webui.api.problems import NotHere


class Sharing(Protocol):
    """What the routes need of sharing."""

    def told(self) -> Any:
        """A dataclass of plain values: how things stand."""
        ...

    def begin(self, provider: str, hours: float, phrase: str) -> None:
        """Raises Refused."""
        ...

    def stop(self) -> None: ...

    def kick(self, number: int) -> bool: ...

    def picture(self) -> bytes:
        """The link as a QR code, SVG; b"" while there is none."""
        ...


class GuestShape(BaseModel):
    """came, seen: seconds ago."""

    number: int
    name: str
    came: float
    seen: float
    made: int
    waiting: int


class ShareShape(BaseModel):
    """phase: off, opening or on; left: seconds until it ends by itself; providers: what may be given to begin."""

    phase: str
    provider: str
    link: str
    phrase: bool
    left: float
    guests: list[GuestShape]
    message: str
    providers: list[str]


class Wish(BaseModel):
    provider: str = ""
    hours: Annotated[float, Field(gt=0, le=72)] = 8.0
    phrase: Annotated[str, Field(max_length=200)] = ""


def router(sharing: Sharing) -> APIRouter:
    routes = APIRouter(tags=["share"])

    def shape() -> ShareShape:
        return ShareShape.model_validate(asdict(sharing.told()))

    @routes.get("/share")
    def state() -> ShareShape:
        """Whether the page is shared, by which link, until when, and with whom."""
        return shape()

    @routes.post("/share", status_code=201)
    def begin(wish: Annotated[Wish, Body()]) -> ShareShape:
        """Share the page; answers when the link works."""
        sharing.begin(wish.provider, wish.hours, wish.phrase)
        return shape()

    @routes.delete("/share")
    def stop() -> ShareShape:
        """End sharing: the port is closed when this answers."""
        sharing.stop()
        return shape()

    @routes.delete("/share/guests/{number}")
    def kick(number: int) -> ShareShape:
        """Show a guest the door."""
        if not sharing.kick(number):
            raise NotHere("This guest has left.")
        return shape()

    @routes.get("/share/code")
    def code() -> Response:
        """The link as a QR code."""
        picture = sharing.picture()
        if not picture:
            raise NotHere("The page is not shared.")
        return Response(picture, media_type="image/svg+xml", headers={"Cache-Control": "no-store"})

    return routes
