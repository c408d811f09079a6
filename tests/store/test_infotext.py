"""The parameters text: what is written is read back, and what others wrote is understood."""

import random
import string
from dataclasses import replace

import pytest

from pipelines.asset import Used
from pipelines.catalogue import AssetEntry, CheckpointEntry
from pipelines.recipe import (
    Control,
    Finish,
    Hires,
    ImageRef,
    Mask,
    Recipe,
    RecipeError,
    Refiner,
    Sampling,
    Source,
    Tiling,
)
from webui.engines.fake import FAKE_CATALOGUE
from webui.store import recall
from webui.store.fidelity import Restored
from webui.store.infotext import Infotext, parse_infotext, read, write
from webui.store.making import Making
from webui.store.metadata import VERSION, format_infotext, from_text, restored

TAIL = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1"

PLAIN = """a lighthouse on a cliff at dusk, oil painting
Negative prompt: blurry, low quality
Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1234567890, Size: 512x768, \
Model hash: 6ce0161689, Model: v1-5-pruned-emaonly, Version: v1.10.1"""


def test_01_plain() -> None:
    values = parse_infotext(PLAIN)
    assert values["Prompt"] == "a lighthouse on a cliff at dusk, oil painting"
    assert values["Negative prompt"] == "blurry, low quality"
    assert (values["Size-1"], values["Size-2"], "Size" in values) == ("512", "768", False)
    assert values["Schedule type"] == "Karras"
    assert values["Version"] == "v1.10.1"


def test_what_is_written_is_the_same_to_the_letter() -> None:
    recipe = Recipe(
        prompt="a lighthouse on a cliff at dusk, oil painting",
        negative="blurry, low quality",
        checkpoint="v1-5-pruned-emaonly",
        width=512,
        height=768,
        sampler="DPM++ 2M",
        schedule="Karras",
        seed=1234567890,
    )
    entry = CheckpointEntry("v1-5-pruned-emaonly", "x", "sd15", 1, "6ce0161689" + "0" * 54)
    ours = PLAIN.replace("Version: v1.10.1", f"RNG: CPU, Version: {VERSION}")
    assert format_infotext(recipe, checkpoint=entry) == ours
    both = replace(recipe, negative="", prompt="", clip_skip=2, guidance=5.5)
    assert format_infotext(both, 7, entry).startswith(
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 5.5"
    )
    assert "Model: v1-5-pruned-emaonly, Clip skip: 2, RNG: CPU, Version" in format_infotext(both, 7, entry)


def test_02_without_a_negative_prompt() -> None:
    values = parse_infotext(
        "a bowl of cherries\nSteps: 28, Sampler: Euler a, Schedule type: Automatic, CFG scale: 5.5, Seed: 7, "
        "Size: 1024x1024, Model hash: 31e35c80fc, Model: sd_xl_base_1.0, VAE hash: 235745af8d, "
        "VAE: sdxl_vae.safetensors, Clip skip: 2, RNG: CPU, Version: v1.10.1"
    )
    assert (values["Prompt"], values["Negative prompt"]) == ("a bowl of cherries", "")
    assert (values["VAE"], values["Clip skip"], values["RNG"]) == ("sdxl_vae.safetensors", "2", "CPU")


def test_03_a_second_pass_by_a_factor() -> None:
    values = parse_infotext(
        f"x\n{TAIL}, Denoising strength: 0.45, Hires upscale: 2, Hires steps: 12, Hires upscaler: R-ESRGAN 4x+, "
        "Version: v1.10.1"
    )
    assert (values["Hires upscale"], values["Hires upscaler"]) == ("2", "R-ESRGAN 4x+")
    assert (values["Hires resize-1"], values["Hires sampler"]) == ("0", "Use same sampler")


