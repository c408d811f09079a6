"""The two commands of the README, in a fresh clone, with a Python that has nothing installed."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.setup.conftest import ROOT
from webui.bootstrap.project import Project

_INSTALL_SECONDS = 900
_NO_REGISTRY = "No network"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        _cannot("this is not a git checkout")
    folder = tmp_path_factory.mktemp("clone") / "snowfox"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True, capture_output=True)
    return folder


def _cannot(reason: str) -> None:
    """In CI nothing may be left out silently."""
    if os.environ.get("CI"):
        pytest.fail(f"the clean-clone test could not run: {reason}", pytrace=False)
    pytest.skip(reason)


def environment() -> dict[str, str]:
    """As a newcomer has it: no environment is active."""
    hidden = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PIP_REQUIRE_VIRTUALENV")
    kept = {name: value for name, value in os.environ.items() if name not in hidden and not name.startswith("PYTEST_")}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def bare_python() -> str:
    """The interpreter beneath the environment that runs the tests."""
    return getattr(sys, "_base_executable", sys.executable)


@pytest.fixture(scope="module")
def server(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """`python -m webui`, once it answers: its address and what it printed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    output = tmp_path_factory.mktemp("output") / "server.log"
    with output.open("w") as stream:
        process = subprocess.Popen(
            [bare_python(), "-m", "webui", "--no-browser", "--port", str(port)],
            cwd=clone,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _address(process, output), output.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], output: Path) -> str:
    deadline = time.monotonic() + _INSTALL_SECONDS
    while time.monotonic() < deadline:
        told = output.read_text(errors="replace")
        if match := re.search(r"Running on (http://\S+)", told):
            return match[1]
        if process.poll() is not None:
            if _NO_REGISTRY in told:
                _cannot(f"no package registry can be reached from here\n{told}")
            pytest.fail(f"`python -m webui` ended with {process.returncode}:\n{told}", pytrace=False)
        time.sleep(0.2)
    pytest.fail(f"`python -m webui` did not start in {_INSTALL_SECONDS} s:\n{output.read_text()}", pytrace=False)


def test_first_command_installs_and_serves(clone: Path, server: tuple[str, str]) -> None:
    address, told = server
    with urllib.request.urlopen(address, timeout=60) as answer:
        assert answer.status == 200
    assert Project(clone).python.exists(), f"nothing was installed into .venv:\n{told}"


@pytest.mark.usefixtures("server")
def test_second_command_runs_tests(clone: Path) -> None:
    """A small selection, and not this file, which would clone and install again without end."""
    done = subprocess.run(
        [bare_python(), "-m", "webui", "test", "-q", "-p", "no:cacheprovider", "tests/setup/test_bootstrap.py"],
        cwd=clone,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_INSTALL_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed", done.stdout)


@pytest.mark.usefixtures("server")
def test_exit_code_of_the_tests_comes_through(clone: Path) -> None:
    done = subprocess.run(
        [bare_python(), "-m", "webui", "test", "-q", "no/such/file.py"],
        cwd=clone,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 4, done.stdout + done.stderr
    assert "Installing" not in done.stderr
