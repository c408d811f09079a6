"""/api/v1: what can be put on a checkpoint — LoRA, embeddings and their like — page by page, with previews."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from pipelines.catalogue import AssetEntry, AssetKind, Catalogue, CheckpointEntry
from pipelines.recipe import Json
from webui.api.problems import NotHere
from webui.store import codec
from webui.store.images import BadPicture

CardKind = Literal[AssetKind, "checkpoint"]

LARGEST = 320
"""Pixels of a preview's longer side."""

PREVIEWS = ("png", "jpg", "jpeg", "webp", "avif")
FILE_LIMIT = 30 * 2**20
"""Bytes of a picture that is opened to show it as a preview."""


class AssetShape(BaseModel):
    """A card. id: opaque; preview: whether `assets/{id}/preview` has a picture."""

    id: str
    kind: str
    name: str
    folder: str = ""
    family: str = ""
    title: str = ""
    bytes: int = 0
    hash: str = ""
    problem: str = ""
    preview: bool = False
    facts: dict[str, Json] = {}


class AssetsShape(BaseModel):
    """total: how many there are; folders: in which the kind's files lie; next: offset of the following page."""

    assets: list[AssetShape]
    total: int
    folders: list[str]
    next: int | None = None


@dataclass(frozen=True)
class Card:
    """What is told of an asset or a checkpoint. path: never leaves this process."""

    kind: CardKind
    name: str
    path: str
    bytes: int
    family: str
    hash: str
    problem: str
    folder: str
    facts: Mapping[str, Json]


def _of_asset(entry: AssetEntry) -> Card:
    folder = str(entry.facts.get("folder", ""))
    return Card(
        entry.kind,
        entry.name,
        entry.path,
        entry.bytes,
        entry.family,
        entry.hash,
        entry.problem,
        folder,
        entry.facts,
    )


def _of_checkpoint(entry: CheckpointEntry) -> Card:
    folder = entry.name.rpartition("/")[0]
    return Card(
        "checkpoint",
        entry.name,
        entry.path,
        entry.bytes,
        entry.family,
        entry.short_hash,
        entry.problem,
        folder,
        {},
    )


class Cards:
    """The assets and checkpoints of a catalogue by their opaque ids."""

    def __init__(self, catalogue: Callable[[], Catalogue | None]) -> None:
        self._catalogue = catalogue
        self._of: Catalogue | None = None
        self._cards: dict[str, Card] = {}

    def all(self) -> Mapping[str, Card]:
        catalogue = self._catalogue()
        if catalogue is not self._of:
            cards: list[Card] = []
            if catalogue is not None:
                cards = [*map(_of_asset, catalogue.assets), *map(_of_checkpoint, catalogue.checkpoints)]
            self._cards = {_identity(card): card for card in cards}
            self._of = catalogue
        return self._cards


def router(catalogue: Callable[[], Catalogue | None]) -> APIRouter:
    routes = APIRouter(tags=["assets"])
    cards = Cards(catalogue)

    @routes.get("/assets")
    def find(
        kind: CardKind = "lora",
        search: str = "",
        folder: str | None = None,
        offset: int = Query(0, ge=0),
        limit: int = Query(60, ge=1, le=500),
    ) -> AssetsShape:
        """Those of a kind that hold every word of `search`; of one folder and those below it, where it is given."""
        of_kind = {key: entry for key, entry in cards.all().items() if entry.kind == kind}
        folders = sorted({entry.folder for entry in of_kind.values()} - {""})
        words = search.casefold().split()
        found = [
            (key, entry)
            for key, entry in of_kind.items()
            if (folder is None or _within(entry.folder, folder)) and all(word in _text(entry) for word in words)
        ]
        page = found[offset : offset + limit]
        following = offset + limit if offset + limit < len(found) else None
        return AssetsShape(assets=[_shape(*item) for item in page], total=len(found), folders=folders, next=following)

    @routes.get("/assets/{identity}/preview")
    def preview(identity: str) -> Response:
        """The picture beside the file: a JPEG of at most 320 pixels a side."""
        entry = cards.all().get(identity)
        path = _preview(entry) if entry else None
        try:
            if path is None or path.stat().st_size > FILE_LIMIT:
                raise NotHere("There is no preview of this file.")
            data = codec.jpeg(codec.decode(path.read_bytes()), largest=LARGEST, quality=82)
        except (OSError, BadPicture) as error:
            raise NotHere("There is no preview of this file.") from error
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})

    return routes


def _identity(entry: Card) -> str:
    return hashlib.sha256(f"{entry.kind}|{entry.path}".encode("utf-8", "replace")).hexdigest()[:32]


def _within(folder: str, wanted: str) -> bool:
    return not wanted or folder == wanted or folder.startswith(f"{wanted}/")


def _text(entry: Card) -> str:
    told = (entry.facts.get(name, "") for name in ("title", "words", "text", "notes", "alias", "folder"))
    return " ".join((entry.name, *(str(value) for value in told))).casefold()


def _shape(identity: str, entry: Card) -> AssetShape:
    hidden = ("preview", "folder", "title")
    return AssetShape(
        id=identity,
        kind=entry.kind,
        name=entry.name,
        folder=entry.folder,
        family=entry.family,
        title=str(entry.facts.get("title", "")),
        bytes=entry.bytes,
        hash=entry.hash,
        problem=entry.problem,
        preview=_preview(entry) is not None,
        facts={name: value for name, value in entry.facts.items() if name not in hidden},
    )


def _preview(entry: Card) -> Path | None:
    """What the engine found beside an asset. Beside checkpoints it is looked for here, a page at a time."""
    if entry.kind != "checkpoint":
        found = entry.facts.get("preview")
        return Path(found) if isinstance(found, str) else None
    stem = Path(entry.path).with_suffix("")
    names = (f"{stem}{middle}.{ending}" for middle in (".preview", "") for ending in PREVIEWS)
    return next((Path(name) for name in names if Path(name).is_file()), None)
