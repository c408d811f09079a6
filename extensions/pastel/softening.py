"""What stands between the sampler and the model."""

from webui_ext.pastel import Options

from pipelines.hooks import Denoise, Tensor
from pipelines.recipe import Recipe
from webui.extension import options_of


def denoise(denoise: Denoise, recipe: Recipe) -> Denoise:
    options = options_of(recipe, Options) or Options()

    def softer(x: Tensor, sigma: float) -> Tensor:
        return denoise(x, sigma) * (1 - options.softness)

    return softer
