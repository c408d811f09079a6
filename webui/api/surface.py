"""Surface: all that other programs talk to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fastapi import APIRouter, FastAPI


@dataclass(frozen=True)
class Surface:
    """routes: everything under /api/v1; applications: other programs' APIs, by the path below which they are."""

    routes: APIRouter
    applications: Mapping[str, FastAPI] = field(default_factory=dict[str, FastAPI])
