"""The rules of the house: linters, types, who may import whom, and that importing does nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_LOAD_TORCH = ("webui.engines.worker", "webui.engines.inline", "webui.engines.hooks")

_TRIPWIRE = """
import importlib, os, sys, threading

first, *modules = sys.argv[1:]
for name in filter(None, first.split(",")):
    importlib.import_module(name)  # what other people's packages do when imported is their affair
threads = set(threading.enumerate())
importing = ""
sins = []


def watch(event, arguments):
    writes = (
        event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        and arguments[0] not in (os.devnull, "/dev/null")
    )
    if importing and (writes or event in {"os.mkdir", "os.rename", "os.remove", "subprocess.Popen", "socket.connect"}):
        sins.append(f"{importing}: {event} {arguments[0]}")


sys.addaudithook(watch)
for importing in modules:
    importlib.import_module(importing)
importing = ""
sins += [f"a thread was left running: {thread}" for thread in set(threading.enumerate()) - threads]
sins += [f"{name} was loaded" for name in ("torch", "diffusers", "transformers") if "torch" not in first
         and name in sys.modules]
print("\\n".join(sins))
sys.exit(bool(sins))
"""


def run(*command: str, **variables: str) -> None:
    """In the checkout; what it printed is the failure's text."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        pytest.fail(f"{' '.join(command)[:80]} ended with {done.returncode}:\n{done.stdout}", pytrace=False)


def modules(package: str) -> list[str]:
    """Every module of a package, by its file."""
    files = sorted((ROOT / package).rglob("*.py"))
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    return [name.removesuffix(".__init__") for name in names]


def test_ruff() -> None:
    run("-m", "ruff", "check", "--no-cache", ".")


def test_pyright() -> None:
    run("-m", "pyright", "--pythonpath", sys.executable, PYRIGHT_PYTHON_IGNORE_WARNINGS="1")


def test_import_contracts() -> None:
    run("-c", "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())",
        "--no-cache")  # fmt: skip


def test_importing_the_web_does_nothing_and_loads_no_torch() -> None:
    ours = [name for name in modules("webui") if name not in MAY_LOAD_TORCH]
    run("-c", _TRIPWIRE, "gradio,fastapi,uvicorn,omegaconf,PIL.Image", *ours, GRADIO_ANALYTICS_ENABLED="False")


def test_importing_the_pipelines_does_nothing() -> None:
    ours = [*modules("pipelines"), *(name for name in MAY_LOAD_TORCH if name in modules("webui"))]
    run("-c", _TRIPWIRE, "torch,diffusers,transformers", *ours, HF_HUB_OFFLINE="1")


def test_no_path_of_one_machine_is_in_the_repository() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    needle = b"/" + b"work/"
    names = [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    assert [name for name in names if needle in (ROOT / name).read_bytes() and not _binary(ROOT / name)] == []


def _binary(file: Path) -> bool:
    with file.open("rb") as stream:
        return b"\0" in stream.read(8192)
