"""The cut itself: what can be reached from the edges without leaving the background's colours."""

from PIL import Image, ImageChops, ImageDraw
from webui_ext.cutout import Options

from pipelines.recipe import Recipe
from webui.extension import options_of


def finish(image: Image.Image, recipe: Recipe) -> Image.Image:
    options = options_of(recipe, Options) or Options()
    return cut(image.convert("RGB"), options.tolerance)


def cut(image: Image.Image, tolerance: int) -> Image.Image:
    """The RGB picture as RGBA, transparent wherever a flood from its four corners reaches."""
    flooded = image.copy()
    width, height = image.size
    for corner in ((0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)):
        if flooded.getpixel(corner) != image.getpixel(corner):
            continue  # another corner's flood has been here
        red, green, blue = image.getpixel(corner)
        mark = (255 - red, 255 - green, 255 - blue)
        ImageDraw.floodfill(flooded, corner, mark, thresh=tolerance)
    kept = ImageChops.difference(image, flooded).convert("L").point(lambda value: 0 if value else 255)
    result = image.convert("RGBA")
    result.putalpha(kept)
    return result
