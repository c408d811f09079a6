"""Compositions: pictures with captions, made from sprites. The same seed and number give the same picture and words.

Kinds: one object on white, on a plain colour, painted in a colour, in a scene, small or to a side, two or three of the
same, two different ones, and a tail of all other emoji with their label or keywords.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from pipelines.training.backdrop import COLOURS, SCENES, Canvas, Random, plain, scene
from pipelines.training.concepts import BEST, FIRST, Subject, plural, read_subjects, with_article
from pipelines.training.emoji import SIZE, STYLES, Library, Pixels
from pipelines.training.sprite import place, tint

TEMPLATES: Final = (
    "{0}", "{0}", "{0}", "{0}", "{0}", "a picture of {0}", "an emoji of {0}", "a photo of {0}", "a drawing of {0}",
    "{0}, cute", "{0}, high quality", "an icon of {0}", "a painting of {0}", "an illustration of {0}",
)  # fmt: skip
STYLE_WORDS: Final = {
    "3d": ("3d", "3d render", "3d style"),
    "noto": ("noto style", "noto"),
    "twemoji": ("twemoji style", "twemoji"),
    "flat": ("flat style", "flat", "flat design"),
}
SCENE_WORDS: Final = {
    "snow": ("in the snow", "in a snowy landscape", "in winter"),
    "night": ("at night", "under a starry sky", "in the night sky"),
    "grass": ("on grass", "on a green meadow", "in a field"),
    "sea": ("at the sea", "on the ocean", "by the sea"),
    "dusk": ("at dusk", "at sunset", "in the evening"),
    "desert": ("in the desert", "on sand"),
    "forest": ("in a forest", "in the woods"),
    "sky": ("in the sky", "in front of a cloudy sky"),
}
BACKGROUND_WORDS: Final = ("on a {} background", "on a {} background", "on {}", "{} background", "with a {} background")
SIDES: Final = {
    "on the left": (0.5, 0.28),
    "on the right": (0.5, 0.72),
    "at the top": (0.28, 0.5),
    "at the bottom": (0.72, 0.5),
}
PAIRS: Final = ((0.53, 0.27), (0.53, 0.73))
TRIPLE: Final = ((0.29, 0.5), (0.72, 0.26), (0.72, 0.74))


@dataclass(frozen=True)
class Mixture:
    """How often each kind of composition comes; shares of 1 together with what is left for a plain object."""

    first: float = 0.0
    best: float = 0.6
    style_3d: float = 0.75
    tail: float = 0.1
    background: float = 0.25
    painted: float = 0.17
    scene: float = 0.1
    sided: float = 0.04
    count: float = 0.06
    two: float = 0.06


@dataclass(frozen=True)
class Composition:
    """A picture [128, 128, 3] (0..255) and its words."""

    pixels: Pixels
    caption: str


@dataclass
class Composer:
    """Draws compositions from a library."""

    library: Library
    mixture: Mixture = field(default_factory=Mixture)
    subjects: list[Subject] = field(default_factory=read_subjects)

    def __post_init__(self) -> None:
        self.rows = self.library.rows()
        known = [subject for subject in self.subjects if (subject.label, STYLES[0]) in self.rows]
        self.subjects = known
        self.first, self.best = (
            [subject for subject in known if subject.label in labels.split(", ")] or known for labels in (FIRST, BEST)
        )
        core = {subject.label for subject in known}
        concepts = self.library.concepts
        self.tail = [row for row, owner in enumerate(self.library.concept) if concepts[owner].label not in core]

    def compose(self, seed: int, number: int) -> Composition:
        """Composition `number` of the endless row that `seed` names."""
        random = np.random.default_rng((seed, number))
        mixture, roll = self.mixture, random.random()
        if self.tail and roll < mixture.tail:
            canvas, words = self.draw_tail(random)
        elif (roll := random.random()) < mixture.two:
            canvas, words = self.draw_two(random)
        elif (roll := roll - mixture.two) < mixture.count:
            canvas, words = self.draw_count(random)
        else:
            canvas, words = self.draw_one(random, roll - mixture.count)
        return Composition(np.clip(canvas, 0, 255).astype(np.uint8), words)

    def draw_subject(self, random: Random) -> tuple[Subject, str, Pixels]:
        """A subject, a style, and its picture in it."""
        roll = random.random()
        if roll < self.mixture.first:
            pool = self.first
        else:
            pool = self.best if roll < self.mixture.first + self.mixture.best else self.subjects
        subject = pool[int(random.integers(len(pool)))]
        style = STYLES[0]
        if random.random() > self.mixture.style_3d:
            style = STYLES[int(random.integers(1, len(STYLES)))]
        row = self.rows.get((subject.label, style))
        if row is None:
            style, row = STYLES[0], self.rows[(subject.label, STYLES[0])]
        return subject, style, self.library.pixels[row]

    def draw_one(self, random: Random, roll: float) -> tuple[Canvas, str]:
        """One object: `roll` (0..1) chooses its kind."""
        mixture = self.mixture
        subject, style, pixels = self.draw_subject(random)
        noun = choose(random, subject.nouns, first=0.65)
        size, middle, tail, adjective = usual_size(random), (0.5, 0.5), "", ""
        colour, canvas = "white", plain(COLOURS["white"])
        if roll < mixture.background:
            colour = str(random.choice(list(COLOURS)))
            canvas = plain(COLOURS[colour])
            tail = " " + choose(random, BACKGROUND_WORDS).format(colour).replace("a orange", "an orange")
            roll = random.random() * 1.2
        elif (roll := roll - mixture.background) < mixture.scene:
            name = str(random.choice(SCENES))
            canvas, tail = scene(name, random), " " + choose(random, SCENE_WORDS[name], first=0.5)
            size, middle, colour = size * 0.78, (0.56, 0.5), name
            roll = random.random() * 2
        elif (roll := roll - mixture.scene) < mixture.sided:
            if random.random() < 0.5:
                adjective, size = choose(random, ("small", "little", "tiny")), random.uniform(44, 58)
            else:
                tail, middle = draw_side(random)
                size = 62.0
            roll = 2.0
        else:
            roll -= mixture.sided
        if subject.paintable and roll < mixture.painted * 2:
            paint = str(random.choice([name for name in COLOURS if name != colour]))
            if random.random() < 0.25 and subject.colour not in ("", colour):
                paint = subject.colour
            pixels, adjective = tint(pixels, COLOURS[paint]), paint
        elif subject.colour and not adjective and random.random() < 0.35:
            adjective = subject.colour
        place(canvas, pixels, size, (middle[0] * SIZE + shift(random), middle[1] * SIZE + shift(random)))
        words = with_article(f"{adjective} {noun}".strip(), subject.mass)
        return canvas, phrase(random, words + tail, style)

    def draw_count(self, random: Random) -> tuple[Canvas, str]:
        """One, two or three of the same on white or a plain colour."""
        subject, style, pixels = self.draw_subject(random)
        canvas, tail = draw_ground(random)
        number = int(random.choice((1, 2, 2, 3, 3)))
        if number == 1:
            place(canvas, pixels, usual_size(random), (SIZE / 2 + shift(random), SIZE / 2 + shift(random)))
            return canvas, phrase(random, f"one {subject.nouns[0]}{tail}", style)
        for row, column in PAIRS if number == 2 else TRIPLE:
            place(canvas, pixels, 58, (row * SIZE + shift(random), column * SIZE + shift(random)))
        word = choose(random, ("two", "2") if number == 2 else ("three", "3"), first=0.8)
        nouns = subject.nouns[0] if subject.mass else plural(subject.nouns[0])
        return canvas, phrase(random, f"{word} {nouns}{tail}", style)

    def draw_two(self, random: Random) -> tuple[Canvas, str]:
        """Two different objects side by side."""
        one, style, pixels = self.draw_subject(random)
        other, _, others = self.draw_subject(random)
        row = self.rows.get((other.label, style))
        others = others if row is None else self.library.pixels[row]
        canvas, tail = draw_ground(random)
        for picture, (down, right) in zip((pixels, others), PAIRS, strict=True):
            place(canvas, picture, 60, (down * SIZE + shift(random), right * SIZE + shift(random)))
        first, second = with_article(one.nouns[0], one.mass), with_article(other.nouns[0], other.mass)
        joint = choose(random, ("and", "and", "next to", "beside", "with"))
        return canvas, phrase(random, f"{first} {joint} {second}{tail}", style)

    def draw_tail(self, random: Random) -> tuple[Canvas, str]:
        """Any other emoji, by its label, sometimes with a keyword."""
        row = self.tail[int(random.integers(len(self.tail)))]
        concept, style = self.library.concepts[self.library.concept[row]], self.library.style[row]
        canvas, tail = draw_ground(random)
        place(canvas, self.library.pixels[row], usual_size(random), (SIZE / 2, SIZE / 2))
        words = concept.label
        if concept.words and random.random() < 0.3:
            words += ", " + choose(random, concept.words)
        return canvas, phrase(random, words + tail, style)


def choose(random: Random, options: tuple[str, ...], first: float = 0.0) -> str:
    """One of the options, the first with at least the probability `first`."""
    if random.random() < first:
        return options[0]
    return options[int(random.integers(len(options)))]


def shift(random: Random) -> float:
    """A small displacement in pixels, mostly none."""
    return 0.0 if random.random() < 0.6 else float(random.uniform(-5, 5))


def usual_size(random: Random) -> float:
    """The width of a single object in pixels, mostly 108."""
    return 108.0 if random.random() < 0.6 else float(random.uniform(90, 120))


def draw_side(random: Random) -> tuple[str, tuple[float, float]]:
    words = choose(random, tuple(SIDES))
    return " " + words, SIDES[words]


def draw_ground(random: Random) -> tuple[Canvas, str]:
    """White without words, or a named plain colour."""
    if random.random() < 0.7:
        return plain(COLOURS["white"]), ""
    colour = str(random.choice(list(COLOURS)))
    return plain(COLOURS[colour]), f" on {with_article(colour)} background"


def phrase(random: Random, words: str, style: str) -> str:
    """The caption: a template around the words, and the style's name (always where it is not 3D)."""
    caption = choose(random, TEMPLATES).format(words)
    if style != STYLES[0] or random.random() < 0.1:
        name = choose(random, STYLE_WORDS[style])
        caption = f"{caption}, {name}" if random.random() < 0.75 else f"{name} {caption}"
    return caption
