"""Measures: what the model card says, taken from a file of weights: colours, backgrounds, time, reconstruction.

python -m pipelines.training.measure --weights models/checkpoints/kit.safetensors --packages node_modules --work DIR
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Final

import numpy as np
import torch

from pipelines.training.autoencoder import measure_psnr
from pipelines.training.backdrop import COLOURS
from pipelines.training.emoji import HELD_OUT, Pixels, load_library
from pipelines.training.kitfile import Kit, import_kit, new_kit
from pipelines.training.sheet import open_tokenizer, sample

OBJECTS: Final = (
    ("a red heart", "red"),
    ("a blue heart", "blue"),
    ("a green heart", "green"),
    ("a fox", "orange"),
    ("a red apple", "red"),
    ("a green frog", "green"),
    ("a purple car", "purple"),
    ("a yellow star", "yellow"),
)
BACKGROUNDS: Final = (
    ("a fox on a blue background", "blue"),
    ("a cat on a green background", "green"),
    ("a rocket on a pink background", "pink"),
    ("a heart on a black background", "black"),
)
HUES: Final = {
    "red": 0,
    "orange": 28,
    "yellow": 48,
    "green": 125,
    "turquoise": 180,
    "blue": 215,
    "purple": 275,
    "pink": 330,
}


def hue_of(pixels: Pixels) -> str:
    """The commonest hue's name among the vivid pixels of a picture [h, w, 3], or "none" where few are vivid."""
    rgb = pixels.reshape(-1, 3).astype(np.float32)
    high, low = rgb.max(1), rgb.min(1)
    spread = high - low
    vivid = (spread > 60) & (high > 60)
    if vivid.mean() < 0.02:
        return "none"
    red, green, blue = (rgb[vivid] / 255).T
    top, gap = high[vivid] / 255, spread[vivid] / 255
    hue = np.where(
        top == red, (green - blue) / gap % 6, np.where(top == green, (blue - red) / gap + 2, (red - green) / gap + 4)
    )
    degrees = hue * 60
    names = list(HUES)
    distances = np.stack([np.abs((degrees - HUES[name] + 180) % 360 - 180) for name in names])
    return names[int(np.bincount(distances.argmin(0), minlength=len(names)).argmax())]


def background_of(pixels: Pixels) -> str:
    """The nearest named colour of a picture's corners."""
    corners = pixels[[4, 4, -5, -5], [4, -5, 4, -5]].astype(np.float32).mean(0)
    return min(COLOURS, key=lambda name: float(np.square(corners - np.asarray(COLOURS[name])).sum()))


def measure(kit: Kit, seeds: int = 8) -> dict[str, str | float]:
    """Shares of pictures with the right hue or background, over `seeds` seeds, and seconds for 20 steps."""
    tokenizer = open_tokenizer()
    facts: dict[str, str | float] = {}
    for pairs, judge in ((OBJECTS, hue_of), (BACKGROUNDS, background_of)):
        for prompt, wanted in pairs:
            pictures = sample(kit, tokenizer, [prompt] * seeds, seed=100)
            found = [judge(picture) for picture in pictures]
            facts[prompt] = f"{found.count(wanted)} of {seeds} {wanted} ({', '.join(sorted(set(found)))})"
    sample(kit, tokenizer, ["a fox"])
    began, spent = time.perf_counter(), time.process_time()
    sample(kit, tokenizer, ["a fox"])
    facts["seconds for one picture, 20 steps"] = round(time.perf_counter() - began, 2)
    facts["CPU seconds for it"] = round(time.process_time() - spent, 2)
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure Kit.")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--packages", type=Path, help="node_modules with the emoji packages, for the reconstruction")
    parser.add_argument("--work", type=Path, help="where rendered pictures are kept")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    kit = new_kit(0)
    metadata = import_kit(arguments.weights, kit)
    for network in (kit.vae, kit.unet, kit.text):
        network.eval()
    facts: dict[str, str | float] = {key: value for key, value in metadata.items() if key.startswith("kit.")}
    facts |= measure(kit, arguments.seeds)
    if arguments.packages is not None and arguments.work is not None:
        held_out = load_library(arguments.packages, arguments.work / "cache", HELD_OUT)
        facts["PSNR on held-out styles, dB"] = round(measure_psnr(kit.vae, held_out), 2)
    sys.stdout.write(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