def test_04_a_second_pass_to_a_size_with_a_prompt_of_its_own() -> None:
    values = parse_infotext(
        f"x\n{TAIL}, Hires checkpoint: otherModel [aabbccddee], Hires sampler: DPM++ SDE, "
        r'Hires prompt: "a tower, sharp focus, \"grand\"", Hires negative prompt: fog, '
        "Hires resize: 1280x768, Hires upscaler: Latent"
    )
    assert values["Hires checkpoint"] == "otherModel [aabbccddee]"
    assert values["Hires prompt"] == 'a tower, sharp focus, "grand"'
    assert (values["Hires resize-1"], values["Hires resize-2"]) == ("1280", "768")


def test_05_inpainting() -> None:
    values = parse_infotext(
        f"x\n{TAIL}, Denoising strength: 0.6, Conditional mask weight: 1.0, Mask blur: 4, Inpaint area: Only masked, "
        "Masked area padding: 32, Masked content: latent noise, Noise multiplier: 0.9"
    )
    assert (values["Inpaint area"], values["Masked content"]) == ("Only masked", "latent noise")
    assert (values["Mask mode"], values["Conditional mask weight"]) == ("Inpaint masked", "1.0")


def test_06_07_networks_and_trained_words() -> None:
    values = parse_infotext(
        "a knight <lora:medieval_v2:0.8> <lora:inkSketch:0.6:0.3>\nNegative prompt: photo\n"
        f'{TAIL}, Clip skip: 2, Lora hashes: "medieval_v2: 0a1b2c3d4e5f, inkSketch: 9f8e7d6c5b4a", '
        'TI hashes: "easynegative: c74b4e810b03, badhands: aa7651be154c", Emphasis: No norm, Version: v1.10.1'
    )
    assert values["Prompt"] == "a knight <lora:medieval_v2:0.8> <lora:inkSketch:0.6:0.3>"
    assert values["Lora hashes"] == "medieval_v2: 0a1b2c3d4e5f, inkSketch: 9f8e7d6c5b4a"
    assert values["TI hashes"] == "easynegative: c74b4e810b03, badhands: aa7651be154c"
    assert values["Emphasis"] == "No norm"


def test_08_prompts_over_lines() -> None:
    values = parse_infotext(
        "a forest :1.2 AND a river:0.8\nBREAK [spring:autumn:0.4], (mist:1.1)\nNegative prompt: (worst quality:1.4)\n"
        "Steps: 32, Sampler: Heun, CFG scale: 7, Seed: 5"
    )
    assert values["Prompt"] == "a forest :1.2 AND a river:0.8\nBREAK [spring:autumn:0.4], (mist:1.1)"
    assert (values["Negative prompt"], values["Emphasis"]) == ("(worst quality:1.4)", "Original")


def test_09_a_negative_prompt_over_lines_and_steps_in_the_prompt() -> None:
    info = read(
        "infographic titled Steps: one, two\nflat colours\nNegative prompt: text,\nwatermark,\nlogo\n"
        "Steps: 15, Sampler: UniPC, CFG scale: 4"
    )
    assert info.prompt == "infographic titled Steps: one, two\nflat colours"
    assert (info.negative, info.values["Sampler"]) == ("text,\nwatermark,\nlogo", "UniPC")


def test_10_awkward_values() -> None:
    line = (
        r'Model: "odd, name: v2", Template: "a {red|blue} \"car\"\nsecond line", '
        r'Wildcard prompt: "__city__, C:\\pics"'
    )
    values = parse_infotext(f"x\n{TAIL}, {line}")
    assert values["Model"] == "odd, name: v2"
    assert values["Template"] == 'a {red|blue} "car"\nsecond line'
    assert values["Wildcard prompt"] == "__city__, C:\\pics"
    given = {"Steps": "20", "Sampler": "Euler a"} | {
        key: values[key] for key in ("Model", "Template", "Wildcard prompt")
    }
    assert write(Infotext("x", "", given)) == f"x\nSteps: 20, Sampler: Euler a, {line}"


