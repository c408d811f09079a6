"""ImageStore: finished pictures on disk, and the pictures that recipes start from."""

import hashlib
import json
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines import atomic
from pipelines.asset import Used
from pipelines.catalogue import Catalogue, CheckpointEntry
from pipelines.picture import Picture
from pipelines.recipe import ImageRef, Recipe
from pipelines.recipe_json import from_json, to_json
from webui.store import codec, metadata
from webui.store.codec import BadPicture
from webui.store.index import Index, Row
from webui.store.metadata import Form
from webui.store.passing import Passing

log = logging.getLogger(__name__)

_BIN = ".bin"

Names = Callable[[Path, int], Iterator[str]]


@dataclass(frozen=True)
class SavedImage:
    """A finished picture. id: 32 hex digits; path: absolute; created: seconds since the epoch."""

    id: str
    path: Path
    created: float
    width: int
    height: int
    seed: int | None
    prompt: str
    parameters: str
    recipe: Recipe | None


class ImageStore:
    """outputs: where finished pictures go; inputs: where pictures to start from are kept.

    dated -- whether `outputs` gets one folder a day
    names -- how pictures are called: from folder and seed, the names to try, without suffix
    form  -- asked before each picture is written

    Pictures that are not to be kept are here by their id for a while, but in no folder of the user's.
    """

    def __init__(
        self,
        outputs: Path,
        inputs: Path,
        index: Path,
        dated: bool = True,
        names: Names | None = None,
        form: Callable[[], Form] = Form,
    ) -> None:
        self.outputs = outputs
        self._dated = dated
        self._names = names or numbered
        self._form = form
        self.inputs = inputs
        self._index = Index(index)
        self._passing = Passing()

    def put(self, data: bytes) -> ImageRef:
        """Keep the bytes of a PNG, JPEG, WebP or AVIF picture as an input. Raises BadPicture."""
        codec.decode(data)
        ref = ImageRef(hashlib.sha256(data).hexdigest())
        path = self.inputs / ref
        if not path.exists():
            atomic.write(path, data)
        return ref

    def data(self, ref: ImageRef) -> bytes:
        """The bytes that `put` was given. Raises BadPicture when they are not here (any more)."""
        if not _hexadecimal(ref, 64) or not (self.inputs / ref).is_file():
            raise BadPicture("The picture to start from is no longer here; open it again.")
        return (self.inputs / ref).read_bytes()

    def get(self, ref: ImageRef) -> Picture:
        """The pixels of an input. Raises BadPicture."""
        return codec.decode(self.data(ref))

    def save(
        self,
        picture: Picture,
        recipe: Recipe,
        seed: int,
        checkpoint: CheckpointEntry | None,
        used: Sequence[Used] = (),
        kept: bool = True,
        catalogue: Catalogue | None = None,
    ) -> SavedImage:
        """Write a finished picture; it is on disk, whole, when this returns. Raises OSError when it cannot be.

        used -- the assets that took part in it
        kept -- False: it goes neither into the folder of pictures nor into the gallery
        catalogue -- of the engine that made it
        """
        identity = secrets.token_hex(16)
        now = time.time()
        form = self._form() if kept else Form()
        file = metadata.file(picture, recipe, seed, checkpoint, identity, used, catalogue, form, self._before(recipe))
        if not kept:
            path = self._passing.write(identity, file.data)
            row = self._row(str(path), file.data, now)
            self._passing.add(row)
            return self._saved(row)
        day = datetime.fromtimestamp(now).strftime("%Y-%m-%d")
        folder = self.outputs / day if self._dated else self.outputs
        names = tuple(f"{name}{file.suffix}" for name in self._names(folder, seed))
        path = atomic.write_new(folder, names, file.data)
        if form.text_beside:
            atomic.write(path.with_suffix(".txt"), file.text.encode())
        row = self._row(self._relative(path), file.data, now)
        self._index.add([row])
        return self._saved(row)

    def _before(self, recipe: Recipe) -> str:
        """The parameters text of the picture that a recipe only finishes."""
        if recipe.task != "finish" or recipe.source is None:
            return ""
        try:
            return codec.describe(self.data(recipe.source.image)).get("parameters", "")
        except BadPicture:
            return ""

    def saved(self, identity: str) -> SavedImage | None:
        row = self._passing.get(identity) or self._index.get(identity)
        return self._saved(row) if row and (self.outputs / row.path).is_file() else None

    def list(self, search: str = "", before: str | None = None, limit: int = 60) -> tuple[SavedImage, ...]:
        """Newest first, those older than the picture `before`."""
        rows = self._index.find(search, self._index.get(before) if before else None, limit)
        return tuple(self._saved(row) for row in rows)

    def ref_of(self, identity: str) -> ImageRef:
        """A finished picture as an input. Raises BadPicture when it is gone."""
        saved = self.saved(identity)
        if saved is None:
            raise BadPicture("This picture is no longer here.")
        return self.put(saved.path.read_bytes())

    def delete(self, identity: str) -> None:
        """Move a picture to the bin, from which `restore` brings it back."""
        self._passing.remove(identity)
        row = self._index.get(identity)
        if row is None:
            return
        path = self.outputs / row.path
        if path.is_file():
            rest = self.outputs / _BIN / identity
            rest.mkdir(parents=True, exist_ok=True)
            path.rename(rest / path.name)
            _move(path.with_suffix(".txt"), rest)
            atomic.write(rest / "from.json", json.dumps({"path": row.path}).encode())
        self._index.remove(identity)

    def restore(self, identity: str) -> SavedImage:
        """Bring a picture back from the bin. Raises BadPicture when it is not there."""
        rest = self.outputs / _BIN / identity
        if not _hexadecimal(identity, 32) or not (rest / "from.json").is_file():
            raise BadPicture("This picture is not in the bin.")
        target = self.outputs / json.loads((rest / "from.json").read_bytes())["path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        (rest / target.name).rename(target)
        _move((rest / target.name).with_suffix(".txt"), target.parent)
        (rest / "from.json").unlink()
        rest.rmdir()
        self._index.add([self._row(self._relative(target), target.read_bytes(), target.stat().st_mtime)])
        row = self._index.get(identity)
        if row is None:
            raise BadPicture("This picture was changed while it lay in the bin; it is back in its folder.")
        return self._saved(row)

    def refresh(self) -> None:
        """Bring the index in line with the folder: pictures added or taken away by hand."""
        known = self._index.paths()
        found = {path.relative_to(self.outputs).as_posix(): path for path in self._files()}
        for missing in known.keys() - found.keys():
            self._index.remove(known[missing])
        for new in sorted(found.keys() - known.keys()):
            try:
                self._index.add([self._row(new, found[new].read_bytes(), found[new].stat().st_mtime)])
            except (OSError, BadPicture) as error:
                log.warning("%s is left out of the gallery: %s", found[new], error)

    def close(self) -> None:
        self._index.close()
        self._passing.close()

    def _files(self) -> Iterator[Path]:
        for folder in sorted(self.outputs.glob("[!.]*")):
            if folder.is_dir():
                known = codec.SUFFIXES.values()
                yield from (path for path in sorted(folder.rglob("*.*")) if path.suffix in known and path.is_file())

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.outputs).as_posix()

    def _row(self, place: str, data: bytes, created: float) -> Row:
        texts = codec.describe(data)
        width, height = codec.size(data)
        ours = metadata.own(texts)
        text = texts.get("parameters", "")
        if ours and _hexadecimal(ours[0], 32):
            identity, recipe = ours
            record = json.dumps(to_json(recipe))
        else:
            found = metadata.restored(texts, None)
            text, recipe = (found.text, found.recipe) if found else ("", Recipe())
            identity, record = hashlib.sha256(place.encode()).hexdigest()[:32], ""
        return Row(identity, place, created, width, height, recipe.seed, recipe.prompt, text, record)

    def _saved(self, row: Row) -> SavedImage:
        recipe = from_json(json.loads(row.recipe)) if row.recipe else None
        path = self.outputs / row.path
        return SavedImage(
            row.id, path, row.created, row.width, row.height, row.seed, row.prompt, row.parameters, recipe
        )


def numbered(folder: Path, seed: int) -> Iterator[str]:
    """File names in the order to try: a number that counts up in the folder, and the seed."""
    numbers = [int(path.name[:5]) for path in folder.glob("[0-9][0-9][0-9][0-9][0-9]-*.*")]
    first = max(numbers, default=-1) + 1
    for number in range(first, first + 1000):
        yield f"{number:05d}-{seed}"


def _move(path: Path, folder: Path) -> None:
    """A text beside a picture goes where the picture goes."""
    if path.is_file():
        path.rename(folder / path.name)


def _hexadecimal(text: str, length: int) -> bool:
    return len(text) == length and all(letter in "0123456789abcdef" for letter in text)
