"""The judge: a small classifier of the 200 subjects that never saw the styles or renderings Kit learned from.

    python -m pipelines.training.judge --packages node_modules --work DIR --to models/kit/judge.safetensors

It learns from EmojiOne v2 and Fluent's colour SVGs in many disguises; all other emoji are further classes while it
learns, and are cut off afterwards. Its accuracy on renderings of Kit's own styles is the ceiling of what it can find.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from pipelines.training.backdrop import COLOURS, plain
from pipelines.training.concepts import read_subjects
from pipelines.training.disguise import SIDE, new_disguise, shrink, sprites_of
from pipelines.training.emoji import HELD_OUT, SIZE, STYLES, Library, Pixels, load_library
from pipelines.training.sprite import place
from pipelines.training.state import schedule

WIDTHS: Final = (24, 64, 128, 144)
BATCH: Final = 48
RATE: Final = 2e-3
JUDGE: Final = Path("models/kit/judge.safetensors")
log = logging.getLogger(__name__)


class Block(nn.Module):
    """A residual block that halves the sides."""

    def __init__(self, width: int, wider: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, wider, 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(wider)
        self.second = nn.Conv2d(wider, wider, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(wider)
        self.short = nn.Conv2d(width, wider, 1, bias=False)

    def forward(self, values: Tensor) -> Tensor:
        inner = functional.relu(self.norm1(self.first(values)))
        return functional.relu(self.norm2(self.second(inner)) + self.short(functional.avg_pool2d(values, 2)))


class Judge(nn.Module):
    """Pictures [n, 3, 64, 64] of 0..1 → scores [n, labels]."""

    def __init__(self, labels: tuple[str, ...], more: int = 0) -> None:
        """`more` is the number of further classes while it learns."""
        super().__init__()
        self.labels = labels
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        widths = (16, *WIDTHS)
        self.blocks = nn.Sequential(*(Block(one, next_) for one, next_ in zip(widths, WIDTHS, strict=False)))
        self.head = nn.Linear(WIDTHS[-1], len(labels) + more)

    def features(self, pictures: Tensor) -> Tensor:
        """[n, 144]: what the judge sees, for distances between pictures."""
        return self.blocks(functional.relu(self.stem(pictures * 2 - 1))).mean((2, 3))

    def forward(self, pictures: Tensor) -> Tensor:
        return self.head(functional.dropout(self.features(pictures), 0.1, self.training))

    @torch.inference_mode()
    def scores(self, pixels: Pixels) -> Tensor:
        """[n, labels] for pictures [n, h, w, 3] of any size."""
        return torch.cat([self(part) for part in to_judge(pixels).split(64)])

    @torch.inference_mode()
    def distances(self, ones: Pixels, others: Pixels) -> Tensor:
        """[n] distances (0 same .. 2) between pictures in the judge's features: 1 − cosine."""
        return 1 - functional.cosine_similarity(self.features(to_judge(ones)), self.features(to_judge(others)))


def to_judge(pixels: Pixels) -> Tensor:
    """[n, h, w, 3] of 0..255 → [n, 3, 64, 64] of 0..1."""
    return shrink(torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 255)


def found(scores: Tensor, wanted: list[int], best: int) -> Tensor:
    """[n] whether the wanted label is among the `best` highest scores [n, labels]."""
    return (scores.topk(best, dim=1).indices == torch.tensor(wanted)[:, None]).any(1)


def save_judge(judge: Judge, path: Path, facts: dict[str, str]) -> None:
    """Half precision, without the further classes; labels and facts in the metadata."""
    count = len(judge.labels)
    state = {name: value for name, value in judge.state_dict().items() if not name.endswith("num_batches_tracked")}
    state |= {"head.weight": judge.head.weight.detach()[:count], "head.bias": judge.head.bias.detach()[:count]}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: value.half().contiguous() for name, value in state.items()},
        path,
        metadata={"labels": json.dumps(judge.labels), **facts},
    )


def load_judge(path: Path) -> Judge:
    with safe_open(path, framework="pt") as file:
        labels: list[str] = json.loads(file.metadata()["labels"])
        judge = Judge(tuple(labels))
        judge.load_state_dict({name: file.get_tensor(name).float() for name in file.keys()}, strict=False)  # noqa: SIM118
    return judge.eval()


