"""A real server on a loopback port, over the fake engine."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from pipelines.catalogue import AssetEntry, SamplerEntry
from webui import server
from webui.app import App
from webui.engines.fake import FAKE_CATALOGUE, FakeEngine
from webui.serve import assets
from webui.settings import Settings
from webui.ui.page import build

_PLAIN = ("DPM fast", "DPM adaptive", "Euler a", "Euler", "LMS", "Heun", "DDIM", "DDIM CFG++", "PLMS", "UniPC", "LCM")
_KARRAS = ("DPM++ 2M", "DPM++ SDE", "DPM++ 2S a", "DPM2", "DPM2 a", "Restart")
_EXPONENTIAL = ("DPM++ 2M SDE", "DPM++ 2M SDE Heun", "DPM++ 3M SDE")
_ALIASES = {"DPM++ 2M": ("k_dpmpp_2m",), "Euler a": ("k_euler_a", "k_euler_ancestral")}

CATALOGUE = replace(
    FAKE_CATALOGUE,
    samplers=tuple(
        SamplerEntry(name, _ALIASES.get(name, ()), schedule)
        for names, schedule in ((_KARRAS, "Karras"), (_EXPONENTIAL, "Exponential"), (_PLAIN, "Uniform"))
        for name in names
    ),
    schedules=(
        *("Automatic", "Uniform", "Karras", "Exponential", "Polyexponential", "SGM Uniform", "KL Optimal"),
        *("Align Your Steps", "Simple", "Normal", "DDIM", "Beta"),
    ),
    assets=(
        AssetEntry("lora", "ink/sketch", "loras/ink/sketch.safetensors", 1000, "sd15", "0a1b2c3d4e5f"),
        AssetEntry("vae", "soft", "vae/soft.safetensors", 1000),
        AssetEntry("embedding", "easynegative", "embeddings/easynegative.pt", 1000, facts={"vectors": 8, "shape": 768}),
        AssetEntry("embedding", "torn", "embeddings/torn.pt", 1000, problem="The file is cut short."),
        AssetEntry("upscaler", "R-ESRGAN 4x+", "upscalers/RealESRGAN_x4plus.pth", 1000, facts={"scale": 4}),
        AssetEntry("controlnet", "canny-sd15", "controlnet/canny-sd15.safetensors", 1000, "sd15", "abcdef0123"),
        AssetEntry("faces", "CodeFormer", "faces/codeformer.pth", 1000),
    ),
)
"""What A1111 has, and one file of each kind."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    root: Path = tmp_path_factory.mktemp("root")
    made = App(Settings(root=root), engine=FakeEngine(CATALOGUE, step_seconds=0.01))
    yield made
    made.close()


@pytest.fixture(scope="module")
def address(app: App) -> Iterator[str]:
    sock = server.listen("127.0.0.1", 0)
    site = server.build(app.api, lambda: build(app.service, app.store, app.settings), assets(), app.settings)
    web = server.Server(site, sock)
    web.start()
    app.start()
    app.service.wait_for_engine()
    yield server.url("127.0.0.1", sock)
    web.close()


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=30, trust_env=False) as made:
        yield made
