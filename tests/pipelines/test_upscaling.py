"""Upscalers: files found and told apart, pictures made larger without seams."""

import pickle
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from pipelines.catalogue import AssetEntry
from pipelines.device import pick
from pipelines.filefacts import FileFacts
from pipelines.recipe import RecipeError
from pipelines.training.ncnn import converted
from pipelines.upscaling import Upscalers, tiles
from pipelines.upscaling.compact import Compact, compact
from pipelines.upscaling.upscalers import Progress

SHIPPED = Path(__file__).parents[2] / "models" / "upscalers"
NAME = "R-ESRGAN AnimeVideo"


def picture(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def finished(work: Progress) -> Image.Image:
    while True:
        try:
            next(work)
        except StopIteration as stop:
            return stop.value


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Callable[[], Upscalers]]:
    """The upscalers in the test's folder once every file has been looked into."""
    opened: list[Upscalers] = []

    def look() -> Upscalers:
        upscalers = Upscalers(tmp_path, FileFacts(tmp_path / "facts.sqlite"), pick("cpu"), lambda: None)
        opened.append(upscalers)
        upscalers.scan()
        while any(not (entry.problem or entry.facts) for entry in upscalers.entries()):
            pass
        return upscalers

    yield look
    for upscalers in opened:
        upscalers.close()


def named(upscalers: Upscalers) -> dict[str, AssetEntry]:
    return {entry.name: entry for entry in upscalers.entries()}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upscalers]:
    upscalers = Upscalers(
        SHIPPED, FileFacts(tmp_path_factory.mktemp("cache") / "facts.sqlite"), pick("cpu"), lambda: None
    )
    upscalers.scan()
    yield upscalers
    upscalers.close()


def twice(x: torch.Tensor) -> torch.Tensor:
    """A network that sees one pixel around each."""
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1), mode="replicate")
    return torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(padded, 3, 1), scale_factor=2)


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (17, 16), (16, 33), (40, 57), (100, 31)])
def test_no_seams(size: tuple[int, int]) -> None:
    image = picture(*size)
    work = tiles.enlarged(image, twice, 2, side=16, overlap=4)
    seen: list[tuple[int, int]] = []
    while True:
        try:
            seen.append(next(work))
        except StopIteration as stop:
            made: Image.Image = stop.value
            break
    total = tiles.count(*size, side=16, overlap=4)
    assert seen == [(done, total) for done in range(1, total + 1)]
    whole = twice(torch.from_numpy(np.asarray(image, np.float32) / 255).permute(2, 0, 1)[None])
    expected = np.rint(whole[0].permute(1, 2, 0).numpy() * 255)
    difference = np.abs(np.asarray(made, np.float32) - expected)
    # At a tile's own edge the network sees less; the fade hides it, and no pixel is far off.
    assert made.size == (2 * size[0], 2 * size[1])
    assert difference.mean() < 1.5 and (difference > 1).mean() < 0.35
    if max(size) <= 16:
        assert difference.max() <= 1


def test_tiles_cover_everything() -> None:
    for length in range(1, 120):
        found = tiles.starts(length, 16, 4)
        covered = {place for start in found for place in range(start, min(start + 16, length))}
        assert covered == set(range(length))
        assert all(after - before <= 12 for before, after in pairwise(found))


def test_the_shipped_upscaler_keeps_the_picture(shipped: Upscalers) -> None:
    small = Image.blend(picture(4, 3), Image.new("RGB", (4, 3), "grey"), 0.5).resize((72, 56), Image.Resampling.BICUBIC)
    large = finished(shipped.enlarged(small, NAME, 288, 224))
    assert large.size == (288, 224)
    back = np.asarray(large.reduce(4), np.float32)
    assert np.abs(back - np.asarray(small, np.float32)).mean() < 6


def test_to_any_size(shipped: Upscalers) -> None:
    assert finished(shipped.enlarged(picture(20, 10), NAME, 50, 37)).size == (50, 37)
    assert finished(shipped.enlarged(picture(20, 10), NAME, 200, 100)).size == (200, 100)
    assert finished(shipped.enlarged(picture(20, 10), NAME, 10, 5)).size == (10, 5)
    nearest = finished(shipped.enlarged(picture(20, 10), "Nearest", 40, 20))
    assert nearest.reduce(2).tobytes() == picture(20, 10).tobytes()
    for plain in ("Lanczos", "None", ""):
        made = finished(shipped.enlarged(picture(20, 10), plain, 50, 30))
        assert made.tobytes() == picture(20, 10).resize((50, 30), Image.Resampling.LANCZOS).tobytes()


def test_names_and_problems(tmp_path: Path, found: Callable[[], Upscalers]) -> None:
    state = Compact(8, 1, 2).state_dict()
    save_file(state, tmp_path / "RealESRGAN_x2plus.safetensors")
    (tmp_path / "sub").mkdir()
    torch.save({"params": state}, tmp_path / "sub" / "4x-Something.pth")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "RealESRGAN_x2plus.safetensors").read_bytes()[:500])
    (tmp_path / "words.pth").write_text("not at all")
    (tmp_path / "gone.pth").symlink_to(tmp_path / "nowhere")
    save_file({"some.weight": torch.zeros(2)}, tmp_path / "stranger.safetensors")
    entries = named(found())
    assert entries["R-ESRGAN 2x+"].facts == {"scale": 2, "kind": "Compact"}
    assert entries["4x-Something"].facts["scale"] == 2
    assert "download it again" in entries["cut"].problem
    assert "download it again" in entries["words"].problem
    assert entries["gone"].problem.startswith("It cannot be read")
    assert entries["stranger"].problem


