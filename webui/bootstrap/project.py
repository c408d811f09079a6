"""The checkout: where its files are and what it requires."""

import hashlib
import json
import os
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Project:
    """A folder with pyproject.toml, constraints.txt and, once installed, `.venv`."""

    root: Path

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The interpreter of `.venv`, whether it exists or not."""
        return self.venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")

    @property
    def constraints(self) -> Path:
        return self.root / "constraints.txt"

    @property
    def log(self) -> Path:
        return self.venv / "install.log"

    @property
    def site_packages(self) -> list[str]:
        folders = self.venv.glob("Lib/site-packages" if sys.platform == "win32" else "lib/python*/site-packages")
        return [str(folder) for folder in folders]

    def runs_here(self) -> bool:
        """Is the running interpreter the one of `.venv`?"""
        return os.path.realpath(sys.prefix) == os.path.realpath(self.venv)

    def requirements(self, extras: tuple[str, ...] = ()) -> list[str]:
        """What pyproject.toml asks for, with the named extras."""
        table = self._table()
        wanted: list[str] = list(table["dependencies"])
        for extra in extras:
            wanted += table["optional-dependencies"][extra]
        return wanted

    def bare(self) -> list[str]:
        """Packages that are installed without what they ask for, as that would not go together with every torch."""
        with (self.root / "pyproject.toml").open("rb") as file:
            return list(tomllib.load(file).get("tool", {}).get("snowfox", {}).get("without-dependencies", []))

    def digest(self) -> str:
        """Changes when the requirements or the pinned versions change, not with the settings of the tools."""
        told = json.dumps([self._table(), self.bare()], sort_keys=True).encode()
        pins = self.constraints.read_bytes() if self.constraints.exists() else b""
        return hashlib.sha256(told + b"\0" + pins).hexdigest()

    def _table(self) -> dict[str, Any]:
        with (self.root / "pyproject.toml").open("rb") as file:
            return tomllib.load(file)["project"]


def find_project() -> Project | None:
    """The checkout this file lies in; None when Snowfox was installed as a package and needs no set-up."""
    root = Path(__file__).resolve().parents[2]
    return Project(root) if (root / "pyproject.toml").is_file() else None
