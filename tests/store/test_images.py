"""Pictures on disk: whole, described, found again, never lost."""

import json
import os
import threading
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from pipelines.catalogue import CheckpointEntry
from pipelines.picture import Picture
from pipelines.recipe import Mask, Recipe, Source
from tests.conftest import png_bytes
from webui.engines.fake import FAKE_CATALOGUE
from webui.store import making, metadata
from webui.store.codec import Kind
from webui.store.images import BadPicture, ImageStore
from webui.store.making import Making
from webui.store.metadata import Form

RED = Picture(64, 32, "RGB", bytes((200, 10, 10)) * (64 * 32))
RECIPE = Recipe(
    prompt="a red fox", negative="blurry", checkpoint="plain", width=64, height=32, seed=7, sampler="Euler a"
)
CHECKPOINT = CheckpointEntry("plain", "plain.safetensors", "sd15", 10, "6ce0161689" + "0" * 54)


def test_a_saved_picture_carries_the_customary_text_and_the_whole_recipe(store: ImageStore) -> None:
    saved = store.save(RED, RECIPE, 7, CHECKPOINT)
    with Image.open(saved.path) as image:
        assert image.tobytes() == RED.pixels
        texts = dict(image.info)
    assert texts["parameters"] == (
        "a red fox\nNegative prompt: blurry\n"
        "Steps: 20, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7, Seed: 7, Size: 64x32, "
        f"Model hash: 6ce0161689, Model: plain, RNG: CPU, Version: {metadata.VERSION}"
    )
    assert json.loads(texts["snowfox"])["recipe"]["sampler"] == "Euler a"
    described = metadata.described(saved.path.read_bytes(), None)
    assert described is not None
    assert (described.recipe, described.exact) == (RECIPE, True)


def test_an_inpainted_picture_tells_of_its_mask(store: ImageStore) -> None:
    ref = store.put(png_bytes())
    source = Source(ref, 0.6, mask=Mask(ref, blur=6, fill="noise", area="masked", padding=16, invert=True))
    text = store.save(RED, replace(RECIPE, source=source), 7, None).parameters
    assert "Denoising strength: 0.6, RNG: CPU, Mask mode: Inpaint not masked, Mask blur: 6" in text
    assert "Inpaint area: Only masked, Masked area padding: 16, Masked content: latent noise" in text


