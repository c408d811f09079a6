"""Requirements of an add-on: resolved dry against our own versions, and refused when they would move them."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from webui.installing.source import Refused

OURS = ("torch", "gradio", "diffusers", "transformers", "numpy", "pydantic", "fastapi", "pillow", "safetensors")
"""Packages that no add-on may bring or move."""

_SECONDS = 600


@dataclass(frozen=True)
class Package:
    name: str
    version: str


def wanted(text: str) -> tuple[str, ...]:
    """The requirements in a requirements.txt. Raises Refused for anything but names with versions."""
    found: list[str] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.partition(" #")[0].strip()
        if not line or line.startswith("#"):
            continue
        try:
            requirement = Requirement(line)
        except InvalidRequirement as error:
            raise Refused(f"Line {number} of its requirements names no package: {line!r}.") from error
        if requirement.url:
            raise Refused(f"Line {number} of its requirements asks for an address ({line!r}), which is not installed.")
        found.append(str(requirement))
    return tuple(found)


def resolved(requirements: Iterable[str], constraints: Path | None = None) -> tuple[Package, ...]:
    """What would be installed, worked out without installing anything. Raises Refused."""
    asked = tuple(requirements)
    _against_ours(asked)
    if not asked:
        return ()
    limits = ("--constraint", str(constraints)) if constraints and constraints.is_file() else ()
    command = [*_PIP, "install", "--dry-run", "--quiet", "--only-binary", ":all:", "--report", "-", *limits, *asked]
    report = _run(command)
    try:
        items: list[Mapping[str, Any]] = json.loads(report)["install"]
        packages = tuple(Package(item["metadata"]["name"], item["metadata"]["version"]) for item in items)
    except (ValueError, KeyError, TypeError) as error:
        raise Refused("What its requirements need could not be worked out.") from error
    moved = [package for package in packages if canonicalize_name(package.name) in OURS]
    if moved:
        raise Refused(f"It would replace {moved[0].name} by version {moved[0].version}, which Snowfox itself needs.")
    return packages


def install(packages: Iterable[Package], folder: Path) -> None:
    """Exactly these, into a folder of the add-on's own. Raises Refused."""
    pinned = [f"{package.name}=={package.version}" for package in packages]
    if pinned:
        _run([*_PIP, "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--target", str(folder), *pinned])


_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")


def _against_ours(asked: Iterable[str]) -> None:
    for text in asked:
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        if name not in OURS:
            continue
        have = metadata.version(name)
        if not requirement.specifier.contains(have, prereleases=True):
            raise Refused(f"It needs {text}, but Snowfox has {name} {have}.")


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refused(f"Its requirements could not be worked out: {error}.") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Refused(f"Its requirements do not fit: {last[:300]}")
    return done.stdout
