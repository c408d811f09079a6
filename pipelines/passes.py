"""Passes: how a picture is sampled, drawn a second time, handed to a second model, and finished."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pipelines.parameter import SEED_LIMIT, Label, Range

NoiseSource = Literal["cpu", "device", "nv"]
Padding = Literal["off", "empty", "repeat"]
Passes = Literal["second", "first", "both"]

LATENT_UPSCALERS = (
    "Latent",
    "Latent (antialiased)",
    "Latent (bicubic)",
    "Latent (bicubic antialiased)",
    "Latent (nearest)",
    "Latent (nearest-exact)",
)
"""What enlarges latents for a second pass, without a way through the picture."""

PLAIN_UPSCALERS = ("Lanczos", "Nearest")
"""What makes pictures larger by resampling alone."""


@dataclass(frozen=True)
class Sampling:
    """What experts set about samplers, schedules and noise; 0 and None leave it to the sampler or the schedule.

    variation_seed -- None: drawn when submitted
    resize_width, resize_height -- of the picture whose noise this one keeps in its middle; 0 for none
    """

    eta: Annotated[float | None, Range(0, 1, 0.01), Label("Eta", "How much of the noise is renewed in each step.")] = (
        None
    )
    s_churn: Annotated[float, Range(0, 100, 0.01), Label("Sigma churn", "Noise added and removed on the way.")] = 0.0
    s_tmin: Annotated[float, Range(0, 100, 0.01), Label("Sigma tmin", "The lowest level with churn.")] = 0.0
    s_tmax: Annotated[float, Range(0, 999, 0.01), Label("Sigma tmax", "The highest level with churn; 0 is any.")] = 0.0
    s_noise: Annotated[float, Range(0, 1.1, 0.001), Label("Sigma noise", "Strength of the noise in the steps.")] = 1.0
    sigma_min: Annotated[
        float, Range(0, 100, 0.001), Label("Schedule min sigma", "The lowest level; 0 is the model's.")
    ] = 0.0
    sigma_max: Annotated[
        float, Range(0, 1000, 0.001), Label("Schedule max sigma", "The highest level; 0 is the model's.")
    ] = 0.0
    rho: Annotated[float, Range(0, 100, 0.01), Label("Schedule rho", "Curvature; 0 is the schedule's own.")] = 0.0
    discard: Annotated[
        bool, Label("Discard next-to-last sigma", "Leaves out the smallest step, with every sampler.")
    ] = False
    noise: Annotated[NoiseSource, Label("Random numbers", "'nv' gives those of an NVIDIA card on any machine.")] = "cpu"
    seed_delta: Annotated[
        int, Range(0, 2**32, 1), Label("Eta noise seed delta", "Added to the seed for the noise in the steps.")
    ] = 0
    variation_seed: Annotated[
        int | None, Range(0, SEED_LIMIT - 1, 1), Label("Variation seed", "A second noise to mix in.")
    ] = None
    variation: Annotated[
        float, Range(0, 1, 0.01), Label("Variation strength", "How much of the second noise is mixed in.")
    ] = 0.0
    extra_noise: Annotated[
        float, Range(0, 1, 0.01), Label("Extra noise", "Added to the start of img2img and of the second pass.")
    ] = 0.0
    noise_multiplier: Annotated[
        float, Range(0, 1.5, 0.01), Label("Noise multiplier", "Strength of the noise that img2img starts from.")
    ] = 1.0
    sgm_noise: Annotated[
        bool, Label("SGM noise multiplier", "The first noise is a little weaker or stronger, as in SGM.")
    ] = False
    rescale: Annotated[
        float, Range(0, 1, 0.01), Label("CFG rescale", "Takes back the contrast that a high CFG adds.")
    ] = 0.0
    skip_early: Annotated[
        float, Range(0, 1, 0.01), Label("Skip early CFG", "For this part of the steps the prompt alone counts.")
    ] = 0.0
    min_uncond: Annotated[
        float,
        Range(0, 15, 0.01),
        Label("Negative guidance minimum sigma", "Below this level every second step leaves out the negative prompt."),
    ] = 0.0
    min_uncond_all: Annotated[
        bool, Label("Negative guidance minimum sigma all steps", "Leaves it out in each of those steps.")
    ] = False
    pad: Annotated[
        Padding,
        Label("Pad prompts", "Makes both prompts equally long: by empty text, or as very old DDIM pictures had it."),
    ] = "off"
    token_merging: Annotated[
        float, Range(0, 0.9, 0.05), Label("Token merging", "Merges like parts of the picture: quicker, less exact.")
    ] = 0.0
    token_merging_hires: Annotated[
        float, Range(0, 0.9, 0.05), Label("Token merging in the second pass", "0 takes that of the first.")
    ] = 0.0
    resize_width: Annotated[int, Range(0, 2048, 8), Label("Seed from width", "As the picture was; 0 is off.")] = 0
    resize_height: Annotated[int, Range(0, 2048, 8), Label("Seed from height", "As the picture was; 0 is off.")] = 0


@dataclass(frozen=True)
class Hires:
    """A second pass over the picture at a larger size. What is "" or 0 is as in the first pass.

    width, height -- of the result; both 0: `scale` times the first pass; one 0: that side follows from the other
    upscaler      -- a latent mode ("Latent", "Latent (bicubic)", …) or an upscaler of the catalogue
    """

    scale: Annotated[float, Range(1, 4, 0.05), Label("Upscale by", "How much larger each side becomes.")] = 2.0
    width: Annotated[int, Range(0, 4096, 8), Label("Resize width to", "0 takes 'Upscale by'.")] = 0
    height: Annotated[int, Range(0, 4096, 8), Label("Resize height to", "0 takes 'Upscale by'.")] = 0
    upscaler: Annotated[str, Label("Upscaler", "What makes the picture larger before it is drawn again.")] = "Latent"
    steps: Annotated[int, Range(0, 150, 1), Label("Hires steps", "0 takes as many as the first pass.")] = 0
    strength: Annotated[
        float, Range(0, 1, 0.01), Label("Denoising strength", "How far the second pass may change the picture.")
    ] = 0.7
    guidance: Annotated[float, Range(0, 30, 0.5), Label("Hires CFG", "0 takes that of the first pass.")] = 0.0
    sampler: Annotated[str, Label("Hires sampler", "Empty takes that of the first pass.")] = ""
    schedule: Annotated[str, Label("Hires schedule", "Empty takes that of the first pass.")] = ""
    checkpoint: Annotated[str, Label("Hires model", "Empty takes that of the first pass.")] = ""
    prompt: Annotated[str, Label("Hires prompt", "Empty takes that of the first pass.")] = ""
    negative: Annotated[str, Label("Hires negative prompt", "Empty takes that of the first pass.")] = ""
    keep: Annotated[bool, Label("Keep the first pass", "Saves it as a picture of its own.")] = False


@dataclass(frozen=True)
class Refiner:
    """A second model that takes over within the run. passes: in which it does where there are two."""

    checkpoint: Annotated[str, Label("Refiner", "The model that draws the last steps.")] = ""
    switch_at: Annotated[
        float, Range(0.01, 1, 0.01), Label("Switch at", "The part of the noise after which it takes over; 1 is never.")
    ] = 0.8
    by_steps: Annotated[
        bool, Label("Switch by steps", "Counts steps instead of noise, as before version 1.8, for old pictures.")
    ] = False
    passes: Annotated[Passes, Label("Refiner with Hires fix", "The pass in which it takes over.")] = "second"


@dataclass(frozen=True)
class Finish:
    """What is done to a finished picture without the model: enlarging, mending faces.

    only -- the source is not drawn anew, just finished; such a recipe needs no checkpoint
    width, height -- of the result; both 0: `scale` times the picture; crop -- else it is fitted within them
    second, second_share -- another upscaler, and how much of its picture is mixed in
    """

    only: bool = False
    upscaler: Annotated[str, Label("Upscaler", "Makes the finished picture larger; empty leaves it.")] = ""
    scale: Annotated[float, Range(1, 8, 0.05), Label("Scale", "How much larger each side becomes.")] = 4.0
    width: Annotated[int, Range(0, 16384, 1), Label("Width", "0 takes the scale.")] = 0
    height: Annotated[int, Range(0, 16384, 1), Label("Height", "0 takes the scale.")] = 0
    crop: Annotated[bool, Label("Crop to fit", "Cuts what does not fit into width and height.")] = True
    second: Annotated[str, Label("Second upscaler", "Mixed with the first.")] = ""
    second_share: Annotated[float, Range(0, 1, 0.01), Label("Second upscaler's share", "0 is none of it.")] = 0.0
    faces: Annotated[str, Label("Face restoration", "A model that mends faces; empty leaves them.")] = ""
    faces_share: Annotated[float, Range(0, 1, 0.01), Label("Visibility", "How much of the mended face shows.")] = 1.0
    faces_weight: Annotated[
        float, Range(0, 1, 0.01), Label("Fidelity", "CodeFormer: 0 is most beautiful, 1 most alike.")
    ] = 0.5
    faces_last: Annotated[bool, Label("Faces after upscaling", "Else before it.")] = False
