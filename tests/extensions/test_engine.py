"""Add-ons in the engine's process: families, denoise and finish hooks on a real tiny model, and what they break."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.events import Event, Failed, Finished, ImageMade, Note
from pipelines.recipe import Recipe
from tests.engines.conftest import Ready
from tests.extensions.conftest import Write
from tests.pipelines import tiny
from webui.engines.base import Engine
from webui.engines.child import Launch
from webui.engines.inline import InlineEngine
from webui.engines.messages import Setup
from webui.engines.process import ProcessEngine
from webui.host.host import Host

RECIPE = Recipe("a red fox", "blurry", "tiny", 64, 64, steps=2, sampler="Euler", seed=11)

ADDON = """
from dataclasses import dataclass
from webui.extension import Extension

@dataclass(frozen=True)
class Options:
    amount: float = 0.5

def setup(registry):
    {panel}
    {hooks}

EXTENSION = Extension("{title}", "1", setup, patience=1.0)
"""


def addon(title: str, *hooks: str, panel: bool = True) -> str:
    asked = "registry.panel(Options)" if panel else "pass"
    return ADDON.format(title=title, panel=asked, hooks="; ".join(hooks))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny.write_file(folder / "checkpoints" / "tiny.safetensors")
    return folder


Start = Callable[..., tuple[Engine, Ready, Host]]


@pytest.fixture
def start(models: Path, tmp_path: Path, host: Callable[..., Host]) -> Iterator[Start]:
    """Starts an engine with the add-ons that were written."""
    engines: list[Engine] = []

    def starting(inline: bool = False) -> tuple[Engine, Ready, Host]:
        made = host()
        setup = Setup(models, tmp_path / "cache", "cpu", extensions=tmp_path / "extensions", addons=made.engaged())
        engine: Engine = InlineEngine(setup) if inline else ProcessEngine(Launch(setup, tmp_path / "engine.log"))
        engines.append(engine)
        ready = Ready()
        engine.start(ready)
        ready.wait("ready")
        return engine, ready, made

    yield starting
    for engine in engines:
        engine.close()


def run(engine: Engine, recipe: Recipe) -> list[Event]:
    return list(engine.run("job", recipe, {}))


def pixels(seen: list[Event]) -> bytes:
    assert isinstance(seen[-1], Finished), seen[-1]
    return next(event.picture.pixels for event in seen if isinstance(event, ImageMade))


def with_extras(*names: str) -> Recipe:
    return replace(RECIPE, extras={name: {"amount": 0.5} for name in names})


def test_denoise_and_finish_change_a_picture_and_come_off_exactly(write: Write, start: Start) -> None:
    engine, _, _ = start(inline=True)
    before = pixels(run(engine, RECIPE))
    write(
        "softer",
        addon("Softer", "registry.denoise('hooks:denoise')"),
        hooks="""
def denoise(denoise, recipe):
    amount = recipe.extras["softer"]["amount"]
    return lambda x, sigma: denoise(x, sigma) * amount
""",
    )
    write(
        "mirror",
        addon("Mirror", "registry.finish('hooks:finish')"),
        hooks="""
from PIL import ImageOps
def finish(image, recipe):
    assert recipe.seed == 11 and recipe.count == 1
    return ImageOps.mirror(image)