def test_11_extensions() -> None:
    values = parse_infotext(
        f"x\n{TAIL}, ADetailer model: face_yolov8n.pt, ADetailer confidence: 0.3, ControlNet 0: "
        '"Module: openpose_full, Model: control_v11p_sd15_openpose [cab727d4], Weight: 1.0, '
        'Resize Mode: Crop and Resize", Version: v1.10.1'
    )
    assert values["ADetailer model"] == "face_yolov8n.pt"
    assert values["ControlNet 0"].startswith("Module: openpose_full, Model: control_v11p_sd15_openpose [cab727d4]")
    assert values["Version"] == "v1.10.1"


def test_12_variation_refiner_and_plot() -> None:
    values = parse_infotext(
        f"x\n{TAIL}, Variation seed: 200, Variation seed strength: 0.15, Seed resize from: 512x512, Tiling: True, "
        "Refiner: sd_xl_refiner_1.0 [7440042bbd], Refiner switch at: 0.8, Script: X/Y/Z plot, X Type: CFG Scale, "
        'X Values: "4,7,10"'
    )
    assert (values["Seed resize from-1"], values["Tiling"]) == ("512", "True")
    assert (values["Script"], values["X Values"]) == ("X/Y/Z plot", "4,7,10")


def test_13_schedule_within_the_sampler() -> None:
    recipe = from_text("x\nSteps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 1, Size: 512x512", FAKE_CATALOGUE)
    assert (recipe.sampler, recipe.schedule) == ("DPM++ 2M", "Karras")


@pytest.mark.parametrize(
    ("size", "first", "wanted"),
    [
        ("1024x1024", "512x512", ("512", "512", "1024", "1024")),
        ("1024x1024", "0x0", ("512", "512", "1024", "1024")),
        ("768x1024", "0x0", ("448", "640", "768", "1024")),
    ],
)
def test_14_the_old_second_pass(size: str, first: str, wanted: tuple[str, ...]) -> None:
    values = parse_infotext(f"x\n{TAIL}, Size: {size}, First pass size: {first}")
    assert tuple(values[key] for key in ("Size-1", "Size-2", "Hires resize-1", "Hires resize-2")) == wanted


def test_15_16_a_text_with_fewer_than_three_pairs_is_all_prompt() -> None:
    assert read("a fox\nSteps: 3, Seed: 4") == Infotext("a fox\nSteps: 3, Seed: 4")
    assert read("just a prompt") == Infotext("just a prompt")
    assert read("") == Infotext()


def test_17_three_pairs_are_parameters_whatever_they_are() -> None:
    assert read("one: 1x, two: 2x, three: 3x").values == {"one": "1x", "two": "2x", "three": "3x"}


def test_18_19_defaults_and_old_rules() -> None:
    old = parse_infotext("a [b:c:5]\nSteps: 20, Sampler: DDIM, Seed: 1, Version: v1.5.2")
    assert old["Old prompt editing timelines"] == old["Pad conds v0"] == old["Downcast alphas_cumprod"] == "True"
    between = parse_infotext("x\nSteps: 20, Sampler: Euler, Seed: 1, Version: v1.7.0-100-gabcdef, Refiner: r")
    assert between["Downcast alphas_cumprod"] == between["Refiner switch by sampling steps"] == "True"
    new = parse_infotext("a [b:c:5]\nSteps: 20, Sampler: DDIM, Seed: 1, Version: v1.10.1")
    assert "Old prompt editing timelines" not in new and "Downcast alphas_cumprod" not in new
    assert (new["Clip skip"], new["RNG"], new["Masked area padding"]) == ("1", "GPU", "32")
    hypernet = parse_infotext(f"x\n{TAIL}, Hypernet: h, Hypernet strength: 0.5")
    assert hypernet["Prompt"] == "x<hypernet:h:0.5>"


def test_20_empty_values_and_bare_keys_are_lost() -> None:
    assert read(f"x\nEmpty: , Bare, {TAIL}").values.keys() == {"Steps", "Sampler", "CFG scale", "Seed"}
    assert write(Infotext("x", "", {"Same": "Same", "Steps": "3", "None": ""})) == "x\nSame, Steps: 3"


