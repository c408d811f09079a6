"""A checkout in a temporary folder whose `.venv` holds a scripted Python: it installs nothing and notes its calls."""

import io
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from webui.bootstrap.install import Installer
from webui.bootstrap.project import Project
from webui.bootstrap.torch_choice import TorchChoice

ROOT = Path(__file__).resolve().parents[2]
PLAIN = TorchChoice("pypi", "torch==2.13.0")

_PYTHON = """\
#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/calls"
case "$*" in
  *"-m pip"*--editable*) cat "$here/project.out" 2>/dev/null; exit "$(cat "$here/project.rc" 2>/dev/null || echo 0)" ;;
  *"-m pip"*) cat "$here/torch.out" 2>/dev/null; exit "$(cat "$here/torch.rc" 2>/dev/null || echo 0)" ;;
  -c*) cat "$here/check.out" >&2 2>/dev/null; exit "$(cat "$here/check.rc" 2>/dev/null || echo 0)" ;;
esac
"""


@dataclass(frozen=True)
class Checkout:
    """The project and the buttons of its scripted Python."""

    project: Project
    screen: io.StringIO

    def let(self, step: str, output: str, code: int = 1) -> None:
        """What `torch`, `project` or `check` prints from now on, and how it ends."""
        folder = self.project.python.parent
        (folder / f"{step}.out").write_text(output)
        (folder / f"{step}.rc").write_text(str(code))

    def calls(self) -> list[str]:
        """The commands since the last time this was asked."""
        file = self.project.python.parent / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return [line for line in lines if line.startswith("-")]

    def installer(self, choice: TorchChoice = PLAIN, asked: str = "", extras: tuple[str, ...] = ()) -> Installer:
        return Installer(self.project, choice, asked, extras, self.screen)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    if sys.platform == "win32":
        pytest.skip("the scripted Python is a shell script")
    root = tmp_path / "snowfox"
    root.mkdir()
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, root)
    project = Project(root)
    project.python.parent.mkdir(parents=True)
    project.python.write_text(_PYTHON)
    project.python.chmod(0o755)
    (project.venv / "pyvenv.cfg").write_text("version = 3.11.7\n")
    pip = project.venv / "lib/python3.11/site-packages/pip-24.0.dist-info"
    pip.mkdir(parents=True)
    (pip / "RECORD").touch()
    return Checkout(project, io.StringIO())
