"""The prompt language all the way through a small model."""

from dataclasses import replace

import pytest

from benchmarks import fidelity
from pipelines.events import Event, Failed, Finished, ImageMade, Note
from pipelines.recipe import Recipe
from pipelines.runner import Runner

RECIPE = Recipe(checkpoint="tiny", width=64, height=64, steps=4, guidance=5, sampler="Euler", seed=3)


def events(runner: Runner, recipe: Recipe) -> list[Event]:
    made = list(runner.run("job", recipe, {}, lambda: False))
    assert isinstance(made[-1], Finished), made[-1]
    return made


def pixels(runner: Runner, prompt: str, **changes: object) -> list[bytes]:
    recipe = replace(RECIPE, prompt=prompt, **changes)
    return [event.picture.pixels for event in events(runner, recipe) if isinstance(event, ImageMade)]


def test_every_example_of_the_language_means_the_same_here() -> None:
    assert [example.text for example in fidelity.examples() if not example.same] == []


def test_a_network_that_is_not_there_is_named_and_its_tag_is_not_read_as_text(runner: Runner) -> None:
    notes = [
        event.message
        for event in events(runner, replace(RECIPE, prompt="a fox <lora:snow:1>"))
        if isinstance(event, Note)
    ]
    assert len(notes) == 1 and "There is no LoRA 'snow'" in notes[0]
    assert pixels(runner, "a fox <lora:snow:1> # and more") == pixels(runner, "a fox ")


def test_each_device_of_the_language_changes_the_picture(runner: Runner) -> None:
    prompts = (
        "fox",
        "(fox:1.5)",
        "fox BREAK fox",
        "fox AND cat",
        "fox AND cat:-1",
        "[fox:cat:0.5]",
        "[fox|cat]",
        "cat",
    )
    made = [pixels(runner, prompt)[0] for prompt in prompts]
    assert len(set(made)) == len(prompts)


def test_a_switch_behind_the_last_call_changes_nothing(runner: Runner) -> None:
    assert pixels(runner, "[fox:cat:3]") == pixels(runner, "fox")
    assert pixels(runner, "[fox:cat:2]") != pixels(runner, "fox")
    assert pixels(runner, "[fox:cat:3]", sampler="Heun") != pixels(runner, "fox", sampler="Heun")


@pytest.mark.parametrize("negative", ["", "ugly BREAK ugly BREAK ugly", "[ugly:blurry:0.5]"])
def test_a_batch_makes_the_pictures_of_its_seeds(runner: Runner, negative: str) -> None:
    prompt = "a (fox:1.2) AND [snow:rain:0.5] BREAK dusk:0.7"
    both = pixels(runner, prompt, negative=negative, batch=2)
    assert both == [pixels(runner, prompt, negative=negative, seed=seed)[0] for seed in (3, 4)]


def test_emphasis_none_reads_brackets(runner: Runner) -> None:
    assert pixels(runner, "(fox:1.5)", emphasis="ignore") == pixels(runner, "fox")
    assert pixels(runner, "(fox:1.5)", emphasis="none") != pixels(runner, "fox")
    assert pixels(runner, "(fox:1.5)", emphasis="no norm") != pixels(runner, "(fox:1.5)")


@pytest.mark.parametrize(
    "prompt", ["(" * 200, "[a|" * 50, "a:1e30", "(a:-50)", "\ud800\x00", "AND AND", "BREAK BREAK", "<lora:>"]
)
def test_odd_prompts_make_pictures_or_say_why_not(runner: Runner, prompt: str) -> None:
    last = list(runner.run("job", replace(RECIPE, prompt=prompt, steps=1), {}, lambda: False))[-1]
    said = isinstance(last, Failed) and last.cause in ("not a number", "bad recipe") and last.message
    assert isinstance(last, Finished) or said, last