def test_21_a_prompt_line_that_begins_as_the_negative_prompt_does() -> None:
    info = read(write(Infotext("a\nNegative prompt: b", "c", {"Steps": "1", "Seed": "2", "Size": "3x4"})))
    assert (info.prompt, info.negative) == ("a", "b\nc")


def test_22_lines_may_end_as_on_windows() -> None:
    info = read(f"a\r\nb\r\nNegative prompt: c\r\n{TAIL}\r\n")
    assert (info.prompt, info.negative, info.values["Seed"]) == ("a\nb", "c", "1")


@pytest.mark.parametrize("seed", range(60))
def test_any_values_come_back(seed: int) -> None:
    """But for sizes, which come back in two halves."""
    drawn = random.Random(seed)
    letters = string.ascii_letters + string.digits + ' ,:"\\()<>äß€\n\t'
    values = {
        f"Key {number}": text
        for number in range(5)
        if (text := "".join(drawn.choices(letters, k=drawn.randint(1, 30)))).rstrip(" ") == text
        and text != f"Key {number}"
    }
    values |= {"Steps": "20", "Sampler": "Euler", "Blank": "  ", "Quoted": '"x"', "Seed": "1"}
    assert dict(read(write(Infotext("a prompt", "a negative", values))).values) == values


@pytest.mark.parametrize("seed", range(30))
def test_any_text_is_read(seed: int) -> None:
    drawn = random.Random(seed)
    text = "".join(drawn.choices('Steps: 1x2,"\\\n{}[]()a\x00\ud800', k=drawn.randint(0, 300)))
    parse_infotext(text)
    from_text(text, FAKE_CATALOGUE)


@pytest.mark.parametrize("text", ["a" * 300_000, ":" * 300_000, "a b: " * 60_000, 'k1: "' * 60_000, " " * 300_000])
def test_long_texts_are_read_in_a_moment(text: str) -> None:
    parse_infotext(text)


def found(text: str) -> Restored:
    result = restored({"parameters": text}, FAKE_CATALOGUE)
    assert result is not None
    return result


def test_numbers_that_are_none_are_left_out_and_said_to_be_lost() -> None:
    result = found("x\nSteps: many, Sampler: Euler a, CFG scale: 1e999, Seed: 5, Size: 64x64, RNG: CPU")
    assert (result.recipe.steps, result.recipe.seed, result.recipe.width) == (20, 5, 64)
    lost = [name for name, level in result.fidelity.items() if level == "lost"]
    assert lost == ["steps", "guidance"]


def test_the_checkpoint_is_found_by_hash_or_by_name() -> None:
    line = "x\nSteps: 20, Sampler: Euler a, Seed: 1, Model hash: {}, Model: {}"
    wanted = [("abababab", "other", "plain", "exact"), ("1234", "small", "small", "nearest")]
    wanted += [("1234", "unknown", "", "lost"), ("1234", "folder\\small.safetensors", "small", "nearest")]
    for digits, name, checkpoint, level in wanted:
        result = found(line.format(digits, name))
        assert (result.recipe.checkpoint, result.fidelity["checkpoint"]) == (checkpoint, level)


def test_what_a_recipe_cannot_hold_is_said_to_be_lost() -> None:
    result = found(
        f"x\n{TAIL}, RNG: NV, Emphasis: No norm, Hires upscale: 2, Tiling: True, FP8 weight: Enable, Version: v1.10.1"
    )
    assert (result.tool, result.recipe.emphasis) == ("AUTOMATIC1111", "no norm")
    assert (result.recipe.tiling, result.fidelity["tiling"], result.fidelity["FP8 weight"]) == ("both", "exact", "lost")
    assert (result.fidelity["seed"], result.fidelity["emphasis"]) == ("exact", "exact")
    assert "Version" not in result.fidelity


def test_an_unknown_sampler_is_not_taken_over() -> None:
    result = found("x\nSteps: 20, Sampler: My Own, Schedule type: Odd, CFG scale: 7, Seed: 1")
    assert (result.recipe.sampler, result.fidelity["sampler"]) == (Recipe.sampler, "lost")
    assert (result.recipe.schedule, result.fidelity["schedule"]) == (Recipe.schedule, "lost")


