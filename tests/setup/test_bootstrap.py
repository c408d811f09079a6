"""From the command line to the program: start at once, install, or say why not."""

import ast
import errno
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import webui.__main__
from tests.setup.conftest import ROOT, Checkout
from webui.bootstrap import start
from webui.bootstrap.failure import SetupError
from webui.bootstrap.lock import install_lock
from webui.bootstrap.progress import Progress
from webui.bootstrap.requirement import is_bare, missing, parse
from webui.bootstrap.start import Request, read_arguments

Handed = list[list[str]]


@pytest.fixture
def handed(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Handed:
    """A bare Python beside the checkout; the commands that this process would have become."""
    commands: Handed = []

    def note(command: list[str]) -> int:
        commands.append(command)
        return 5

    monkeypatch.setattr(start, "find_project", lambda: checkout.project)
    monkeypatch.setattr(start, "is_bare", lambda: False)
    monkeypatch.setattr(start, "missing", lambda wanted, folders=None: ["torch>=2.8"])  # pyright: ignore
    monkeypatch.setattr(start, "_replace", note)
    monkeypatch.chdir(checkout.project.root)
    monkeypatch.delenv("WEBUI_TORCH_INDEX", raising=False)
    return commands


def test_first_start_installs_and_second_does_not(checkout: Checkout, handed: Handed) -> None:
    assert start.main(["--no-browser", "--port", "0"]) == 5
    torch, rest, upscalers, _ = checkout.calls()
    assert "torch==" in torch and "--constraint" in rest
    # What opens other upscalers is installed by itself: asked for, it would bring a torchvision that does not fit.
    assert "spandrel" in upscalers and "--no-deps" in upscalers
    assert start.main(["--no-browser", "--port", "0"]) == 5
    assert checkout.calls() == []
    assert handed == [[str(checkout.project.python), "-m", "webui", "--no-browser", "--port", "0"]] * 2


def test_test_installs_the_test_tools_and_runs_pytest(checkout: Checkout, handed: Handed) -> None:
    assert start.main(["test", "-k", "nothing", "--offline-marker"]) == 5
    assert checkout.calls()[1].endswith("[test]")
    assert handed == [[str(checkout.project.python), "-m", "pytest", "-k", "nothing", "--offline-marker"]]
    start.main([])
    assert checkout.calls() == []


def test_torch_flag_installs_that_build_and_stays(checkout: Checkout, handed: Handed) -> None:
    start.main(["--torch", "cu126"])
    assert "torch==2.13.0+cu126" in checkout.calls()[0]
    start.main([])
    assert checkout.calls() == []
    checkout.project.constraints.write_text("gradio==6.31.0\n")
    start.main([])
    assert "torch==2.13.0+cu126" in checkout.calls()[0]
    start.main(["--torch=cpu"])
    assert [call for call in checkout.calls() if "torch==2.13.0+cpu" in call]
    assert all("--torch" not in argument for command in handed for argument in command)


def test_own_index_installs_once(checkout: Checkout, handed: Handed, monkeypatch: pytest.MonkeyPatch) -> None:
    start.main(["--torch", "cu126"])
    checkout.calls()
    monkeypatch.setenv("WEBUI_TORCH_INDEX", "https://mirror.example/simple")
    start.main([])
    assert [call for call in checkout.calls() if "--index-url https://mirror.example/simple" in call]
    start.main([])
    assert checkout.calls() == []


def test_an_environment_that_has_everything_starts_at_once(
    checkout: Checkout, handed: Handed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "missing", lambda wanted, folders=None: [])  # pyright: ignore
    assert start.main(["test", "-q"]) == 5
    assert handed == [[sys.executable, "-m", "pytest", "-q"]]
    assert checkout.calls() == []


def test_the_project_s_own_environment_goes_by_its_record(
    checkout: Checkout, handed: Handed, monkeypatch: pytest.MonkeyPatch
) -> None:
    start.main(["test"])
    checkout.calls()
    monkeypatch.setattr(sys, "prefix", str(checkout.project.venv))
    monkeypatch.setattr("webui.bootstrap.record.running_python", lambda: "3.11")
    assert start.is_ready_here(checkout.project, Request([], test=True))
    checkout.project.constraints.write_text("gradio==6.31.0\n")
    assert not start.is_ready_here(checkout.project, Request([]))


def test_offline(checkout: Checkout, handed: Handed, capsys: pytest.CaptureFixture[str]) -> None:
    assert start.main(["--offline"]) == 1
    assert "--offline forbids downloading, and this is not installed yet: torch>=2.8" in capsys.readouterr().err
    assert checkout.calls() == []
    start.main([])
    assert start.main(["--offline"]) == 5
    assert handed[-1][-1] == "--offline"


def test_offline_with_older_versions(checkout: Checkout, handed: Handed, monkeypatch: pytest.MonkeyPatch) -> None:
    start.main([])
    checkout.calls()
    checkout.project.constraints.write_text("gradio==6.99.0\n")
    monkeypatch.setattr(start, "missing", lambda wanted, folders=None: [] if folders else ["torch>=2.8"])  # pyright: ignore
    assert start.main(["--offline"]) == 5
    assert checkout.calls() == []


def test_help_before_anything_is_installed(
    checkout: Checkout, handed: Handed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start.main(["--help"]) == 0
    assert "--torch BUILD" in capsys.readouterr().out
    assert checkout.calls() == []


def test_failures_are_printed_without_a_traceback(
    checkout: Checkout, handed: Handed, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout.let("torch", "OSError: [Errno 28] No space left on device")
    assert start.main([]) == 1
    told = capsys.readouterr().err
    assert "Snowfox: The disk is full" in told
    assert "Traceback" not in told
    assert handed == []


def test_interruption(
    checkout: Checkout, handed: Handed, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("webui.bootstrap.install._relay", interrupt)
    assert start.main([]) == 130
    assert "Run the same command again to go on" in capsys.readouterr().err


def test_interruption_of_the_program_is_the_program_s_own(
    checkout: Checkout, handed: Handed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(request: Request) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(start, "missing", lambda wanted, folders=None: [])  # pyright: ignore
    monkeypatch.setattr(start, "_serve", interrupt)
    with pytest.raises(KeyboardInterrupt):
        start.main([])


@pytest.mark.parametrize(
    ("number", "words"), [(errno.EROFS, "move it to a folder of your own"), (errno.ENOSPC, "The disk is full")]
)
def test_folder_that_cannot_be_written(
    checkout: Checkout,
    handed: Handed,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    words: str,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr("webui.bootstrap.lock.install_lock", refuse)
    assert start.main([]) == 1
    assert words in capsys.readouterr().err


def test_a_package_install_needs_no_set_up(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(start, "find_project", lambda: None)
    monkeypatch.setattr(start, "_serve", lambda request: len(request.rest))  # pyright: ignore
    assert start.main(["a", "b"]) == 2
    assert start.main(["test"]) == 1
    assert "in a checkout" in capsys.readouterr().err


def test_reading_arguments() -> None:
    assert read_arguments(["generate", "a fox", "--offline"]) == Request(["generate", "a fox", "--offline"], "", True)
    assert read_arguments(["--offline", "test", "-x"]) == Request(["-x"], "", True, test=True)
    assert read_arguments(["generate", "test"]) == Request(["generate", "test"])
    with pytest.raises(SetupError, match="--torch needs a build"):
        read_arguments(["--torch"])


def test_too_old_python_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    assert webui.__main__.main() == 2
    told = capsys.readouterr().err
    assert "needs Python 3.11 or newer, and this is Python 3.8." in told
    assert "python.org/downloads" in told


@pytest.mark.parametrize("name", ["webui/__init__.py", "webui/__main__.py"])
def test_what_an_old_python_reads_is_old_syntax(name: str) -> None:
    source = (ROOT / name).read_text()
    assert source.isascii()
    ast.parse(source, feature_version=(3, 6))
    names = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.JoinedStr | ast.AnnAssign)]
    assert names == []


def test_set_up_needs_the_standard_library_only() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import webui.bootstrap.start, webui.bootstrap.install, webui.bootstrap.lock"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_two_starts_at_once(tmp_path: Path) -> None:
    said: list[str] = []
    entered = threading.Event()

    def second() -> None:
        with install_lock(tmp_path / "lock", said.append, pause=0.01):
            entered.set()

    with install_lock(tmp_path / "lock", said.append):
        thread = threading.Thread(target=second)
        thread.start()
        assert not entered.wait(0.2)
    thread.join(10)
    assert entered.is_set()
    assert said == ["Another start of Snowfox is installing; waiting for it to finish..."]


@pytest.mark.parametrize(
    ("requirement", "version", "allowed"),
    [
        ("torch>=2.8", "2.13.0+cpu", True),
        ("torch>=2.8", "2.7.1", False),
        ("diffusers>=0.42,<0.44", "0.43.9", True),
        ("diffusers>=0.42,<0.44", "0.44", False),
        ("pyright[nodejs]>=1.1.414", "1.1.414", True),
        ("numpy==2.4.6", "2.4.6", True),
        ("numpy==2.4.6", "2.4.60", False),
        ("pillow!=12.0", "12", False),
    ],
)
def test_versions(requirement: str, version: str, allowed: bool) -> None:
    assert parse(requirement).allows(version) is allowed


def test_a_python_without_torch_is_bare(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_bare()
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert is_bare()


def test_missing_looks_at_metadata_only() -> None:
    assert missing(["pytest>=9", "no-such-thing>=1", "pytest>=9999"]) == ["no-such-thing>=1", "pytest>=9999"]
    assert missing(["pytest"], []) == ["pytest"]


class Terminal:
    """A screen that says it is a terminal."""

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


def test_progress_on_a_terminal() -> None:
    screen = Terminal()
    progress = Progress("Installing torch", screen)  # type: ignore[arg-type]
    progress.feed("  Downloading torch-2.13.0-cp311.whl (2.1 GB)\n")
    progress.feed("Progress 900000000 of 2100000000\n")
    progress.done()
    assert "downloading torch (2.1 GB)" in screen.text
    assert screen.text.rsplit("\r", 1)[-1].startswith("Installing torch: done in")
