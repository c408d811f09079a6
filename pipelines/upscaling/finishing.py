"""Finishing: what a recipe asks for once the model has made its picture."""

from PIL import Image

from pipelines.recipe import Finish
from pipelines.upscaling.upscalers import Progress, Upscalers


def size(finish: Finish, width: int, height: int) -> tuple[int, int]:
    """Of the finished picture, before anything is cut off."""
    if not finish.upscaler and not finish.second:
        return width, height
    if not finish.width and not finish.height:
        scale = finish.scale
    else:
        scales = [wanted / side for wanted, side in ((finish.width, width), (finish.height, height)) if wanted]
        scale = max(scales) if finish.crop else min(scales)
    return max(1, round(width * scale)), max(1, round(height * scale))


def tiles(finish: Finish, upscalers: Upscalers, width: int, height: int) -> int:
    """About how many steps `finished` will report."""
    names = [finish.upscaler, finish.second if finish.second_share else ""]
    return sum(upscalers.tiles(name, width, height) for name in names)


def finished(image: Image.Image, finish: Finish, upscalers: Upscalers, light: bool = False) -> Progress:
    """The picture as the recipe wants it: L, RGB or RGBA, as it came. Raises what Upscalers.enlarged does."""
    width, height = size(finish, image.width, image.height)
    if (width, height) == image.size and not finish.upscaler:
        return image
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    colours = image.convert("RGB")
    made = yield from upscalers.enlarged(colours, finish.upscaler, width, height, light)
    if finish.second and finish.second_share:
        other = yield from upscalers.enlarged(colours, finish.second, width, height, light)
        made = Image.blend(made, other, finish.second_share)
    if alpha is not None:
        made.putalpha(alpha.resize(made.size, Image.Resampling.LANCZOS))
    if finish.crop and finish.width and finish.height:
        left, top = (made.width - finish.width) // 2, (made.height - finish.height) // 2
        made = made.crop((left, top, left + finish.width, top + finish.height))
    return made.convert("L") if image.mode == "L" else made
