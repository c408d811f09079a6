"""Finding add-ons, and reading what they say of themselves without running any of their code."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from webui.extension import CONTRACT, PACKAGE, Extension

ENTRY_POINTS = "webui.extensions"
PACKAGES = ".packages"
"""Folder of an add-on that holds the packages it depends on."""

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_A1111 = ("scripts", "install.py", "preload.py", "javascript", "metadata.ini", "localizations")
_LARGEST = 2**20


@dataclass(frozen=True)
class Found:
    """An add-on on the disk. says: the plain values of its Extension(…); module: what to import.

    problem -- a sentence: why it cannot be loaded whatever happens; "" when it may be tried
    foreign -- it was made for another program
    """

    name: str
    folder: Path
    module: str
    says: Mapping[str, Any]
    problem: str = ""
    foreign: bool = False

    @property
    def title(self) -> str:
        return str(self.says.get("title") or self.name)

    @property
    def version(self) -> str:
        return str(self.says.get("version") or "")

    @property
    def description(self) -> str:
        return str(self.says.get("description") or "")

    @property
    def on(self) -> bool:
        """Whether it is on when it is first found."""
        return self.says.get("on", True) is not False

    @property
    def patience(self) -> float:
        value = self.says.get("patience", Extension.patience)
        return float(value) if isinstance(value, int | float) and 0 < value <= 3600 else Extension.patience

    @property
    def packages(self) -> Path:
        return self.folder / PACKAGES


def find(folder: Path, version: str) -> tuple[Found, ...]:
    """Add-ons in the folder, then those that installed packages bring, by name. version: of Snowfox."""
    found = {item.name: item for item in _folders(folder, version)}
    for item in _installed(version):
        found.setdefault(item.name, item)
    return tuple(found[name] for name in sorted(found))


def describe(folder: Path, version: str, module: str = "") -> Found:
    """The add-on in a folder."""
    name = folder.name
    module = module or f"{PACKAGE}.{name}"
    if not NAME.fullmatch(name):
        return Found(
            name, folder, module, {}, "Rename its folder: a letter, then letters, digits, '-' and '_' (64 at most)."
        )
    source = folder / "__init__.py"
    try:
        if source.stat().st_size > _LARGEST:
            return Found(name, folder, module, {}, "Its __init__.py is larger than 1 MB.")
        says = _said(source.read_bytes())
    except OSError:
        says = None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Found(name, folder, module, {})  # loading it tells what is wrong
    if says is None and any((folder / mark).exists() for mark in _A1111):
        return Found(name, folder, module, {}, "Made for A1111: not supported yet.", foreign=True)
    if says is None:
        return Found(name, folder, module, {}, "It has no __init__.py with an Extension.")
    return Found(name, folder, module, says, _unfit(says, version))


def _folders(folder: Path, version: str) -> Iterator[Found]:
    try:
        names = sorted(item.name for item in folder.iterdir() if item.is_dir() and item.name[:1] not in "._")
    except OSError:
        return
    for name in names:
        yield describe(folder / name, version)


def _installed(version: str) -> Iterator[Found]:
    for point in metadata.entry_points(group=ENTRY_POINTS):
        try:
            spec = find_spec(point.module) if "." not in point.module else None
        except (ImportError, ValueError):
            spec = None
        folder = Path(spec.origin).parent if spec and spec.origin else Path()
        if spec is None or point.name != point.module:
            yield Found(point.name, folder, point.module, {}, "Its entry point has to bear the name of its package.")
        else:
            yield describe(folder, version, point.module)


def _said(source: bytes) -> dict[str, Any] | None:
    """The plain keyword values of `Extension(…)` in a file; None where there is no such call."""
    names = [item.name for item in fields(Extension)]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _called(node.func) == "Extension":
            given = [(name, value) for name, value in zip(names, node.args, strict=False)]
            given += [(word.arg, word.value) for word in node.keywords if word.arg]
            return {name: value.value for name, value in given if isinstance(value, ast.Constant)}
    return None


def _called(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _unfit(says: Mapping[str, Any], version: str) -> str:
    contract = says.get("contract", 1)
    if not isinstance(contract, int) or not 1 <= contract <= CONTRACT:
        return f"It was written for contract {contract}; this version of Snowfox has {CONTRACT}. Update Snowfox."
    wanted = str(says.get("requires") or "")
    try:
        fits = SpecifierSet(wanted).contains(version, prereleases=True)
    except InvalidSpecifier:
        return f"It requires '{wanted}' of Snowfox, which is not a range of versions."
    return "" if fits else f"It requires Snowfox {wanted}; this is {version}."
