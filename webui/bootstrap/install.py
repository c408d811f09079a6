"""Makes `.venv` and fills it: torch first, then the project at the pinned versions, then a check of torch."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from webui.bootstrap import record
from webui.bootstrap.failure import SetupError, explain, last_lines, unwritable
from webui.bootstrap.progress import Progress
from webui.bootstrap.project import Project
from webui.bootstrap.torch_choice import TorchChoice

_LEAST_GIGABYTES = 2
_CHECK = """
import torch
device = "cuda" if torch.cuda.is_available() else "cpu"
if hasattr(torch, "xpu") and torch.xpu.is_available():
    device = "xpu"
square = torch.ones(8, 8, device=device)
assert float((square @ square)[0, 0]) == 8
print("torch", torch.__version__, "on", device)
"""


@dataclass(frozen=True)
class Installer:
    """One installation into one project's `.venv`. Every failure is a SetupError."""

    project: Project
    choice: TorchChoice
    asked: str  # what --torch said, now or on an earlier start
    extras: tuple[str, ...]
    screen: TextIO

    def run(self) -> None:
        """All steps. Done again after a failure or a new version, it does only what is still to do."""
        self._check_disk()
        try:
            before = self._make_venv()
        except OSError as error:
            raise SetupError(unwritable(self.project.root, error)) from error
        if self.choice.build == "skip":
            self._require_own_torch()
        else:
            self._install_torch(before)
        self._install_project()
        self._check_torch()
        record.write(self.project, self._record(finished=True))

    def _check_disk(self) -> None:
        free = shutil.disk_usage(self.project.root).free / 1e9
        if free < _LEAST_GIGABYTES:
            raise SetupError(
                f"The disk is nearly full ({free:.1f} GB free), and Snowfox needs {self.choice.gigabytes} GB: "
                "free some space and run the same command again."
            )
        if free < self.choice.gigabytes:
            self._say(f"Note: {free:.1f} GB of disk are free; this installation may want {self.choice.gigabytes} GB.")

    def _make_venv(self) -> record.Record | None:
        """A `.venv` with a working Python and pip, and a record in it; returns what the record said before."""
        before = record.read(self.project)
        outdated = self._outdated()
        if outdated or not self._has_pip():
            self._run_venv(["--clear"] if outdated else [])
        before = None if outdated else before
        record.write(self.project, self._record(finished=False, before=before))
        return before

    def _outdated(self) -> bool:
        """Is there a `.venv` whose Python is gone, too old, or was replaced by another version?"""
        if not self.project.venv.exists():
            return False
        if not self.project.python.exists():
            return True
        made_by = re.search(r"^version(?:_info)?\s*=\s*(\d+)\.(\d+)", self._configuration(), re.MULTILINE)
        if made_by is None:
            return True
        version = int(made_by[1]), int(made_by[2])
        return version < (3, 11) or (self.project.runs_here() and version != sys.version_info[:2])

    def _configuration(self) -> str:
        file = self.project.venv / "pyvenv.cfg"
        return file.read_text(errors="replace") if file.exists() else ""

    def _has_pip(self) -> bool:
        """A pip whose own installation was interrupted has no list of its files yet, and does not count."""
        return self._pip_version() != ()

    def _run_venv(self, flags: list[str]) -> None:
        if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
            raise SetupError(_NO_VENV.format(*sys.version_info[:2]))
        self._say(f"Making {self.project.venv} with Python {record.running_python()}...")
        python = getattr(sys, "_base_executable", sys.executable) if self.project.runs_here() else sys.executable
        done = subprocess.run(
            [python, "-m", "venv", *flags, str(self.project.venv)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if done.returncode == 0:
            return
        if "ensurepip" in done.stdout and "returned non-zero" not in done.stdout:
            raise SetupError(_NO_VENV.format(*sys.version_info[:2]))
        _test_writable(self.project.root)
        tail = "\n".join(f"  | {line}" for line in last_lines(done.stdout, 6))
        raise SetupError(f"The folder .venv could not be made: delete it if it exists and run again.\n{tail}")

    def _require_own_torch(self) -> None:
        if not any(os.path.isdir(os.path.join(folder, "torch")) for folder in self.project.site_packages):
            raise SetupError(
                "--torch skip leaves torch to you, and there is none yet: install it with "
                f"{self.project.python} -m pip install ... and run the same command again."
            )

    def _install_torch(self, before: record.Record | None) -> None:
        choice = self.choice
        if choice.note:
            self._say(choice.note)
        if before is not None and before.torch != choice.build:
            self._pip(["uninstall", "--yes", "torch"], "Removing the other torch build")
        arguments = ["install", choice.requirement, *_wheels(choice.wheels_only)]
        if choice.only_index:
            arguments += ["--index-url", choice.index]
        else:
            arguments += ["--constraint", str(self._constraints())]
            arguments += ["--extra-index-url", choice.index] if choice.index else []
        try:
            self._pip(arguments, f"Installing {choice.pin}")
        except SetupError as error:
            if not choice.index:
                raise
            raise SetupError(
                f"{error}\nThis was the {choice.build} build from {choice.index}; "
                "run with --torch pypi to take the plain build instead."
            ) from error

    def _install_project(self) -> None:
        target = str(self.project.root) + (f"[{','.join(self.extras)}]" if self.extras else "")
        arguments = ["install", "--constraint", str(self._constraints()), *_wheels(True), "--editable", target]
        self._pip(arguments, "Installing Snowfox and what it needs" + (" for its tests" if self.extras else ""))
        bare = self.project.bare()
        if not bare:
            return
        arguments = ["install", "--no-deps", "--constraint", str(self._constraints()), *_wheels(True), *bare]
        try:
            self._pip(arguments, "Installing the upscalers' library")
        except SetupError as error:
            # Without it only some upscalers cannot be used, and the program says which.
            self._say(f"Note: {error}\nSnowfox works without it, but for upscalers of rarer kinds.")

    def _constraints(self) -> Path:
        """The project's constraints with torch's line replaced by the build that was chosen."""
        lines = self.project.constraints.read_text().splitlines()
        kept = [line for line in lines if not re.match(r"torch\s*==", line)]
        file = self.project.venv / "constraints.txt"
        file.write_text("\n".join([*kept, self.choice.pin]) + "\n")
        return file

    def _pip(self, arguments: list[str], title: str) -> None:
        raw = ["--progress-bar", "raw"] if "install" in arguments and self._pip_version() >= (24, 1) else []
        command = [str(self.project.python), "-m", "pip", *arguments, *raw]
        quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_USER": "0", "PYTHONUNBUFFERED": "1"}
        progress = Progress(title, self.screen)
        with self.project.log.open("a", errors="replace") as log:
            log.write(f"$ {' '.join(command)}\n")
            code, output = _relay(command, {**os.environ, **quiet}, progress, log)
        if code != 0:
            progress.failed()
            what = title.removeprefix("Installing ")
            raise SetupError(explain(output, what, self.project.log, self.choice.gigabytes))
        progress.done()

    def _pip_version(self) -> tuple[int, ...]:
        for folder in self.project.site_packages:
            for name in os.listdir(folder):
                match = re.fullmatch(r"pip-(\d+)\.(\d+).*\.dist-info", name)
                if match and os.path.exists(os.path.join(folder, name, "RECORD")):
                    return int(match[1]), int(match[2])
        return ()

    def _check_torch(self) -> None:
        done = subprocess.run(
            [str(self.project.python), "-c", _CHECK],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
        if done.returncode == 0:
            self._say(f"Checked: {done.stdout.strip()}.")
            return
        raise SetupError(broken_torch(done.stderr, self.choice.build))

    def _record(self, finished: bool, before: record.Record | None = None) -> record.Record:
        """While unfinished, a torch that is being exchanged is of unknown build."""
        made_by = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+)", self._configuration(), re.MULTILINE)
        return record.Record(
            finished=finished,
            python=made_by[1] if made_by else record.running_python(),
            root=str(self.project.root),
            digest=self.project.digest(),
            torch=self.choice.build if finished or before is None or before.torch == self.choice.build else "",
            asked=self.asked,
            extras=self.extras,
        )

    def _say(self, text: str) -> None:
        self.screen.write(text + "\n")
        self.screen.flush()


_NO_VENV = (
    "This Python cannot make environments (its venv module is missing): on Debian or Ubuntu run "
    "sudo apt install python{0}.{1}-venv, elsewhere install Python from https://www.python.org/downloads/, "
    "then run the same command again."
)


def broken_torch(output: str, build: str) -> str:
    """The sentence for a torch that is installed but does not compute."""
    lowered = output.lower()
    if "no kernel image" in lowered and build != "cu126":
        sentence = "This torch build does not know your graphics card: run once with --torch cu126."
    elif "winerror 126" in lowered or "vcruntime" in lowered:
        sentence = (
            "torch needs the Microsoft Visual C++ runtime: install it from "
            "https://aka.ms/vs/17/release/vc_redist.x64.exe and run the same command again."
        )
    else:
        sentence = "torch is installed but does not work here: run once with --torch cpu, or --torch pypi."
    return "\n".join([sentence, *(f"  | {line}" for line in last_lines(output, 4))])


def _wheels(only: bool) -> list[str]:
    return ["--only-binary", ":all:"] if only else []


def _test_writable(folder: Path) -> None:
    probe = folder / ".write-test"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise SetupError(unwritable(folder, error)) from error


def _relay(command: list[str], environment: dict[str, str], progress: Progress, log: TextIO) -> tuple[int, str]:
    """Run, show progress, keep the log; the exit code and the output (progress counts left out)."""
    lines: list[str] = []
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        output: Iterable[str] = process.stdout or ()
        try:
            for line in output:
                progress.feed(line)
                if not line.startswith("Progress "):
                    log.write(line)
                    log.flush()
                    lines.append(line)
        except BaseException:
            process.terminate()
            raise
    return process.returncode, "".join(lines)
