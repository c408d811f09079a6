"""The fingerprint in `.venv`: what was installed there, and whether the installation was finished."""

import json
import os
import sys
from dataclasses import asdict, dataclass
from typing import Any

from webui.bootstrap.project import Project

_NAME = "snowfox.json"


@dataclass(frozen=True)
class Record:
    """Written as unfinished before the first step of each installation, as finished after the last."""

    finished: bool
    python: str  # "3.11"
    root: str  # the checkout may be moved
    digest: str
    torch: str  # the build's name, see torch_choice; empty while it is being exchanged
    asked: str  # what --torch said; empty when the machine decided
    extras: tuple[str, ...]

    def serves(self, project: Project, extras: tuple[str, ...], torch: str) -> bool:
        """Nothing has to be installed for this start. `torch` is the build asked for, empty for any."""
        return (
            self.finished
            and self.root == str(project.root)
            and self.digest == project.digest()
            and set(extras) <= set(self.extras)
            and torch in ("", "skip", self.torch)
            and (self.python == running_python() or not project.runs_here())
        )


def running_python() -> str:
    return ".".join(map(str, sys.version_info[:2]))


def read(project: Project) -> Record | None:
    """None when there is no `.venv`, or one that somebody else made, or one that is broken."""
    if not project.python.exists():
        return None
    try:
        told: dict[str, Any] = json.loads((project.venv / _NAME).read_text())
        told["extras"] = tuple(told["extras"])
        return Record(**told)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write(project: Project, record: Record) -> None:
    """Whole or not at all."""
    draft = project.venv / (_NAME + ".new")
    draft.write_text(json.dumps(asdict(record), indent=1))
    os.replace(draft, project.venv / _NAME)