def test_what_was_found_out_is_remembered(tmp_path: Path, found: Callable[[], Upscalers]) -> None:
    save_file(Compact(8, 1, 2).state_dict(), tmp_path / "a.safetensors")
    found().close()
    upscalers = Upscalers(tmp_path, FileFacts(tmp_path / "facts.sqlite"), pick("cpu"), lambda: None)
    upscalers.scan()
    # Without waiting for anything.
    assert named(upscalers)["a"].facts == {"scale": 2, "kind": "Compact"}
    upscalers.close()


def test_a_hostile_file_is_not_run(tmp_path: Path, found: Callable[[], Upscalers]) -> None:
    mark = tmp_path / "mark"

    class Trap:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
            return Path.touch, (mark,)

    with (tmp_path / "trap.pth").open("wb") as file:
        pickle.dump({"params": Trap()}, file)
    torch.save({"params": Trap()}, tmp_path / "trap2.pth")
    entries = named(found())
    assert entries["trap"].problem
    assert "would run code" in entries["trap2"].problem
    assert not mark.exists()


def test_unknown_and_broken_names_are_refused(tmp_path: Path, found: Callable[[], Upscalers]) -> None:
    (tmp_path / "words.pth").write_text("not at all")
    upscalers = found()
    upscalers.check("Lanczos")
    upscalers.check("None")
    with pytest.raises(RecipeError, match=r"no upscaler 'nope'.*Lanczos"):
        upscalers.check("nope")
    with pytest.raises(RecipeError, match="cannot be used"):
        upscalers.check("words")


def test_what_spandrel_knows(tmp_path: Path, found: Callable[[], Upscalers]) -> None:
    """Without torchvision; its stand-in is gone afterwards."""
    pytest.importorskip("einops")
    if not any((Path(place) / "spandrel").is_dir() for place in sys.path):
        pytest.skip("spandrel is not installed")
    torch.manual_seed(0)
    save_file(rrdb(features=8, blocks=1, growth=32), tmp_path / "RealESRGAN_x4plus.safetensors")
    upscalers = found()
    assert named(upscalers)["R-ESRGAN 4x+"].facts == {"scale": 4, "kind": "ESRGAN"}
    assert "torchvision" not in sys.modules
    assert finished(upscalers.enlarged(picture(20, 12), "R-ESRGAN 4x+", 80, 48)).size == (80, 48)


def test_spandrel_agrees_about_the_shipped_file() -> None:
    pytest.importorskip("einops")
    from pipelines.upscaling import foreign

    state = load_file(SHIPPED / "realesr-animevideov3.safetensors")
    try:
        theirs = foreign.recognised(state)
    except foreign.NotInstalled:
        pytest.skip("spandrel is not installed")
    ours = compact(state)
    assert theirs is not None and ours is not None and theirs.scale == ours.scale == 4
    x = torch.rand(1, 3, 24, 20)
    assert torch.allclose(theirs.model.float()(x), ours.float()(x), atol=1e-5)


def test_conversion_from_ncnn(tmp_path: Path) -> None:
    """A list of layers and their numbers, as ncnn keeps them."""
    network = Compact(4, 1, 2).half()
    data = b""
    lines = ["7767517", "5 6", "Input in 0 1 data"]
    for index, layer in enumerate(network.body):
        if isinstance(layer, torch.nn.Conv2d):
            weight = layer.weight.detach().numpy()
            lines.append(f"Convolution c{index} 1 1 a b 0={weight.shape[0]} 1=3 4=1 5=1 6={weight.size}")
            assert layer.bias is not None
            raw = weight.tobytes()
            data += (0x01306B47).to_bytes(4, "little") + raw + b"\0" * (-len(raw) % 4)
            data += layer.bias.detach().float().numpy().tobytes()
        elif isinstance(layer, torch.nn.PReLU):
            lines.append(f"PReLU p{index} 1 1 a b 0=4")
            data += layer.weight.detach().float().numpy().tobytes()
    lines.append("PixelShuffle s 1 1 a b 0=2")
    (tmp_path / "net.param").write_text("\n".join(lines))
    (tmp_path / "net.bin").write_bytes(data)
    state = converted(tmp_path / "net.param", tmp_path / "net.bin")
    assert {key: value.shape for key, value in state.items()} == {
        key: value.shape for key, value in network.state_dict().items()
    }
    assert all(torch.equal(state[key], value) for key, value in network.state_dict().items())
    (tmp_path / "net.bin").write_bytes(data + b"more")
    with pytest.raises(ValueError, match="do not belong together"):
        converted(tmp_path / "net.param", tmp_path / "net.bin")


def rrdb(features: int, blocks: int, growth: int) -> dict[str, torch.Tensor]:
    """Random weights of a small ESRGAN in the layout of Real-ESRGAN."""
    state: dict[str, torch.Tensor] = {}

    def conv(name: str, inside: int, outside: int) -> None:
        state[f"{name}.weight"] = torch.randn(outside, inside, 3, 3) * 0.05
        state[f"{name}.bias"] = torch.zeros(outside)

    conv("conv_first", 3, features)
    for block in range(blocks):
        for dense in (1, 2, 3):
            for number in range(1, 6):
                outside = features if number == 5 else growth
                conv(f"body.{block}.rdb{dense}.conv{number}", features + (number - 1) * growth, outside)
    for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
        conv(name, features, features)
    conv("conv_last", features, 3)
    return state
