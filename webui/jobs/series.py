"""Series: one recipe for each picture of a folder, with what the pictures say of themselves."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from pipelines.catalogue import Catalogue
from pipelines.recipe import Recipe, RecipeError
from webui.store import metadata
from webui.store.images import BadPicture, ImageStore

REUSABLE = {
    "prompt": "Prompt",
    "negative": "Negative prompt",
    "seed": "Seed",
    "guidance": "CFG",
    "sampler": "Sampler",
    "steps": "Steps",
    "checkpoint": "Model",
}
"""What can be taken from a picture's own settings, and its name on the page."""

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".avif")


def files(folder: Path) -> tuple[Path, ...]:
    """The pictures in a folder, by name. Raises RecipeError with a sentence where there are none."""
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES and path.is_file())
    except OSError as error:
        raise RecipeError("folder", f"The folder {folder} cannot be read: {error.strerror}.") from error
    if not found:
        raise RecipeError("folder", f"There is no PNG, JPEG, WebP or AVIF picture in {folder}.")
    return tuple(found)


def recipes(
    template: Recipe, folder: Path, store: ImageStore, catalogue: Catalogue | None, reuse: Collection[str] = ()
) -> Iterator[Recipe | BadPicture]:
    """The template for each picture of a folder; for a file that cannot be used, why.

    reuse -- keys of REUSABLE: prompts are added to the template's, the others take their place
    """
    if template.source is None:
        raise RecipeError("source", "A folder's pictures are pictures to start from.")
    for path in files(folder):
        try:
            data = path.read_bytes()
            ref = store.put(data)
        except (OSError, BadPicture) as error:
            yield BadPicture(f"{path.name}: {error}")
            continue
        made = replace(template, source=replace(template.source, image=ref))
        yield _with_own(made, data, catalogue, reuse) if reuse else made


def _with_own(recipe: Recipe, data: bytes, catalogue: Catalogue | None, reuse: Collection[str]) -> Recipe:
    found = metadata.described(data, catalogue)
    if found is None:
        return recipe
    own, known = found.recipe, {name for name, level in found.fidelity.items() if level != "lost"}
    taken = {name: getattr(own, name) for name in reuse if name in REUSABLE and name in known}
    for name in ("prompt", "negative"):
        if name in taken:
            taken[name] = " ".join(filter(None, (getattr(recipe, name), taken[name])))
    if "sampler" in taken:
        taken["schedule"] = own.schedule
    if taken.get("checkpoint") == "":
        del taken["checkpoint"]
    return replace(recipe, **taken)