def test_our_own_text_is_read_back_whole() -> None:
    recipe = Recipe(
        prompt="a [fox:cat:0.5], (red:1.2)", negative="x", checkpoint="plain", sampler="Euler a", schedule="Karras",
        seed=9, clip_skip=2, emphasis="no norm", old_editing=True, guidance=4.5, steps=33,
    )  # fmt: skip
    result = found(format_infotext(recipe))
    assert result.recipe == recipe
    assert {level for name, level in result.fidelity.items() if name != "checkpoint"} == {"exact"}


def test_expert_settings_are_written_in_the_customary_order_and_read_back() -> None:
    sampling = Sampling(
        eta=0.5,
        s_churn=2.0,
        s_tmax=9.0,
        sigma_min=0.1,
        rho=5.0,
        discard=True,
        noise="nv",
        seed_delta=31337,
        variation_seed=200,
        variation=0.15,
        resize_width=512,
        resize_height=768,
    )
    recipe = Recipe("a fox", seed=1, clip_skip=2, sampling=sampling)
    text = format_infotext(recipe)
    assert "Variation seed: 200, Variation seed strength: 0.15, Seed resize from: 512x768, Clip skip: 2" in text
    assert (
        "Clip skip: 2, ENSD: 31337, RNG: NV, Schedule min sigma: 0.1, Schedule rho: 5, Eta: 0.5, Sigma churn: 2" in text
    )
    result = found(text)
    assert result.recipe.sampling == sampling
    assert "lost" not in result.fidelity.values()


def test_a_text_that_names_no_source_of_noise_means_the_numbers_of_a_card() -> None:
    result = found(f"x\n{TAIL}, Eta: much, Version: v1.10.1")
    assert result.recipe.sampling.noise == "nv"
    assert (result.fidelity["seed"], result.fidelity["Eta"]) == ("nearest", "lost")
    assert found("x").recipe.sampling.noise == "cpu"


def test_hashes_of_networks_and_words_stand_in_the_text() -> None:
    used = (
        Used("lora", "ink, wild", "0a1b2c3d4e5f"),
        Used("lora", "unknown", ""),
        Used("lora", "sketch", "9f8e7d6c5b4a"),
        Used("embedding", "easyneg", "c74b4e810b03"),
        Used("vae", "fine.safetensors", "235745af8d"),
    )
    values = parse_infotext(format_infotext(Recipe(prompt="a cat", seed=1), used=used))
    assert values["Lora hashes"] == "ink wild: 0a1b2c3d4e5f, sketch: 9f8e7d6c5b4a"
    assert values["TI hashes"] == "easyneg: c74b4e810b03"
    assert (values["VAE"], values["VAE hash"]) == ("fine.safetensors", "235745af8d")


def test_a_lora_that_has_another_name_here_is_renamed() -> None:
    here = AssetEntry("lora", "my ink", "", 1, hash="0a1b2c3d4e5f")
    catalogue = replace(FAKE_CATALOGUE, assets=(here,))
    text = (
        "a <lora:ink:0.8:0.5>, <lyco:ink:1> <lora:sketch:1> <hypernet:ink:1>\n"
        'Steps: 2, Sampler: Euler a, Seed: 1, Lora hashes: "ink: 0A1B2C3D4E5F, sketch: 9f8e7d6c5b4a"'
    )
    assert from_text(text, catalogue).prompt == (
        "a <lora:my ink:0.8:0.5>, <lyco:my ink:1> <lora:sketch:1> <hypernet:ink:1>"
    )
    assert "<lora:ink:" in from_text(text).prompt