def test_names_count_up_by_day_and_never_replace_a_file(store: ImageStore) -> None:
    first, second = store.save(RED, RECIPE, 7, None), store.save(RED, RECIPE, 7, None)
    assert (first.path.name, second.path.name) == ("00000-7.png", "00001-7.png")
    saved: list[str] = []
    threads = [
        threading.Thread(target=lambda: saved.append(str(store.save(RED, RECIPE, 7, None).path))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(saved)) == 8


def test_nothing_half_written_is_left_when_the_disk_is_full(store: ImageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store.save(RED, RECIPE, 7, None)
    assert [path for path in store.outputs.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"GIF89a not a picture we take", "no PNG, JPEG, WebP or AVIF"),
        (b"<svg onload='alert(1)'/>", "no PNG, JPEG, WebP or AVIF"),
        (png_bytes()[:60], "broken"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_sentence(store: ImageStore, data: bytes, words: str) -> None:
    with pytest.raises(BadPicture, match=words):
        store.put(data)


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_unpacked(store: ImageStore) -> None:
    out = BytesIO()
    Image.new("1", (9000, 9000)).save(out, "PNG")
    with pytest.raises(BadPicture, match="40 million pixels"):
        store.put(out.getvalue())


def test_an_input_is_kept_once_and_given_back_byte_for_byte(store: ImageStore) -> None:
    data = png_bytes()
    ref = store.put(data)
    assert store.put(data) == ref
    assert store.data(ref) == data
    assert store.get(ref).mode == "RGB"


def test_transparency_and_grey_are_kept(store: ImageStore) -> None:
    clear = store.get(store.put(png_bytes(colour=(1, 2, 3, 0), mode="RGBA")))
    assert (clear.mode, clear.pixels[:4]) == ("RGBA", bytes((1, 2, 3, 0)))
    assert store.get(store.put(png_bytes(colour=(9,), mode="L"))).mode == "L"


def test_a_photo_taken_on_its_side_is_turned_upright(store: ImageStore) -> None:
    image, out = Image.new("RGB", (40, 20)), BytesIO()
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(out, "JPEG", exif=exif.tobytes())
    upright = store.get(store.put(out.getvalue()))
    assert (upright.width, upright.height) == (20, 40)


def test_a_deleted_picture_lies_in_the_bin_and_comes_back(store: ImageStore) -> None:
    saved = store.save(RED, RECIPE, 7, None)
    store.delete(saved.id)
    assert store.saved(saved.id) is None and not saved.path.exists()
    assert store.list() == ()
    assert store.restore(saved.id).path == saved.path
    assert saved.path.exists()


def test_pictures_are_found_by_the_words_of_their_text_newest_first(store: ImageStore) -> None:
    foxes = [store.save(RED, replace(RECIPE, prompt=f"a fox {number}"), number, None).id for number in range(3)]
    store.save(RED, replace(RECIPE, prompt="a castle"), 9, None)
    assert [image.id for image in store.list("fox")] == foxes[::-1]
    assert [image.id for image in store.list("fo", limit=2)] == foxes[:0:-1]
    assert [image.id for image in store.list("fox", before=foxes[1])] == [foxes[0]]
    assert store.list('"; DROP TABLE images; --') == ()
    assert len(store.list()) == 4


def test_the_index_can_be_deleted_or_damaged_and_is_built_again(store: ImageStore, tmp_path: Path) -> None:
    saved = store.save(RED, RECIPE, 7, CHECKPOINT)
    (tmp_path / "broken.sqlite").write_bytes(b"this is no database" * 100)
    again = ImageStore(store.outputs, tmp_path / "inputs", tmp_path / "broken.sqlite")
    again.refresh()
    found = again.saved(saved.id)
    again.close()
    assert found is not None
    assert (found.prompt, found.seed, found.recipe) == ("a red fox", 7, RECIPE)


def test_pictures_put_into_the_folder_by_hand_appear_and_those_taken_away_go(store: ImageStore) -> None:
    folder = store.outputs / "from elsewhere"
    folder.mkdir(parents=True)
    (folder / "x.png").write_bytes(png_bytes())
    (folder / "broken.png").write_bytes(b"nothing")
    store.refresh()
    (found,) = store.list()
    assert (found.width, found.height, found.recipe) == (64, 48, None)
    found.path.unlink()
    store.refresh()
    assert store.list() == ()


@pytest.mark.parametrize(("kind", "suffix"), [("JPEG", ".jpg"), ("WEBP", ".webp"), ("AVIF", ".avif"), ("PNG", ".png")])
def test_every_kind_of_file_carries_the_text_and_the_whole_recipe(tmp_path: Path, kind: Kind, suffix: str) -> None:
    store = ImageStore(tmp_path / "out", tmp_path / "in", tmp_path / "index", form=lambda: Form(kind, 80))
    recipe = replace(RECIPE, prompt="a füchs 🦊, 雪", sampling=replace(RECIPE.sampling, eta=0.25))
    saved = store.save(RED, recipe, 7, CHECKPOINT)
    assert saved.path.suffix == suffix
    found = metadata.described(saved.path.read_bytes(), None)
    assert found is not None and found.exact and found.recipe == recipe
    assert found.text.startswith("a füchs 🦊, 雪\nNegative prompt: blurry\nSteps: 20")
    # A new index finds it again, under the same id.
    again = ImageStore(tmp_path / "out", tmp_path / "in", tmp_path / "other")
    again.refresh()
    assert [image.id for image in again.list()] == [saved.id]
    store.close()
    again.close()


def test_what_a_kind_of_file_cannot_hold_becomes_png(tmp_path: Path) -> None:
    def saved(kind: Kind, picture: Picture, recipe: Recipe) -> str:
        store = ImageStore(tmp_path / "out", tmp_path / "in", tmp_path / "index", form=lambda: Form(kind))
        made = store.save(picture, recipe, 7, CHECKPOINT)
        store.close()
        return made.path.suffix

    wide = Picture(16384, 1, "L", bytes(16384))
    assert (saved("WEBP", wide, RECIPE), saved("JPEG", wide, RECIPE)) == (".png", ".jpg")
    assert saved("JPEG", RED, replace(RECIPE, prompt="fox " * 20_000)) == ".png"


def test_a_text_beside_goes_where_its_picture_goes(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "out", tmp_path / "in", tmp_path / "index", form=lambda: Form(text_beside=True))
    saved = store.save(RED, RECIPE, 7, CHECKPOINT)
    beside = saved.path.with_suffix(".txt")
    assert beside.read_text() == saved.parameters
    store.delete(saved.id)
    assert not beside.exists()
    store.restore(saved.id)
    assert beside.read_text() == saved.parameters
    store.close()


def test_a_picture_tells_by_what_it_was_made(store: ImageStore) -> None:
    device = replace(FAKE_CATALOGUE.device, torch="2.9.0")
    entry = replace(FAKE_CATALOGUE.checkpoints[0], name="plain", sha256="ab" * 32)
    catalogue = replace(FAKE_CATALOGUE, device=device, checkpoints=(entry,))
    saved = store.save(RED, RECIPE, 7, CHECKPOINT, catalogue=catalogue)
    then = metadata.made_by(saved.path.read_bytes())
    assert then is not None
    assert (then.torch, then.device, then.dtype, then.hashes) == ("2.9.0", "cpu", "float32", {"plain": "ab" * 32})
    now = making.making(RECIPE, catalogue, metadata.VERSION)
    assert making.differences(then, now, RECIPE) == ()
    other = Making("Snowfox 9", "3.0", "cuda", "float16", {"plain": "cd" * 32})
    sentences = making.differences(then, other, replace(RECIPE, sampling=replace(RECIPE.sampling, noise="device")))
    assert [sentence.split(":")[0] for sentence in sentences] == [
        "The model 'plain' is another file",
        "The models computed in float32 then, float16 now.",
        "It was made on cpu then, cuda now.",
        "It was made by torch 2.9.0 then, 3.0 now.",
        f"It was made by {metadata.VERSION}, this is Snowfox 9",
        "Its noise came from the device",
    ]
