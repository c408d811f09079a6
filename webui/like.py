"""Like: the recipe that makes a picture again, from what the picture file says of itself."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.catalogue import Catalogue
from pipelines.recipe import ImageRef, Recipe, RecipeError
from webui.store import infotext, metadata, recall
from webui.store.codec import BadPicture
from webui.store.fidelity import Restored


@dataclass(frozen=True)
class Start:
    """Pictures given beside, for those that were made from a picture."""

    image: ImageRef | None = None
    mask: ImageRef | None = None


class Stems:
    """Names new pictures as the ones they are like."""

    def __init__(self) -> None:
        self.stem = ""

    def __call__(self, folder: Path, seed: int) -> Iterator[str]:
        yield self.stem
        for number in range(2, 1000):
            yield f"{self.stem}-{number}"


def hash_of(data: bytes) -> str:
    """The digits of the checkpoint's hash that a picture carries, "" when it carries none. Raises BadPicture."""
    found = metadata.described(data, None)
    return infotext.read(found.text).values.get("Model hash", "").lower() if found and not found.exact else ""


def wish(data: bytes, catalogue: Catalogue, start: Start) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe of one picture, and a sentence for each thing by which it may differ.

    Raises BadPicture for a file that says nothing, and RecipeError where something is missing.
    """
    found = metadata.described(data, catalogue)
    if found is None:
        raise BadPicture("It holds no settings: it was saved without them, or they were taken out.")
    recipe = _started(found, start)
    if found.fidelity.get("checkpoint") == "lost":
        said = infotext.read(found.text).values
        model = " ".join(part for part in (said.get("Model", ""), f"[{said.get('Model hash', '')}]") if part != "[]")
        raise RecipeError("checkpoint", f"Its model {model} is not here. Get it, or name another with --checkpoint.")
    return replace(recipe, count=1, batch=1), _doubts(found)


def _started(found: Restored, start: Start) -> Recipe:
    """With the pictures that were given, in place of those it was made from."""
    recipe = found.recipe
    if found.exact:
        source = recipe.source
        if source is None or start.image is None:
            return recipe
        mask = replace(source.mask, image=start.mask) if source.mask and start.mask else source.mask
        return replace(recipe, source=replace(source, image=start.image, mask=mask))
    text = infotext.read(found.text)
    from_picture, masked = recall.started_from(text)
    if not from_picture:
        return recipe
    if start.image is None:
        raise RecipeError("source", "It was made from another picture: give that one with --init.")
    if masked and start.mask is None:
        raise RecipeError("mask", "It was made with a mask: give that one with --mask.")
    return replace(recipe, source=recall.source(text, start.image, start.mask if masked else None))


def _doubts(found: Restored) -> tuple[str, ...]:
    lost = [name for name, level in found.fidelity.items() if level == "lost"]
    near = [name for name, level in found.fidelity.items() if level == "nearest"]
    sentences: list[str] = []
    if lost:
        sentences.append(f"Not taken over: {', '.join(lost)}.")
    if near:
        sentences.append(f"Not certain: {', '.join(near)}.")
    return tuple(sentences)
