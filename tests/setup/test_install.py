"""What an installation does, what it leaves behind, and what it says when it fails."""

import importlib.util
import shutil
from collections import namedtuple

import pytest

from tests.setup.conftest import PLAIN, Checkout
from webui.bootstrap import record
from webui.bootstrap.failure import SetupError
from webui.bootstrap.install import broken_torch
from webui.bootstrap.torch_choice import TorchChoice

CU126 = TorchChoice("cu126", "torch==2.13.0+cu126", "https://download.pytorch.org/whl/cu126")
CU128 = TorchChoice("cu128", "torch==2.11.0+cu128", "https://download.pytorch.org/whl/cu128")


def serves(checkout: Checkout, extras: tuple[str, ...] = (), torch: str = "") -> bool:
    known = record.read(checkout.project)
    return known is not None and known.serves(checkout.project, extras, torch)


def test_torch_first_then_the_project_then_the_check(checkout: Checkout) -> None:
    checkout.installer(extras=("test",)).run()
    torch, project, bare, check = checkout.calls()
    assert torch.startswith("-m pip install torch==2.13.0 --only-binary :all: --constraint")
    assert "--index-url" not in torch
    assert "--only-binary :all:" in project
    assert project.endswith(f"--editable {checkout.project.root}[test]")
    assert bare.startswith("-m pip install --no-deps --constraint") and "spandrel" in bare
    assert check.startswith("-c")
    assert serves(checkout, ("test",))
    assert serves(checkout)
    assert not serves(checkout, torch="cu126")


def test_a_build_of_another_index_and_version(checkout: Checkout) -> None:
    checkout.installer(CU128).run()
    assert f"--extra-index-url {CU128.index}" in checkout.calls()[0]
    pins = (checkout.project.venv / "constraints.txt").read_text().splitlines()
    assert [pin for pin in pins if pin.startswith("torch=")] == ["torch==2.11.0+cu128"]
    assert "gradio==6.31.0" in pins


def test_another_build_replaces_the_first(checkout: Checkout) -> None:
    checkout.installer().run()
    checkout.calls()
    checkout.installer(CU126, asked="cu126").run()
    assert checkout.calls()[0] == "-m pip uninstall --yes torch"
    assert serves(checkout, torch="cu126")


def test_exchange_of_torch_that_was_interrupted(checkout: Checkout) -> None:
    checkout.installer().run()
    checkout.let("torch", "ERROR: killed")
    with pytest.raises(SetupError):
        checkout.installer(CU126, asked="cu126").run()
    assert not serves(checkout)
    checkout.let("torch", "", 0)
    checkout.calls()
    checkout.installer().run()
    assert checkout.calls()[0] == "-m pip uninstall --yes torch"
    assert serves(checkout)


def test_interrupted_installation_is_not_finished_and_goes_on(checkout: Checkout) -> None:
    checkout.let("project", "ERROR: interrupted")
    with pytest.raises(SetupError):
        checkout.installer().run()
    assert not serves(checkout)
    checkout.let("project", "", 0)
    checkout.installer().run()
    assert serves(checkout)


def test_changed_pins_and_requirements_install_again(checkout: Checkout) -> None:
    checkout.installer().run()
    pins = checkout.project.constraints
    pins.write_text(pins.read_text().replace("gradio==6.31.0", "gradio==6.32.0"))
    assert not serves(checkout)


def test_settings_of_tools_do_not(checkout: Checkout) -> None:
    checkout.installer().run()
    file = checkout.project.root / "pyproject.toml"
    file.write_text(file.read_text().replace("line-length = 120", "line-length = 100"))
    assert serves(checkout)


def test_a_moved_checkout_installs_again(checkout: Checkout) -> None:
    checkout.installer().run()
    elsewhere = checkout.project.root.with_name("moved")
    checkout.project.root.rename(elsewhere)
    assert not serves(Checkout(type(checkout.project)(elsewhere), checkout.screen))


def test_skip_leaves_torch_alone(checkout: Checkout) -> None:
    skip = TorchChoice("skip", "")
    with pytest.raises(SetupError, match="leaves torch to you, and there is none yet"):
        checkout.installer(skip, asked="skip").run()
    (checkout.project.venv / "lib/python3.11/site-packages/torch").mkdir()
    checkout.installer(skip, asked="skip").run()
    assert [call for call in checkout.calls() if "pip" in call and "torch=" in call] == []
    assert serves(checkout, torch="skip")


