"""Upscaling: pictures made larger, by plain resampling or by a network of which each user has his own file."""

from pipelines.upscaling.networks import UpscalerError
from pipelines.upscaling.upscalers import Upscalers

__all__ = ["UpscalerError", "Upscalers"]
