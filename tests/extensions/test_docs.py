"""docs/extensions.md: its example works as it stands, and every method of the Registry is spoken of."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path

from pipelines.recipe import Recipe
from tests.extensions.conftest import Write
from webui.extension import Registry
from webui.host.host import Host

PAGE = (Path(__file__).parents[2] / "docs" / "extensions.md").read_text()


def test_the_example_is_an_add_on_that_works(write: Write, host: Callable[..., Host]) -> None:
    source = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
    write("loud", source)
    made = host()
    recipes, notes = made.prepare(Recipe(prompt="a fox", seed=1, extras={"loud": {"times": 3}}))
    assert [recipe.prompt for recipe in recipes] == ["a fox!!!"] and not notes
    recipes, _ = made.prepare(Recipe(prompt="a fox", seed=1))
    assert [recipe.prompt for recipe in recipes] == ["a fox"]


def test_every_method_of_the_registry_is_told() -> None:
    methods = [name for name, _ in inspect.getmembers(Registry, inspect.isfunction) if not name.startswith("_")]
    assert "panel" in methods and all(f"| `{name}(" in PAGE for name in methods)
