"""The pinned versions fit the ranges, and are the ones that `.venv` holds."""

import sys
from importlib import metadata

import pytest

from tests.setup.conftest import ROOT
from webui.bootstrap.project import Project
from webui.bootstrap.requirement import parse
from webui.bootstrap.torch_choice import TORCH


def pins() -> dict[str, str]:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def test_every_requirement_is_pinned_within_its_range() -> None:
    pinned = pins()
    for text in Project(ROOT).requirements(("test",)):
        requirement = parse(text)
        assert requirement.allows(pinned[requirement.name.lower()]), text


def test_torch_is_pinned_once() -> None:
    assert pins()["torch"] == TORCH


def test_the_environment_holds_the_pinned_versions() -> None:
    if sys.prefix != str(ROOT / ".venv"):
        pytest.skip("not running in the project's own .venv")
    pinned = pins()
    held = {found.name.lower().replace("_", "-"): found.version.split("+")[0] for found in metadata.distributions()}
    assert {name: held[name] for name in pinned if name in held and name != "setuptools"} == {
        name: pinned[name] for name in pinned if name in held and name != "setuptools"
    }
    unpinned = {name for name in held if name not in pinned} - {"pip", "setuptools", "snowfox"}
    assert sys.platform == "win32" or unpinned == set(), "packages that constraints.txt does not pin"
