"""How well Kit draws: every figure of its card, with pictures made by the engine and judged by others than the model.

    python -m benchmarks.kit [--weights models/checkpoints/kit.safetensors] [--quick] [--only objects,colours]

Judges: `models/kit/judge.safetensors`, a classifier that never saw the styles Kit learned
(pipelines/training/judge.py), and measures of pixels.
`--packages node_modules --work DIR` adds the autoencoder's reconstruction of held-out pictures.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

from benchmarks.studio import Studio, seconds, studio
from pipelines import library
from pipelines.device import pick
from pipelines.families.sd15 import FAMILY
from pipelines.training.autoencoder import measure_psnr
from pipelines.training.backdrop import COLOURS
from pipelines.training.concepts import plural, read_subjects, with_article
from pipelines.training.emoji import HELD_OUT, Pixels, load_library
from pipelines.training.judge import JUDGE, Judge, found, load_judge
from pipelines.training.kitfile import import_kit, new_kit
from pipelines.training.measure import background_of, colour_of, object_mask, things

SUBJECTS = {subject.label: subject for subject in read_subjects()}
PAINTED = (
    "red heart, automobile, star, balloon, frog, fish, butterfly, tulip, rose, umbrella, t-shirt, crown, key, "
    "closed book, red apple, gem stone, guitar, bird, mushroom, octopus"
)
COUNTED = (
    "red heart, star, red apple, banana, strawberry, pizza, frog, fox, cat face, dog face, sun, balloon, lemon, house, "
    "automobile, robot, ghost, bell, egg, key"
)
PAIRED = (
    "fox/deciduous tree, cat face/dog face, red heart/star, red apple/banana, house/automobile, sun/cloud, frog/fish, "
    "rocket/full moon, pizza/beer mug, panda/balloon, robot/guitar, crown/ring, rose/butterfly, owl/crescent moon, "
    "ghost/jack-o-lantern, penguin/snowflake, lion/birthday cake, umbrella/droplet, key/closed book, lemon/strawberry"
)
PARTS = "objects, colours, backgrounds, counts, pairs, steering, seeds, variations, inpainting, times"
LEFT, RIGHT = slice(0, 68), slice(60, 128)


@dataclass(frozen=True)
class Figure:
    """One line of the table: what, how much (a share of 1 unless the text says), and what was wished for."""

    name: str
    value: str
    goal: str = ""


def share(hits: list[bool]) -> str:
    return f"{100 * float(np.mean(hits)):.1f} %"


def redness(pixels: Pixels) -> float:
    """How much more red than green and blue an object is, −255..255."""
    rgb = pixels[object_mask(pixels)].astype(float)
    return float((rgb[:, 0] - rgb[:, 1:].mean(1)).mean()) if len(rgb) else 0.0


def flat(hits: dict[Any, list[bool]]) -> list[bool]:
    return [hit for some in hits.values() for hit in some]


def noun(label: str) -> str:
    subject = SUBJECTS[label]
    return with_article(subject.nouns[0], subject.mass)


@dataclass(frozen=True)
class Examination:
    """A studio, a judge, and how much of everything to make (1 all, 0.2 a fifth)."""

    studio: Studio
    judge: Judge
    quick: bool

    def some(self, labels: str | list[str], few: int) -> list[str]:
        """All of them, or few that are spread evenly."""
        names = labels.split(", ") if isinstance(labels, str) else labels
        return names[:: max(1, len(names) // few)][:few] if self.quick else names

    def number(self, label: str) -> int:
        return self.judge.labels.index(label)

    def hits(self, pixels: Pixels, label: str, best: int = 1) -> list[bool]:
        return found(self.judge.scores(pixels), [self.number(label)] * len(pixels), best).tolist()

    def objects(self) -> Iterator[Figure]:
        """200 subjects, four seeds each."""
        first: list[bool] = []
        five: list[bool] = []
        weak: list[str] = []
        for label in self.some(list(SUBJECTS), 40):
            pixels = self.studio.make(noun(label), 2 if self.quick else 4)
            hits = self.hits(pixels, label)
            first += hits
            five += self.hits(pixels, label, 5)
            if not any(hits):
                weak.append(SUBJECTS[label].nouns[0])
        yield Figure(f"single objects ({len(first)} pictures), top-1 of 200", share(first), "80 %")
        yield Figure("the same, top-5", share(five), "95 %")
        yield Figure("never recognised", ", ".join(weak) or "none")

    def colours(self) -> Iterator[Figure]:
        hits: dict[str, list[bool]] = {}
        for label in self.some(PAINTED, 4):
            for colour in COLOURS:
                prompt = with_article(f"{colour} {SUBJECTS[label].nouns[0]}", SUBJECTS[label].mass)
                prompt += " on a blue background" if colour == "white" else ""
                (pixels,) = self.studio.make(prompt, 1)
                hits.setdefault(colour, []).append(colour_of(pixels) == colour)
        yield Figure(
            "12 colours × 20 objects, commonest colour right",
            share(flat(hits)),
            "90 %",
        )
        yield Figure("by colour", ", ".join(f"{colour} {share(found_)}" for colour, found_ in hits.items()))

    def backgrounds(self) -> Iterator[Figure]:
        hits: list[bool] = []
        for label in self.some(PAINTED, 4):
            for colour in COLOURS:
                (pixels,) = self.studio.make(f"{noun(label)} on {with_article(colour)} background", 1)
                hits.append(background_of(pixels) == colour)
        yield Figure("12 backgrounds × 20 objects, rim right", share(hits), "95 %")

    def counts(self) -> Iterator[Figure]:
        hits: dict[int, list[bool]] = {1: [], 2: [], 3: []}
        for label in self.some(COUNTED, 6):
            name = SUBJECTS[label].nouns[0]
            for number, words in enumerate((f"one {name}", f"two {plural(name)}", f"three {plural(name)}"), 1):
                hits[number] += [things(pixels) == number for pixels in self.studio.make(words, 2)]
        yield Figure("counts one/two/three × 20 objects", share(flat(hits)), "60 %")
        yield Figure("by number", ", ".join(f"{number}: {share(found_)}" for number, found_ in hits.items()))

    def pairs(self) -> Iterator[Figure]:
        hits: list[bool] = []
        each: list[bool] = []
        for pair in self.some(PAIRED, 6):
            one, other = pair.split("/")
            pixels = self.studio.make(f"{noun(one)} and {noun(other)}", 4)
            crops = [pixels[:, 34:102, place] for place in (LEFT, RIGHT)]
            seen = [np.any([self.hits(crop, label) for crop in crops], axis=0) for label in (one, other)]
            hits += [bool(value) for value in seen[0] & seen[1]]
            each += [bool(value) for values in seen for value in values]
        yield Figure("two objects, both found (top-1 in either half)", share(hits), "50 %")
        yield Figure("two objects, each", share(each))

    def steering(self) -> Iterator[Figure]:
        """What the negative prompt and the guidance do."""
        red = ["red heart", "red apple", "balloon", "automobile", "strawberry"]
        with_, without = (
            float(np.mean([redness(one) for label in red for one in self.studio.make(noun(label), 2, negative=words)]))
            for words in ("", "red")
        )
        yield Figure("redness of red things, without and with the negative prompt 'red'", f"{with_:.0f}, {without:.0f}")
        few = self.some(PAINTED, 5)
        by_scale: list[str] = []
        for scale in (1.0, 2.0, 5.0, 9.0):
            hits = [hit for label in few for hit in self.hits(self.studio.make(noun(label), 2, guidance=scale), label)]
            by_scale.append(f"{scale:g}: {share(hits)}")
        yield Figure("top-1 by CFG", ", ".join(by_scale))

    def seeds(self) -> Iterator[Figure]:
        few = self.some(PAINTED, 5)
        made = [self.studio.make(noun(label), 2) for label in few]
        again = self.studio.make(noun(few[0]), 2)
        apart = [float(self.judge.distances(pixels[:1], pixels[1:])[0]) for pixels in made]
        between = [float(self.judge.distances(one[:1], two[:1])[0]) for one, two in pairwise(made)]
        same = bool(np.array_equal(again, made[0]))
        yield Figure("distance of two seeds of one prompt (judge's features, 1 − cosine)", f"{np.mean(apart):.3f}")
        yield Figure("distance of two prompts with one seed", f"{np.mean(between):.3f}")
        yield Figure("the same seed gives the same bytes", "yes" if same else "no", "yes")

    def variations(self) -> Iterator[Figure]:
        """Image to image: from each object to the next."""
        few = self.some(COUNTED, 5)
        kept: dict[float, list[float]] = {0.4: [], 0.8: []}
        new: dict[float, list[bool]] = {0.4: [], 0.8: []}
        for label, other in zip(few, few[1:] + few[:1], strict=True):
            start = self.studio.make(f"{noun(label)} on a yellow background", 1)[0]
            for strength in kept:
                made = self.studio.change(start, noun(other), strength, seed=7)
                one, two = (object_mask(picture) for picture in (start, made))
                kept[strength].append(float((one & two).sum() / max(1, (one | two).sum())))
                new[strength] += self.hits(made[None], other)
        for strength in kept:
            value = f"{100 * np.mean(kept[strength]):.0f} %, {share(new[strength])}"
            yield Figure(f"image to image at {strength}: shape kept (overlap), new object recognised", value)

    def inpainting(self) -> Iterator[Figure]:
        """A red apple into a table scene."""
        table = Image.new("RGB", (128, 128), (214, 226, 236))
        ImageDraw.Draw(table).rectangle((0, 84, 128, 128), fill=(150, 104, 66))
        hole = Image.new("L", (128, 128), 0)
        ImageDraw.Draw(hole).ellipse((32, 30, 96, 98), fill=255)
        scene, mask = np.array(table), np.array(hole)
        red: list[bool] = []
        equal: list[bool] = []
        apple: list[bool] = []
        for seed in range(4 if self.quick else 16):
            made = self.studio.change(scene, "a red apple", 1.0, mask, seed)
            inside = made[mask > 0].astype(int)
            red.append(bool((inside[:, 0] > inside[:, 1:].max(1) + 60).mean() > 0.25))
            equal.append(bool(np.array_equal(made[mask == 0], scene[mask == 0])))
            apple += self.hits(made[None, 26:102, 26:102], "red apple", 5)
        yield Figure("inpainting a red apple: a quarter of the hole is red", share(red))
        yield Figure("inpainting: apple among the judge's first five", share(apple))
        yield Figure("inpainting: pixels outside the mask bit-equal", share(equal), "100 %")

    def times(self) -> Iterator[Figure]:
        yield Figure("one picture, 20 steps, wall time", f"{seconds(self.studio):.2f} s", "1.5 s")


def loading(weights: Path) -> Figure:
    (entry,) = [one for one in library.scan(weights.parent, [FAMILY]) if one.version.path.name == weights.name]
    assert entry.header is not None
    FAMILY.load(weights, entry.header, pick("cpu", None))
    began = time.perf_counter()
    FAMILY.load(weights, entry.header, pick("cpu", None))
    return Figure("model load", f"{time.perf_counter() - began:.2f} s", "1 s")


def reconstruction(weights: Path, packages: Path, work: Path) -> Figure:
    kit = new_kit(0)
    import_kit(weights, kit)
    held_out = load_library(packages, work / "cache", HELD_OUT)
    return Figure("autoencoder on styles left out", f"{measure_psnr(kit.vae, held_out):.2f} dB", "27 dB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=Path("models/checkpoints/kit.safetensors"))
    parser.add_argument("--judge", type=Path, default=JUDGE)
    parser.add_argument("--quick", action="store_true", help="a fifth of everything")
    parser.add_argument("--only", default="", help="some of the parts, with commas between")
    parser.add_argument("--packages", type=Path, help="node_modules with the emoji packages")
    parser.add_argument("--work", type=Path, help="where rendered pictures are kept")
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0: its own choice")
    asked = parser.parse_args()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    chosen = [part for part in PARTS.split(", ") if not asked.only or part in asked.only.split(",")]
    with studio(asked.weights) as made_by:
        examination = Examination(made_by, load_judge(asked.judge), asked.quick)
        print("| what | measured | goal |\n|---|---|---|")
        for part in chosen:
            for figure in getattr(examination, part)():
                print(f"| {figure.name} | {figure.value} | {figure.goal} |", flush=True)
    if not asked.only:
        figures = [loading(asked.weights)]
        if asked.packages and asked.work:
            figures.append(reconstruction(asked.weights, asked.packages, asked.work))
        for figure in figures:
            print(f"| {figure.name} | {figure.value} | {figure.goal} |")


if __name__ == "__main__":
    main()
