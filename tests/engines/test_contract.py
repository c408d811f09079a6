"""What every engine promises, whatever it runs on."""

from collections.abc import Iterator

import pytest

from pipelines.events import Cancelled, Event, Failed, Finished, ImageMade, Step, Terminal
from pipelines.recipe import Recipe
from webui.engines.base import Engine

SMALL = Recipe(prompt="a fox", width=64, height=64, steps=4, seed=7, sampler="Euler a")


def recipe(engine: Engine, **changes: object) -> Recipe:
    catalogue = engine.status.catalogue
    assert catalogue is not None
    name = catalogue.usable()[0].name
    return Recipe(**{**SMALL.__dict__, "checkpoint": name, **changes})


def until_step(events: Iterator[Event], wanted: int) -> list[Event]:
    """The events up to step `wanted`."""
    seen: list[Event] = []
    for event in events:
        seen.append(event)
        if isinstance(event, Step) and event.index == wanted:
            break
    return seen


def test_the_catalogue_is_announced_with_the_ready(engine: Engine) -> None:
    catalogue = engine.status.catalogue
    assert engine.status.phase == "ready" and catalogue is not None
    assert catalogue.usable() and catalogue.sampler("Euler a") and catalogue.schedule("Karras")


def test_a_job_steps_gives_its_pictures_and_finishes(engine: Engine) -> None:
    events = list(engine.run("job", recipe(engine, count=2), {}))
    assert all(event.job == "job" for event in events)
    steps = [event for event in events if isinstance(event, Step)]
    assert [step.index for step in steps] == [1, 2, 3, 4, 1, 2, 3, 4]
    assert all(step.preview is not None for step in steps)
    made = [event for event in events if isinstance(event, ImageMade)]
    assert [(image.index, image.seed) for image in made] == [(0, 7), (1, 8)]
    assert [(image.picture.width, image.picture.height) for image in made] == [(64, 64), (64, 64)]
    assert isinstance(events[-1], Finished)
    assert sum(isinstance(event, Terminal) for event in events) == 1


def test_the_same_recipe_gives_the_same_pixels(engine: Engine) -> None:
    pictures = [
        next(event.picture for event in engine.run(job, recipe(engine), {}) if isinstance(event, ImageMade))
        for job in ("first", "second")
    ]
    assert pictures[0] == pictures[1]


def test_a_cancel_stops_the_job_within_one_step(engine: Engine) -> None:
    events = engine.run("job", recipe(engine, steps=150), {})
    until_step(events, 3)
    engine.cancel("job")
    rest = list(events)
    assert isinstance(rest[-1], Cancelled) and not rest[-1].forced
    assert sum(isinstance(event, Step) for event in rest) <= 2  # one may already have been on its way
    assert not any(isinstance(event, ImageMade) for event in rest)


def test_a_cancel_that_comes_late_hits_no_other_job(engine: Engine) -> None:
    list(engine.run("first", recipe(engine), {}))
    engine.cancel("first")
    events = engine.run("second", recipe(engine), {})
    until_step(events, 1)
    engine.cancel("first")
    engine.cancel("unknown")
    assert isinstance(list(events)[-1], Finished)


def test_after_a_cancel_the_next_job_runs(engine: Engine) -> None:
    events = engine.run("first", recipe(engine, steps=150), {})
    until_step(events, 1)
    engine.cancel("first")
    assert isinstance(list(events)[-1], Cancelled)
    assert isinstance(list(engine.run("second", recipe(engine), {}))[-1], Finished)


@pytest.mark.parametrize("engine", ["inline", "process"], indirect=True)
@pytest.mark.parametrize(
    "changes", [{"checkpoint": "missing"}, {"sampler": "Magic"}, {"schedule": "Magic"}, {"steps": 0}]
)
def test_a_recipe_that_cannot_be_made_fails_with_a_sentence(engine: Engine, changes: dict[str, object]) -> None:
    (failed,) = engine.run("job", recipe(engine, **changes), {})
    assert isinstance(failed, Failed)
    assert failed.cause == "bad recipe" and failed.message.endswith(".")


def test_after_the_models_were_unloaded_the_next_job_makes_the_same_picture(engine: Engine) -> None:
    pictures: list[object] = []
    for job in ("first", "second"):
        pictures += [event.picture for event in engine.run(job, recipe(engine), {}) if isinstance(event, ImageMade)]
        engine.unload()
    assert len(pictures) == 2 and pictures[0] == pictures[1]


def test_the_same_job_may_come_again_after_a_cancel_and_can_be_cancelled_again(engine: Engine) -> None:
    for _ in range(2):
        events = engine.run("job", recipe(engine, steps=150), {})
        until_step(events, 1)
        engine.cancel("job")
        assert isinstance(list(events)[-1], Cancelled)
    assert isinstance(list(engine.run("job", recipe(engine), {}))[-1], Finished)