FAILURES = [
    ("OSError: [Errno 28] No space left on device", "The disk is full: free about 3 GB"),
    (
        "WARNING: Retrying ... NewConnectionError: Failed to establish a new connection: "
        "[Errno -3] Temporary failure in name resolution\n"
        "ERROR: Could not find a version that satisfies the requirement torch (from versions: none)\n"
        "ERROR: No matching distribution found for torch",
        "No network: the downloads could not be reached.",
    ),
    ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]'))", "certificate was refused"),
    ("ERROR: No matching distribution found for torch==2.13.0", "no build for this Python and machine"),
    ("ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: 'x'", "could not be written"),
    ("ERROR: ... enable-long-paths", "too long for Windows"),
    ("ERROR: ResolutionImpossible: for help visit", "contradict each other"),
    ("THESE PACKAGES DO NOT MATCH THE HASHES", "arrived damaged"),
    ("error: externally-managed-environment", "delete it and run the same command again"),
    ("Segmentation fault", "could not be installed. Run the same command again"),
]


@pytest.mark.parametrize("step", ["torch", "project"])
@pytest.mark.parametrize(("output", "sentence"), FAILURES, ids=[row[1][:20] for row in FAILURES])
def test_every_failure_of_pip_is_a_sentence(checkout: Checkout, step: str, output: str, sentence: str) -> None:
    checkout.let(step, "Collecting things\n" + output + "\n")
    with pytest.raises(SetupError) as caught:
        checkout.installer().run()
    told = str(caught.value)
    assert sentence in told.splitlines()[0]
    assert output.splitlines()[0] in told
    assert str(checkout.project.log) in told
    assert output in checkout.project.log.read_text()


def test_an_index_out_of_reach_names_the_way_out(checkout: Checkout) -> None:
    checkout.let("torch", "Network is unreachable")
    with pytest.raises(SetupError, match="run with --torch pypi to take the plain build"):
        checkout.installer(CU126).run()


def test_full_disk_is_seen_before(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 10**12, 10**9))  # pyright: ignore
    with pytest.raises(SetupError, match=r"nearly full \(1.0 GB free\), and Snowfox needs 3 GB"):
        checkout.installer().run()
    assert checkout.calls() == []


def test_missing_venv_module(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(checkout.project.venv)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)  # pyright: ignore
    with pytest.raises(SetupError, match=r"sudo apt install python3\.\d+-venv"):
        checkout.installer().run()


@pytest.mark.parametrize("harm", ["python", "pip", "version"])
def test_a_broken_venv_is_made_anew(checkout: Checkout, harm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[list[str]] = []
    monkeypatch.setattr("webui.bootstrap.install.Installer._run_venv", lambda self, flags: made.append(flags))  # pyright: ignore
    if harm == "python":
        checkout.project.python.rename(checkout.project.python.with_name("gone"))
    elif harm == "pip":
        (checkout.project.venv / "lib/python3.11/site-packages/pip-24.0.dist-info/RECORD").unlink()
    else:
        (checkout.project.venv / "pyvenv.cfg").write_text("version = 3.9.1\n")
    if harm == "python":
        with pytest.raises(OSError):
            checkout.installer().run()
    else:
        checkout.installer().run()
    assert made == [[] if harm == "pip" else ["--clear"]]


def test_torch_that_does_not_compute(checkout: Checkout) -> None:
    checkout.let("check", "ImportError: libcudart.so.13: cannot open shared object file")
    with pytest.raises(SetupError, match="does not work here: run once with --torch cpu"):
        checkout.installer().run()
    assert not serves(checkout)


@pytest.mark.parametrize(
    ("output", "build", "words"),
    [
        ("CUDA error: no kernel image is available", "pypi", "--torch cu126"),
        ("CUDA error: no kernel image is available", "cu126", "--torch cpu"),
        ("OSError: [WinError 126] The specified module could not be found", "pypi", "Visual C++"),
    ],
)
def test_sentences_for_broken_torch(output: str, build: str, words: str) -> None:
    assert words in broken_torch(output, build)


def test_progress_is_plain_without_a_terminal(checkout: Checkout) -> None:
    checkout.let("torch", "Collecting torch==2.13.0\nProgress 1 of 9\n  Downloading torch.whl (2.1 GB)\n", 0)
    checkout.installer(PLAIN).run()
    assert checkout.screen.getvalue().splitlines()[0] == "Installing torch==2.13.0..."
    assert "Progress" not in checkout.project.log.read_text()
