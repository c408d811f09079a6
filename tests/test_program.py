"""The program as a user starts it: `python -m webui …` in a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import png_bytes
from webui.store import codec

CHECKOUT = Path(__file__).resolve().parent.parent
WEBUI = (sys.executable, "-m", "webui")


@contextmanager
def serving(root: Path, *flags: str) -> Iterator[tuple[str, list[str], subprocess.Popen[str]]]:
    """The address, the lines printed up to it, and the process; ended by Ctrl+C."""
    command = [*WEBUI, "--root", str(root), "--engine", "fake", "--no-browser", "--port", "0", *flags]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    lines: list[str] = []
    with process.stdout as out:
        for line in out:
            lines.append(line.rstrip())
            if line.startswith("Running on "):
                break
        else:
            process.wait(30)
            pytest.fail("It did not start:\n" + "\n".join(lines))
        try:
            yield lines[-1].split()[-1], lines, process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
    assert process.returncode == 0


def webui(*arguments: str, root: Path) -> subprocess.CompletedProcess[str]:
    command = [*WEBUI, *arguments, "--root", str(root), "--engine", "fake"]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=120)


def test_it_serves_the_page_and_ends_in_order(tmp_path: Path) -> None:
    with serving(tmp_path) as (address, _, _):
        page = httpx.get(address, trust_env=False, timeout=60)
        assert page.status_code == 200 and "Snowfox" in page.text
        for name in ("checkpoints", "loras", "vae", "embeddings", "upscalers", "controlnet"):
            assert (tmp_path / "models" / name).is_dir()


def test_a_taken_port_gives_the_next_free_one_and_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with serving(tmp_path, "--port", str(port)) as (address, lines, _):
            assert f"Port {port} is taken" in lines[0]
            assert not address.endswith(f":{port}")


def test_a_second_program_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path):
        second = webui("--no-browser", root=tmp_path)
        assert second.returncode == 1
        assert "already running" in second.stderr


def test_the_web_process_never_loads_torch(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from webui import serve, settings\n"
        "serve.serve(settings.load(Path(sys.argv[1]), {'port': 0, 'browser': False}))\n"
        "print('heavy:', sorted({'torch', 'diffusers', 'transformers'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    with process.stdout as out:
        address = next(line for line in out if line.startswith("Running on ")).split()[-1]
        with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
            assert client.get("/").status_code == 200
            while client.get("/api/v1/status").json()["engine"]["phase"] != "ready":
                time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        rest = out.read()
    process.wait(30)
    assert "heavy: []" in rest


def test_generate_writes_pictures_and_prints_their_paths(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    done = webui(
        "generate", "a fox", "--count", "2", "--seed", "7", "--size", "64x64", "--out", str(out), root=tmp_path
    )
    assert done.returncode == 0, done.stderr
    paths = [Path(line) for line in done.stdout.split("\n") if line]
    assert [path.name for path in paths] == ["00000-7.png", "00001-8.png"]
    assert all(path.parent == out for path in paths)
    texts = codec.describe(paths[1].read_bytes())
    assert json.loads(texts["snowfox"])["recipe"]["seed"] == 8


def test_generate_without_a_folder_writes_into_the_gallery(tmp_path: Path) -> None:
    done = webui("generate", "a fox", "--size", "64x64", "--steps", "1", root=tmp_path)
    assert Path(done.stdout.strip()).is_relative_to(tmp_path / "outputs")


def test_generate_starts_from_a_picture_and_a_mask(tmp_path: Path) -> None:
    (tmp_path / "init.png").write_bytes(png_bytes(64, 64))
    (tmp_path / "mask.png").write_bytes(png_bytes(64, 64, (255,), "L"))
    given = ("--init", str(tmp_path / "init.png"), "--mask", str(tmp_path / "mask.png"), "--strength", "0.6")
    done = webui("generate", "a fox", *given, "--steps", "2", root=tmp_path)
    assert done.returncode == 0, done.stderr
    text = codec.describe(Path(done.stdout.strip()).read_bytes())["parameters"]
    assert "Denoising strength: 0.6" in text and "Mask blur: 4" in text


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--steps", "0"), "between 1 and 150"),
        (("--size", "wide"), "no size"),
        (("--sampler", "Magic"), "no sampler named 'Magic'"),
        (("--checkpoint", "missing"), "no model named 'missing'"),
        (("--mask", "x.png"), "--init"),
        (("--init", "no such file.png"), "cannot be read"),
        (("--init", "pyproject.toml"), "no PNG, JPEG, WebP or AVIF"),
        (("--count", "3", "--batch", "2"), "multiple"),
    ],
)
def test_generate_fails_with_one_sentence(tmp_path: Path, flags: tuple[str, ...], words: str) -> None:
    done = webui("generate", "a fox", *flags, root=tmp_path)
    assert done.returncode == 1
    assert words in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == ""


def test_models_lists_what_was_found_with_reasons(tmp_path: Path) -> None:
    done = webui("models", root=tmp_path)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == ["plain", "small", "broken"]
    assert lines[0][1:] == ["Stable Diffusion 1.x", "1.99 GiB", "ababababab"]
    assert "cut short" in lines[2][-1]


@pytest.mark.parametrize(
    ("content", "words"), [("port: many", "port"), ("colour: red", "colour"), ("{ half", "settings.yaml")]
)
def test_a_settings_file_that_cannot_be_used_is_told(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "settings.yaml").write_text(content)
    done = webui("models", root=tmp_path)
    assert done.returncode == 1
    assert words in done.stderr and "Traceback" not in done.stderr


def test_an_unknown_engine_is_told(tmp_path: Path) -> None:
    command = [*WEBUI, "models", "--root", str(tmp_path), "--engine", "steam"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.strip()) == (
        1,
        "There is no engine named 'steam'. Known are process, inline, fake.",
    )


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="needs a folder that even its owner cannot write")
def test_a_root_that_cannot_be_written_is_told() -> None:
    done = webui("models", root=Path("/proc/snowfox"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr and "/proc/snowfox" in done.stderr