""",
    )
    engine, _, _ = start()
    assert pixels(run(engine, RECIPE)) == before
    softer = pixels(run(engine, with_extras("softer")))
    mirrored = pixels(run(engine, with_extras("mirror")))
    assert len({before, softer, mirrored}) == 3
    rows = [before[at : at + 192] for at in range(0, len(before), 192)]
    pixel = [[row[at : at + 3] for at in range(0, 192, 3)] for row in rows]
    assert mirrored == b"".join(b"".join(reversed(row)) for row in pixel)
    assert pixels(run(engine, RECIPE)) == before


@pytest.mark.parametrize(
    ("hooks", "said"),
    [
        ("def finish(image, recipe):\n    raise KeyError('x')", "finish: KeyError"),
        ("def finish(image, recipe):\n    raise SystemExit", "sys.exit"),
        ("def finish(image, recipe):\n    return 7", "returned int"),
    ],
)
def test_a_hook_that_fails_is_named_and_the_next_job_runs_without_it(
    write: Write, start: Start, hooks: str, said: str
) -> None:
    write("bad", addon("Bad", "registry.finish('hooks:finish')", panel=False), hooks=hooks)
    engine, _, _ = start(inline=True)
    failed = run(engine, RECIPE)[-1]
    assert isinstance(failed, Failed) and failed.cause == "add-on"
    assert "Bad" in failed.message and said in failed.message, failed.message
    assert isinstance(run(engine, RECIPE)[-1], Finished)
    assert [trouble.addon for trouble in engine.status.troubles] == ["bad"]


ENDS = {
    "exits": ("import os\ndef finish(image, recipe):\n    os._exit(5)", "exit code 5"),
    "stands": ("import time\ndef finish(image, recipe):\n    time.sleep(600)", "did not finish in time"),
}


def test_a_hook_that_ends_the_engine_fails_its_own_job_only(write: Write, start: Start) -> None:
    for name, (hooks, _) in ENDS.items():
        write(name, addon(name, "registry.finish('hooks:finish')"), hooks=hooks)
    engine, _, _ = start()
    for name, (_, said) in ENDS.items():
        failed = run(engine, with_extras(name))[-1]
        assert isinstance(failed, Failed) and failed.cause == "add-on"
        assert f"'{name}'" in failed.message and said in failed.message, failed.message
    assert isinstance(run(engine, with_extras("exits"))[-1], Finished)


def test_a_denoise_hook_that_fails_is_told_from_the_model(write: Write, start: Start) -> None:
    write(
        "shape",
        addon("Shape", "registry.denoise('hooks:denoise')"),
        hooks="def denoise(denoise, recipe):\n    return lambda x, sigma: denoise(x, sigma)[:, :1]",
    )
    write(
        "nan",
        addon("Nan", "registry.denoise('hooks:denoise')"),
        hooks="def denoise(denoise, recipe):\n    return lambda x, sigma: denoise(x * float('nan'), sigma)",
    )
    engine, _, _ = start(inline=True)
    failed = run(engine, with_extras("shape"))[-1]
    assert isinstance(failed, Failed) and failed.cause == "add-on" and "Shape" in failed.message
    again = run(engine, with_extras("shape"))
    assert any(isinstance(event, Note) and "Shape" in event.message for event in again)
    assert isinstance(again[-1], Finished)
    unknown = run(engine, with_extras("nan"))[-1]
    assert isinstance(unknown, Failed) and unknown.cause == "not a number"


BREAKERS = {
    "missing": "import no_such_package",
    "leaves": "raise SystemExit",
    "exits": "import os; os._exit(3)",
    "meddles": "import torch\ntorch.nn.Linear.forward = lambda self, x: x\nfinish = print",
}


def test_modules_that_break_the_engine_at_its_start_are_left_out(write: Write, start: Start) -> None:
    for name, hooks in BREAKERS.items():
        write(name, addon(name, "registry.finish('hooks:finish')", panel=False), hooks=hooks)
    engine, _, made = start()
    assert isinstance(run(engine, RECIPE)[-1], Finished)
    assert {trouble.addon for trouble in engine.status.troubles} == set(BREAKERS)
    for trouble in engine.status.troubles:
        made.hear(trouble)
    assert {one.state for one in made.standings()} == {"failed", "load error", "config error"}


FAMILY = """
from pipelines.families.sd15 import StableDiffusion1

class Theirs(StableDiffusion1):
    name = "theirs"
    title = "Theirs"
    before = ("sd15",)

    def detect(self, header):
        {detect}

FAMILY = Theirs()
"""


def test_a_family_of_an_addon_makes_pictures(write: Write, start: Start) -> None:
    write(
        "family",
        addon("Family", "registry.family('theirs:FAMILY')", panel=False),
        theirs=FAMILY.format(detect="return super().detect(header)"),
    )
    engine, _, _ = start(inline=True)
    catalogue = engine.status.catalogue
    assert catalogue is not None and [entry.family for entry in catalogue.checkpoints] == ["theirs"]
    assert pixels(run(engine, RECIPE))


def test_a_family_that_fails_leaves_the_catalogue_to_the_others(write: Write, start: Start) -> None:
    write(
        "family",
        addon("Family", "registry.family('theirs:FAMILY')", panel=False),
        theirs=FAMILY.format(detect="raise ValueError"),
    )
    engine, _, _ = start(inline=True)
    catalogue = engine.status.catalogue
    assert catalogue is not None and [entry.family for entry in catalogue.checkpoints] == ["sd15"]
    assert [trouble.addon for trouble in engine.status.troubles] == ["family"]
    assert pixels(run(engine, RECIPE))


def test_two_families_of_one_name_are_one_too_many(write: Write, start: Start) -> None:
    write(
        "family",
        addon("Family", "registry.family('theirs:FAMILY')", panel=False),
        theirs=FAMILY.format(detect="return True").replace('"theirs"', '"sd15"'),
    )
    engine, _, _ = start(inline=True)
    assert "sd15" in engine.status.troubles[0].message
    assert pixels(run(engine, RECIPE))