def test_controls_stand_in_the_text_as_the_extension_writes_them() -> None:
    control = Control(ImageRef("0" * 64), "canny-sd15", "canny", 0.8, 0.1, 0.9, "control")
    used = (Used("controlnet", "canny-sd15", "cab727d4aa"),)
    values = parse_infotext(format_infotext(Recipe(seed=1, controls=(control,)), used=used))
    assert values["ControlNet 0"] == (
        "Module: canny, Model: canny-sd15 [cab727d4], Weight: 0.8, Resize Mode: Crop and Resize, Threshold A: 100, "
        "Threshold B: 200, Guidance Start: 0.1, Guidance End: 0.9, Control Mode: ControlNet is more important"
    )


def test_a_vae_is_found_by_its_hash_or_else_by_its_name() -> None:
    here = AssetEntry("vae", "fine", "/models/vae/fine.pt", 1, hash="235745af8d")
    catalogue = replace(FAKE_CATALOGUE, assets=(here,))
    for text, vae, level in (
        ("VAE hash: 235745af8d, VAE: other.safetensors", "fine", "exact"),
        ("VAE hash: 0000000000, VAE: fine.safetensors", "fine", "nearest"),
        ("VAE: gone.pt", "", "lost"),
        ("VAE: None", "None", None),
        ("VAE: Automatic", "", None),
    ):
        found = restored({"parameters": f"a\n{TAIL}, {text}"}, catalogue)
        assert found is not None and (found.recipe.vae, found.fidelity.get("vae")) == (vae, level)


def test_what_happens_within_a_pass_is_written_and_read_back() -> None:
    sampling = Sampling(
        noise="cpu",
        token_merging=0.5,
        token_merging_hires=0.25,
        min_uncond=3,
        min_uncond_all=True,
        skip_early=0.1,
        pad="empty",
        sgm_noise=True,
        extra_noise=0.05,
        rescale=0.7,
        noise_multiplier=0.9,
    )
    recipe = Recipe("a fox", checkpoint="plain", seed=1, sampling=sampling, tiling="both")
    recipe = replace(recipe, refiner=Refiner("plain", 0.7, by_steps=True, passes="both"))
    recipe = replace(recipe, source=Source(ImageRef("a" * 64)))
    text = format_infotext(recipe, made=Making(hashes={"plain": "7440042bbd" + "0" * 54}))
    for pair in (
        "Token merging ratio: 0.5, Token merging ratio hr: 0.25, RNG: CPU, Tiling: True",
        "NGMS: 3, NGMS all steps: True, Skip Early CFG: 0.1, Pad conds: True, SGM noise multiplier: True",
        "Extra noise: 0.05",
        "Noise multiplier: 0.9",
        "Refiner: plain [7440042bbd], Refiner switch at: 0.7, Refiner switch by sampling steps: True",
    ):
        assert pair in text
    again = restored({"parameters": text}, FAKE_CATALOGUE)
    assert again is not None
    assert replace(again.recipe, source=recipe.source) == recipe
    assert "lost" not in again.fidelity.values()


def test_old_refiners_switch_by_steps_and_old_ddim_pads() -> None:
    info = found(f"x\n{TAIL}, Refiner: plain [7440042bbd], Refiner switch at: 0.8, Version: v1.7.0")
    assert info.recipe.refiner == Refiner("plain", 0.8, by_steps=True)
    assert found("x\nSteps: 9, Sampler: DDIM, CFG scale: 7, Version: v1.5.0").recipe.sampling.pad == "repeat"


@pytest.mark.parametrize(("key", "tiling"), [("Tile X", "horizontal"), ("Tile Y", "vertical"), ("Tiling", "both")])
def test_tiling_in_one_direction_has_a_key_of_its_own(key: str, tiling: Tiling) -> None:
    assert f"{key}: True" in format_infotext(Recipe(tiling=tiling))
    assert found(f"x\n{TAIL}, {key}: True").recipe.tiling == tiling


