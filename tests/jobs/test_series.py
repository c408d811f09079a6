"""A folder of pictures: one recipe for each, with what they say of themselves."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.picture import Picture
from pipelines.recipe import ImageRef, Mask, Recipe, RecipeError, Source
from tests.conftest import png_bytes
from webui.jobs import series
from webui.store import codec, metadata
from webui.store.images import BadPicture, ImageStore

TEMPLATE = Recipe("a painting", "blurry", "kit", steps=9, seed=5, source=Source(ImageRef("x"), 0.4))
OWN = Recipe("of a fox", "text", "kit", steps=30, seed=77, sampler="Euler a", schedule="Karras", guidance=4)


def fill(folder: Path) -> None:
    folder.mkdir()
    text = {"parameters": metadata.format_infotext(OWN)}
    (folder / "b.png").write_bytes(codec.png(Picture(8, 8, "RGB", bytes(192)), text))
    (folder / "a.PNG").write_bytes(png_bytes(16, 16))
    (folder / "notes.txt").write_text("no picture")
    (folder / "c.png").write_bytes(b"broken")


def made(store: ImageStore, folder: Path, *reuse: str) -> list[Recipe | BadPicture]:
    return list(series.recipes(TEMPLATE, folder, store, None, reuse))


def test_each_picture_by_name_and_what_is_no_picture_is_told(store: ImageStore, tmp_path: Path) -> None:
    fill(tmp_path / "in")
    first, second, third = made(store, tmp_path / "in")
    assert isinstance(first, Recipe) and isinstance(second, Recipe)
    assert first.source is not None and store.get(first.source.image).width == 16
    assert replace(second, source=None) == replace(TEMPLATE, source=None)
    assert isinstance(third, BadPicture) and str(third).startswith("c.png: ")


def test_settings_are_taken_where_a_picture_has_any(store: ImageStore, tmp_path: Path) -> None:
    fill(tmp_path / "in")
    first, second, _ = made(store, tmp_path / "in", "prompt", "negative", "seed", "sampler")
    assert isinstance(first, Recipe) and isinstance(second, Recipe)
    assert (first.prompt, first.seed) == ("a painting", 5)
    assert (second.prompt, second.negative) == ("a painting of a fox", "blurry text")
    assert (second.seed, second.sampler, second.schedule) == (77, "Euler a", "Karras")
    assert (second.steps, second.guidance) == (9, 7), "what was not asked for stays"
    assert second.source is not None and second.source.strength == 0.4


def test_mask_and_the_rest_of_the_source_stay(store: ImageStore, tmp_path: Path) -> None:
    fill(tmp_path / "in")
    template = replace(TEMPLATE, source=Source(ImageRef("x"), 0.4, mask=Mask(ImageRef("m"))))
    first = next(series.recipes(template, tmp_path / "in", store, None))
    assert isinstance(first, Recipe) and first.source is not None and first.source.mask == Mask(ImageRef("m"))


def test_a_folder_that_is_not_there_or_holds_none_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        series.files(tmp_path / "nowhere")
    with pytest.raises(RecipeError, match="There is no PNG"):
        series.files(tmp_path)
