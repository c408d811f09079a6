"""Is a requirement met by what is installed? Read from metadata only: nothing is imported."""

import re
from dataclasses import dataclass
from importlib.util import find_spec

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*([^;]*)")
_CLAUSE = re.compile(r"\s*(>=|<=|==|!=|<|>)\s*([^,\s]+)\s*")


@dataclass(frozen=True)
class Requirement:
    """A name and the clauses its version must fulfil, for example `torch` and `>=2.8`."""

    name: str
    clauses: tuple[tuple[str, str], ...]

    def allows(self, version: str) -> bool:
        return all(_holds(_release(version), sign, _release(bound)) for sign, bound in self.clauses)


def parse(text: str) -> Requirement:
    """`name[extras]>=1,<2`. Extras and environment markers are not looked at."""
    match = _REQUIREMENT.match(text)
    if match is None:
        raise ValueError(f"not a requirement: {text!r}")
    return Requirement(match[1], tuple((clause[1], clause[2]) for clause in _CLAUSE.finditer(match[2])))


def missing(requirements: list[str], folders: list[str] | None = None) -> list[str]:
    """The requirements not met by the running Python, or by the packages in `folders`. Those with a marker are met."""
    return [text for text in requirements if ";" not in text and not _met(parse(text), folders)]


def is_bare() -> bool:
    """Has the running Python no torch at all? The quick look before the long one; nothing is imported."""
    return find_spec("torch") is None


def _met(requirement: Requirement, folders: list[str] | None) -> bool:
    version = _installed(requirement.name, folders)
    return version is not None and requirement.allows(version)


def _installed(name: str, folders: list[str] | None) -> str | None:
    from importlib import metadata  # slow to import, and not needed in a Python that has nothing

    found = metadata.distributions(name=name) if folders is None else metadata.distributions(name=name, path=folders)
    return next((distribution.version for distribution in found), None)


def _release(version: str) -> tuple[int, ...]:
    """`2.13.0+cu126` → (2, 13, 0): the numbers that order versions; what follows them does not count here."""
    match = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def _holds(version: tuple[int, ...], sign: str, bound: tuple[int, ...]) -> bool:
    width = max(len(version), len(bound))
    left = version + (0,) * (width - len(version))
    right = bound + (0,) * (width - len(bound))
    order = (left > right) - (left < right)
    return {
        ">=": order >= 0,
        "<=": order <= 0,
        "==": order == 0,
        "!=": order != 0,
        "<": order < 0,
        ">": order > 0,
    }[sign]
