"""PixArt-Sigma (Chen et al. 2024)."""

from pipelines.pipeline_family import PipelineFamily
from pipelines.pipeline_model import Way


class PixArtSigma(PipelineFamily):
    name = "pixart-sigma"
    title = "PixArt-Σ"
    defaults = {"width": 1024, "height": 1024, "steps": 20, "guidance": 4.5, "sampler": "DPM++ 2M"}
    index = ("PixArtSigmaPipeline",)
    pipelines = {"text": "PixArtSigmaPipeline"}
    way = Way(
        prediction="epsilon",
        levels={"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02},
        more={"use_resolution_binning": False, "clean_caption": False},
    )
    shifted = False


FAMILY = PixArtSigma()
