"""Samplers: the rules by which noise becomes a picture, each a generator over plain tensors."""

from pipelines.samplers.registry import SAMPLERS, find, sample
from pipelines.samplers.rule import Noise, Rule, Steps
from pipelines.samplers.sampler import Sampler

__all__ = ["SAMPLERS", "Noise", "Rule", "Sampler", "Steps", "find", "sample"]