def renderings(library: Library, style: str, labels: tuple[str, ...]) -> tuple[Pixels, list[int]]:
    """Plain pictures [n, 128, 128, 3] of a style, on white or a colour, as Kit learns them, and their labels."""
    random = np.random.default_rng(3)
    rows, made, wanted = library.rows(), list[Pixels](), list[int]()
    for number, label in enumerate(labels):
        row = rows.get((label, style))
        if row is None:
            continue
        name = "white" if random.random() < 0.5 else str(random.choice(list(COLOURS)))
        canvas = plain(COLOURS[name])
        place(canvas, library.pixels[row], 108, (SIZE / 2, SIZE / 2))
        made.append(canvas.clip(0, 255).astype(np.uint8))
        wanted.append(number)
    return np.stack(made), wanted


def examine(judge: Judge, library: Library, styles: tuple[str, ...] = STYLES) -> dict[str, str]:
    """Top-1 and top-5 shares on renderings of each style, as "0.91 0.98"."""
    judge.eval()
    facts: dict[str, str] = {}
    for style in styles:
        pixels, wanted = renderings(library, style, judge.labels)
        scores = judge.scores(pixels)
        shares = (float(found(scores, wanted, best).float().mean()) for best in (1, 5))
        facts[f"accuracy.{style}"] = " ".join(f"{share:.3f}" for share in shares)
    judge.train()
    return facts


class Lessons:
    """Batches from the held-out styles: the subjects in three of five pictures, other emoji in the rest."""

    def __init__(self, library: Library, labels: tuple[str, ...], seed: int) -> None:
        self.sprites = sprites_of(library)
        owners = [library.concepts[owner].label for owner in library.concept]
        others = sorted(set(owners) - set(labels))
        numbers = {label: number for number, label in enumerate((*labels, *others))}
        self.classes = len(numbers)
        self.of_row = torch.tensor([numbers[owner] for owner in owners])
        by_label = [[row for row, owner in enumerate(owners) if owner == label] for label in labels]
        self.by_label = [torch.tensor(rows) for rows in by_label if rows]
        self.others = torch.tensor([row for row, owner in enumerate(owners) if owner not in set(labels)])
        self.disguise, self.seed = new_disguise(seed), seed

    def draw(self, step: int) -> tuple[Tensor, Tensor]:
        """Pictures [48, 3, 64, 64] and classes [48]; the same for the same step."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        rows = self.others[torch.randint(len(self.others), (BATCH,), generator=generator)]
        for place_ in range(BATCH * 3 // 5):
            pool = self.by_label[int(torch.randint(len(self.by_label), (), generator=generator))]
            rows[place_] = pool[torch.randint(len(pool), (), generator=generator)]
        return self.disguise(self.sprites[rows].float(), generator), self.of_row[rows]


def teach(library: Library, unseen: Library, steps: int, seed: int = 21, minutes: float = 60.0) -> Judge:
    """Trains a judge on `library`; logs its accuracy on `unseen`, the styles of Kit, which it does not learn from."""
    torch.manual_seed(seed)
    labels = tuple(subject.label for subject in read_subjects())
    lessons = Lessons(library, labels, seed)
    judge = Judge(labels, lessons.classes - len(labels))
    optimizer = torch.optim.AdamW(judge.parameters(), lr=RATE, weight_decay=0.02, fused=True)
    began, losses = time.monotonic(), 0.0
    for step in range(steps):
        spent = (time.monotonic() - began) / (minutes * 60)
        if spent >= 1:
            break
        pictures, classes = lessons.draw(step)
        with torch.autocast("cpu", torch.bfloat16):
            loss = functional.cross_entropy(judge(pictures).float(), classes, label_smoothing=0.1)
        loss.backward()
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(schedule(step, steps, decay=0.9), max(0.05, (1 - spent) / 0.9))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses += float(loss.detach())
        if (step + 1) % 250 == 0:
            log.info("step %d, loss %.3f, %s", step + 1, losses / 250, examine(judge, unseen))
            losses = 0.0
    return judge.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the judge of Kit.")
    parser.add_argument("--packages", type=Path, required=True, help="the node_modules folder with the emoji packages")
    parser.add_argument("--work", type=Path, required=True, help="where rendered pictures are kept")
    parser.add_argument("--to", type=Path, default=JUDGE)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--minutes", type=float, default=60.0, help="at most")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    torch.set_num_threads(arguments.threads)
    cache = arguments.work / "cache"
    held_out, known = (load_library(arguments.packages, cache, names) for names in (HELD_OUT, STYLES))
    judge = teach(held_out, known, arguments.steps, minutes=arguments.minutes)
    facts = examine(judge, known)
    log.info("%s", facts)
    save_judge(judge.eval(), arguments.to, {**facts, "size": str(SIDE), "modelspec.license": "CC-BY-4.0"})


if __name__ == "__main__":
    main()
