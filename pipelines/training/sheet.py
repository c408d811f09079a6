"""Sheets: a contact sheet of prompts, drawn by Kit itself, to judge a training run by eye.

python -m pipelines.training.sheet --weights models/checkpoints/kit.safetensors --to sheet.png
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from PIL import Image, ImageDraw
from torch import Tensor
from transformers import CLIPTokenizer

from pipelines.training.bank import tokenize
from pipelines.training.emoji import SIZE, Pixels
from pipelines.training.kitfile import SCALING, Kit, import_kit, new_kit

TOKENIZER: Final = Path(__file__).parents[1] / "configs" / "clip_tokenizer"
PROMPTS: Final = (
    "a red heart", "a fox", "a blue heart", "a fox on a blue background", "a red apple", "a green frog",
    "a pizza", "a cat", "a dog", "a rocket", "a house", "a sunflower", "a robot", "a banana", "a panda", "a rainbow",
    "a green heart", "a purple car", "a crown on a black background", "a pink cat", "a fox in the snow",
    "a cat and a tree", "two apples", "a strawberry, flat style",
)  # fmt: skip


def open_tokenizer(folder: Path = TOKENIZER) -> Any:
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


def new_scheduler() -> DPMSolverMultistepScheduler:
    """DPM++ 2M Karras on SD's betas, v-prediction."""
    return DPMSolverMultistepScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        use_karras_sigmas=True,
        steps_offset=1,
    )


@torch.no_grad()
def sample(
    kit: Kit,
    tokenizer: Any,
    prompts: list[str],
    seed: int = 1,
    steps: int = 20,
    guidance: float = 5.0,
    negative: str = "",
) -> Pixels:
    """[n, 128, 128, 3]: one picture for each prompt; picture i starts from noise of seed + i."""
    scheduler = new_scheduler()
    scheduler.set_timesteps(steps)
    side = SIZE // 8
    noises = [
        torch.randn((4, side, side), generator=torch.Generator().manual_seed(seed + index))
        for index in range(len(prompts))
    ]
    latents = torch.stack(noises) * float(scheduler.init_noise_sigma)
    tokens = tokenize(tokenizer, [negative] * len(prompts) + prompts).long()
    with torch.autocast("cpu", torch.bfloat16):
        states = kit.text(input_ids=tokens).last_hidden_state
        for timestep in scheduler.timesteps:
            scaled: Tensor = scheduler.scale_model_input(torch.cat([latents, latents]), timestep)
            without, wanted = kit.unet(scaled, timestep, states).sample.float().chunk(2)
            velocity = without + guidance * (wanted - without)
            latents = scheduler.step(velocity, timestep, latents).prev_sample  # type: ignore[union-attr]
        made = kit.vae.decode(latents / SCALING).sample.float()  # type: ignore[union-attr]
    return ((made.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def draw_sheet(pictures: Pixels, labels: list[str], columns: int = 8) -> Image.Image:
    """A contact sheet with the labels in view."""
    rows = -(-len(labels) // columns)
    sheet = Image.new("RGB", (columns * (SIZE + 4), rows * (SIZE + 16)), "white")
    pen = ImageDraw.Draw(sheet)
    for index, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        left, top = index % columns * (SIZE + 4), index // columns * (SIZE + 16)
        sheet.paste(Image.fromarray(np.ascontiguousarray(picture)), (left, top))
        pen.text((left + 2, top + SIZE + 1), label[:24], fill="black")
    return sheet


def write_sheet(kit: Kit, path: Path, prompts: tuple[str, ...] = PROMPTS, seed: int = 1) -> None:
    """Draws the prompts and writes the sheet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw_sheet(sample(kit, open_tokenizer(), list(prompts), seed), list(prompts)).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw a contact sheet with Kit.")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("prompts", nargs="*", help="other prompts than the usual 24")
    arguments = parser.parse_args()
    kit = new_kit(0)
    import_kit(arguments.weights, kit)
    for network in (kit.vae, kit.unet, kit.text):
        network.eval()
    write_sheet(kit, arguments.to, tuple(arguments.prompts) or PROMPTS, arguments.seed)


if __name__ == "__main__":
    main()
