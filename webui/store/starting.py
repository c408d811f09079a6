"""What a picture starts from, as the parameters text holds it."""

from pipelines.recipe import Mask, Soft, Source

_FILLS = {"blurred": "fill", "noise": "latent noise", "empty": "latent nothing"}
_SOFT = {
    "schedule bias": "bias",
    "preservation strength": "preservation",
    "transition contrast boost": "boost",
    "mask influence": "influence",
    "difference threshold": "threshold",
    "difference contrast": "contrast",
}


def described(source: Source) -> dict[str, str]:
    """The pairs after the fixed ones, in their customary order. Empty values are left out of the text."""
    mask = source.mask
    pairs = _soft(mask.soft) if mask and mask.soft else {}
    if mask:
        pairs |= _masked(mask)
    if source.extend:
        sides = source.extend
        pairs["Outpaint"] = f"left {sides.left} top {sides.top} right {sides.right} bottom {sides.bottom}"
    if source.colour_correction:
        pairs["Color correction"] = "True"
    if source.loopback:
        loops = source.loopback
        pairs |= {
            "Loops": str(loops.loops),
            "Final denoising strength": f"{loops.strength:g}",
            "Denoising strength curve": loops.curve.capitalize(),
        }
    return pairs


def _masked(mask: Mask) -> dict[str, str]:
    only = mask.area == "masked"
    return {
        "Mask mode": "Inpaint not masked" if mask.invert else "",
        "Mask blur": f"{mask.blur:g}" if mask.blur else "",
        "Inpaint area": "Only masked" if only else "",
        "Masked area padding": str(mask.padding) if only else "",
        "Masked content": _FILLS.get(mask.fill, ""),
    }


def _soft(soft: Soft) -> dict[str, str]:
    pairs = {f"Soft inpainting {words}": f"{getattr(soft, name):g}" for words, name in _SOFT.items()}
    return {"Soft inpainting enabled": "True", **pairs}
