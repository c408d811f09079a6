"""The parameters text of pictures that start from another."""

from pipelines.catalogue import CheckpointEntry
from pipelines.recipe import Extension, ImageRef, Loopback, Mask, Recipe, Soft, Source
from webui.store.metadata import format_infotext


def written(source: Source, title: str = "Stable Diffusion 1.x") -> str:
    recipe = Recipe("a fox", checkpoint="m", seed=1, source=source)
    return format_infotext(recipe, checkpoint=CheckpointEntry("m", "m", "sd15", 1, title=title))


def test_soft_inpainting_is_written_before_the_mask_as_is_customary() -> None:
    text = written(Source(ImageRef("a"), 0.6, mask=Mask(ImageRef("b"), soft=Soft(), fill="noise")))
    assert (
        "Soft inpainting enabled: True, Soft inpainting schedule bias: 1, Soft inpainting preservation strength: 0.5, "
        "Soft inpainting transition contrast boost: 4, Soft inpainting mask influence: 0, "
        "Soft inpainting difference threshold: 0.5, Soft inpainting difference contrast: 2, Mask blur: 4, "
        "Masked content: latent noise"
    ) in text


def test_the_mask_weight_is_written_for_inpainting_models() -> None:
    masked = Source(ImageRef("a"), 0.6, mask=Mask(ImageRef("b")))
    assert "Conditional mask weight" not in written(masked)
    text = written(masked, "Stable Diffusion 1.x inpainting")
    assert "Denoising strength: 0.6, Conditional mask weight: 1.0" in text
    half = Source(ImageRef("a"), 0.6, mask=Mask(ImageRef("b"), conditioning=0.5))
    assert "Conditional mask weight: 0.5" in written(half)


def test_a_mask_without_blur_says_nothing_of_it() -> None:
    assert "Mask blur" not in written(Source(ImageRef("a"), mask=Mask(ImageRef("b"), blur=0)))


def test_our_own_ways_are_written_too() -> None:
    source = Source(ImageRef("a"), 0.6, colour_correction=True, extend=Extension(64, 0, 8, 0), loopback=Loopback())
    text = written(source)
    assert "Outpaint: left 64 top 0 right 8 bottom 0, Color correction: True, Loops: 4" in text
    assert "Final denoising strength: 0.5, Denoising strength curve: Linear" in text
