"""What the pipelines cost: the loop over bare calls of the U-Net, a warm picture, and fp32 against bf16.

    python -m benchmarks.sampling --models models [--checkpoint kit] [--size 128] [--steps 20] [--rounds 9]

Every comparison takes turns (A, B, A, B, …) and gives the median of the rounds, in wall time and in CPU time: on a
machine with other work, only the second tells something.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import torch

from pipelines import library, samplers
from pipelines.catalogue import CheckpointEntry
from pipelines.denoise import denoise
from pipelines.device import pick
from pipelines.events import Failed, ImageMade
from pipelines.families.sd15 import FAMILY
from pipelines.family import Order
from pipelines.latent_model import LatentModel
from pipelines.noise import SeededNoise
from pipelines.recipe import Recipe
from pipelines.runner import Runner

Times = tuple[float, float]
"""Wall and CPU seconds."""


def timed(work: Callable[[], Any]) -> Times:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def median(times: list[Times]) -> Times:
    return statistics.median(t[0] for t in times), statistics.median(t[1] for t in times)


def alternating(rounds: int, *works: Callable[[], Any]) -> list[list[Times]]:
    """The times of each work, taken in turns, the order reversed every other round; one round before does not count."""
    times: list[list[Times]] = [[] for _ in works]
    for number in range(rounds + 1):
        order = list(enumerate(works))
        for place, work in order if number % 2 else reversed(order):
            taken = timed(work)
            if number:
                times[place].append(taken)
    return times


def loaded(entry: CheckpointEntry, dtype: str) -> LatentModel:
    path = Path(entry.path)
    (found,) = [c for c in library.scan(path.parent, [FAMILY]) if c.version.path.name == path.name]
    assert found.header is not None
    model = FAMILY.load(path, found.header, pick("cpu", dtype))
    assert isinstance(model, LatentModel)
    return model


def overhead(model: LatentModel, size: int, steps: int, rounds: int) -> None:
    parts = model.parts
    shape = parts.autoencoder.shape(size, size)
    sampler = samplers.SAMPLERS[0]
    order = Order("a red fox", "", size, size, steps, 7.0, sampler, "Automatic", (1,))
    noise = SeededNoise((1,), shape)
    levels = sampler.sigmas("Automatic", steps, parts.table)
    encoded = parts.text.encode({"": 1, "a red fox": 1})
    both = torch.cat([encoded[""], encoded["a red fox"]]).to(parts.dtype)
    first = noise.draw()
    twice = torch.cat([first, first]).to(parts.dtype)

    @torch.inference_mode()
    def bare() -> None:
        for _ in range(steps):
            parts.unet(twice, 500, encoder_hidden_states=both, return_dict=False)

    def ours() -> None:
        denoiser = model.denoiser(order)
        loop = denoise(sampler.rule(first * levels[0], levels, noise), denoiser, steps, lambda: False)
        for step in loop:
            parts.colours.picture(step.estimate[0])

    # The prompts are encoded once a job, not once a step: their time is taken off.
    def text() -> None:
        model.denoiser(order)

    bare_times, our_times, text_times = alternating(rounds, bare, ours, text)
    (bare_wall, bare_cpu), (our_wall, our_cpu), (text_wall, text_cpu) = map(median, (bare_times, our_times, text_times))
    pairs = [(o[1] - text_cpu) / b[1] - 1 for b, o in zip(bare_times, our_times, strict=True)]
    print(f"{steps} bare U-Net calls (batch 2): {bare_wall:.3f} s wall, {bare_cpu:.3f} s CPU")
    print(f"our loop, previews included:   {our_wall - text_wall:.3f} s wall, {our_cpu - text_cpu:.3f} s CPU")
    print(f"encoding the prompts:          {text_wall:.3f} s wall")
    print(
        f"overhead: {(our_cpu - text_cpu) / bare_cpu - 1:+.1%} of the medians; "
        f"{statistics.median(pairs):+.1%} median of pairs ({min(pairs):+.1%} .. {max(pairs):+.1%}), CPU time"
    )


def picture(models: Path, entry: CheckpointEntry, size: int, steps: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as cache:
        runner = Runner(models, Path(cache), "cpu")
        recipe = Recipe("a red fox", "", entry.name, size, size, steps, seed=1)

        def make() -> None:
            seen = list(runner.run("job", recipe, {}, lambda: False))
            assert not isinstance(seen[-1], Failed), seen[-1]
            assert any(isinstance(event, ImageMade) for event in seen)

        cold = timed(make)
        wall, cpu = median(alternating(rounds, make)[0])
        runner.close()
    print(f"first picture, loading and imports included: {cold[0]:.2f} s wall")
    print(f"a warm picture, {size} px, {steps} steps: {wall:.2f} s wall, {cpu:.2f} s CPU")


def finished(work: Generator[Any, None, torch.Tensor]) -> torch.Tensor:
    while True:
        try:
            next(work)
        except StopIteration as stop:
            return stop.value


def precisions(entry: CheckpointEntry, size: int, steps: int, rounds: int) -> None:
    works: list[Callable[[], Any]] = []
    for dtype in ("float32", "bfloat16"):
        model = loaded(entry, dtype)
        order = Order("a red fox", "", size, size, steps, 7.0, samplers.SAMPLERS[0], "Automatic", (1,))

        def make(model: LatentModel = model, order: Order = order) -> None:
            model.decode(finished(model.draw(order, lambda: False)))

        works.append(make)
    full, half = (median(times) for times in alternating(rounds, *works))
    print(
        f"a picture in fp32: {full[0]:.2f} s wall, {full[1]:.2f} s CPU; in bf16: {half[0]:.2f} s, {half[1]:.2f} s CPU"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--checkpoint", default="")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0: its own choice")
    asked = parser.parse_args()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    with tempfile.TemporaryDirectory() as cache:
        runner = Runner(asked.models, Path(cache), "cpu")
        entry, device = runner.catalogue().checkpoint(asked.checkpoint), runner.catalogue().device
        runner.close()
    if entry is None or entry.problem:
        parser.exit(1, f"No usable checkpoint '{asked.checkpoint}' in {asked.models}.\n")
    print(f"{entry.name}, {device.title}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    picture(asked.models, entry, asked.size, asked.steps, asked.rounds)
    overhead(loaded(entry, "float32"), asked.size, asked.steps, asked.rounds)
    precisions(entry, asked.size, asked.steps, asked.rounds)


if __name__ == "__main__":
    main()
