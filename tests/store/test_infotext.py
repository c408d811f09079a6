"""The parameters text: what is written is read back, and what others wrote is understood."""

import random
import string

import pytest

from webui.engines.fake import FAKE_CATALOGUE
from webui.store.infotext import Infotext, read, write
from webui.store.metadata import from_text


def test_a_customary_text_is_read() -> None:
    info = read(
        "a lighthouse on a cliff at dusk, oil painting\nNegative prompt: blurry, low quality\nSteps: 20, "
        "Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1234567890, Size: 512x768, "
        "Model hash: 6ce0161689, Model: v1-5-pruned-emaonly, Version: v1.10.1"
    )
    assert info.prompt == "a lighthouse on a cliff at dusk, oil painting"
    assert info.negative == "blurry, low quality"
    assert (info.values["Size-1"], info.values["Size-2"]) == ("512", "768")
    assert info.values["Schedule type"] == "Karras"


def test_prompts_over_several_lines_and_a_steps_in_the_prompt() -> None:
    info = read(
        "infographic titled Steps: one, two\r\nflat colours\r\nNegative prompt: text,\r\nwatermark\r\n"
        "Steps: 15, Sampler: UniPC, CFG scale: 4\r\n"
    )
    assert info.prompt == "infographic titled Steps: one, two\nflat colours"
    assert info.negative == "text,\nwatermark"
    assert info.values["Sampler"] == "UniPC"


def test_a_text_without_parameters_is_all_prompt() -> None:
    assert read("a fox\nSteps: 3, Seed: 4") == Infotext("a fox\nSteps: 3, Seed: 4")
    assert read("") == Infotext()


def test_awkward_values_are_quoted_and_read_back() -> None:
    values = {"Model": "odd, name: v2", "Template": 'a {red|blue} "car"\nsecond line', "Quote": '"x"', "Steps": "3"}
    assert dict(read(write(Infotext("p", "", values))).values) == values


@pytest.mark.parametrize("seed", range(20))
def test_any_values_come_back(seed: int) -> None:
    drawn = random.Random(seed)
    letters = string.ascii_letters + string.digits + ' ,:"\\()<>äß€\n'
    values = {
        f"Key {number}": text
        for number in range(5)
        if (text := "".join(drawn.choices(letters, k=drawn.randint(1, 30))).rstrip()) and text != f"Key {number}"
    }
    values |= {"Steps": "20", "Sampler": "Euler", "Seed": "1"}
    assert dict(read(write(Infotext("a prompt", "a negative", values))).values) == values


def test_a_sampler_that_holds_its_schedule_is_split() -> None:
    recipe = from_text("x\nSteps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 1, Size: 512x512", FAKE_CATALOGUE)
    assert (recipe.sampler, recipe.schedule) == ("DPM++ 2M", "Karras")


def test_numbers_that_are_none_are_left_out() -> None:
    recipe = from_text("x\nSteps: many, Sampler: Euler a, CFG scale: 1e999, Seed: 5, Size: 64x64", FAKE_CATALOGUE)
    assert (recipe.steps, recipe.seed, recipe.width) == (20, 5, 64)


def test_the_checkpoint_is_found_by_hash_or_by_name() -> None:
    line = "x\nSteps: 20, Sampler: Euler a, Seed: 1, Model hash: {}, Model: {}"
    assert from_text(line.format("abababab", "other"), FAKE_CATALOGUE).checkpoint == "plain"
    assert from_text(line.format("1234", "small"), FAKE_CATALOGUE).checkpoint == "small"
    assert from_text(line.format("1234", "unknown"), FAKE_CATALOGUE).checkpoint == ""