def test_what_was_made_from_a_picture_is_told_by_its_strength() -> None:
    info = read(
        f"x\n{TAIL}, Denoising strength: 0.6, Mask blur: 8, Mask mode: Inpaint not masked, "
        "Inpaint area: Only masked, Masked area padding: 16, Masked content: latent noise"
    )
    assert recall.started_from(info) == (True, True)
    image, mask = ImageRef("a" * 64), ImageRef("b" * 64)
    assert recall.source(info, image, mask) == Source(image, 0.6, mask=Mask(mask, 8, "noise", "masked", 16, True))
    assert recall.started_from(read(f"x\n{TAIL}, Denoising strength: 0.6, Hires upscale: 2")) == (False, False)
    with pytest.raises(RecipeError):
        recall.source(read(f"x\n{TAIL}, Denoising strength: 3"), image, None)


def test_a_second_pass_is_written_and_read_back() -> None:
    hires = Hires(
        1.5, steps=6, upscaler="R-ESRGAN 4x+", strength=0.45, sampler="Euler a", prompt='a "grand" tower, near'
    )
    recipe = Recipe("a tower", checkpoint="plain", seed=1, hires=hires)
    text = format_infotext(recipe)
    assert "Denoising strength: 0.45, RNG: CPU, Hires sampler: Euler a" in text
    assert "Hires upscale: 1.5, Hires steps: 6, Hires upscaler: R-ESRGAN 4x+" in text
    again = restored({"parameters": text}, FAKE_CATALOGUE)
    assert again is not None and again.recipe == recipe
    sized = replace(recipe, hires=Hires(width=1280, height=768, checkpoint="plain", guidance=3.5))
    text = format_infotext(sized, made=Making(hashes={"plain": "7440042bbd" + "0" * 54}))
    assert "Hires checkpoint: plain [7440042bbd]" in text and "Hires resize: 1280x768" in text
    again = restored({"parameters": text}, FAKE_CATALOGUE)
    assert again is not None and again.recipe == sized


def test_what_is_said_to_be_the_same_in_the_second_pass_is() -> None:
    info = found(
        f"x\n{TAIL}, Denoising strength: 0.6, Hires upscale: 2, Hires upscaler: Latent, "
        "Hires sampler: Use same sampler, Hires checkpoint: Use same checkpoint"
    )
    assert info.recipe.hires == Hires(2.0, strength=0.6)


def test_very_old_second_passes_give_their_first_size() -> None:
    info = found(f"x\n{TAIL}, Size: 1024x1024, First pass size: 512x512, Denoising strength: 0.7")
    assert (info.recipe.width, info.recipe.hires) == (512, Hires(width=1024, height=1024, strength=0.7))


def test_what_is_done_to_finished_pictures() -> None:
    finish = Finish(upscaler="ESRGAN_4x", scale=2.5, second="Lanczos", second_share=0.25)
    recipe = Recipe("a cat", seed=1, finish=finish)
    text = format_infotext(recipe)
    assert "Postprocess upscale by: 2.5, Postprocess upscaler: ESRGAN_4x, Postprocess upscaler 2: Lanczos" in text
    assert recall.recalled(read(text))[0].finish == finish
    sized = Finish(upscaler="Lanczos", width=640, height=480)
    text = format_infotext(Recipe("a cat", seed=1, finish=sized))
    assert "Postprocess upscale to: 640x480, Postprocess crop to: 640x480, Postprocess upscaler: Lanczos" in text
    assert recall.recalled(read(text))[0].finish == sized


def test_a_picture_that_was_only_finished_keeps_its_text() -> None:
    before = format_infotext(Recipe("a cat", "a dog", seed=5, width=512, height=768))
    recipe = Recipe(seed=1, source=Source(ImageRef("x")), finish=Finish(only=True, upscaler="Lanczos", scale=2))
    after = read(format_infotext(recipe, before=before))
    assert (after.prompt, after.negative) == ("a cat", "a dog")
    assert {"Seed": "5", "Size-2": "768", "Postprocess upscaler": "Lanczos"}.items() <= after.values.items()


def test_an_upscaler_that_is_not_here_is_lost() -> None:
    text = format_infotext(Recipe("a cat", seed=1, finish=Finish(upscaler="ESRGAN_4x")))
    recipe, report = recall.recalled(read(text), FAKE_CATALOGUE)
    assert recipe.finish is None and report["Postprocess upscaler"] == "lost"
