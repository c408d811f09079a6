"""The pinned versions fit the ranges, and are the ones that `.venv` holds."""

import re
import sys
from importlib import metadata

import pytest

from tests.setup.conftest import ROOT
from webui.bootstrap.project import Project
from webui.bootstrap.requirement import parse
from webui.bootstrap.torch_choice import TORCH

_COME_WITH_TORCH = ("nvidia-", "cuda-", "triton")


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
    if sys.prefix != str(ROOT / ".venv") or sys.platform == "win32":
        pytest.skip("not running in the project's own .venv")
    pinned = pins()
    held = {_normal(found.name): found.version.split("+")[0] for found in metadata.distributions()}
    theirs = [name for name in held if name.startswith(_COME_WITH_TORCH) or name in ("pip", "setuptools", "snowfox")]
    ours = {name: version for name, version in held.items() if name not in theirs}
    assert ours == {name: pinned.get(name, "not pinned") for name in ours}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
