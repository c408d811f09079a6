"""Pictures in requests: base64, or a data URL; kept in the store, where recipes find them."""

import base64
import binascii
from dataclasses import replace

from pipelines.picture import Picture
from pipelines.recipe import ImageRef
from webui.api.sdapi.errors import Refused
from webui.store import codec
from webui.store.images import BadPicture, ImageStore


def data(text: str) -> bytes:
    """The bytes of a picture file. Raises Refused, 422."""
    start = text[:40].lstrip().casefold()
    if start.startswith(("http://", "https://")):
        raise Refused(422, "Requests not allowed: send the picture itself, as base64.")
    if start.startswith("data:"):
        text = text.partition(",")[2]
    try:
        found = base64.b64decode("".join(text.split()) + "==", validate=False)
    except (binascii.Error, ValueError) as error:
        raise Refused(422, "Invalid encoded image") from error
    if not found:
        raise Refused(422, "Invalid encoded image")
    return found


def put(text: str, store: ImageStore) -> ImageRef:
    """Keep a picture to start from. Raises Refused."""
    return put_file(data(text), store)


def put_file(found: bytes, store: ImageStore) -> ImageRef:
    """As `put`, of the file's bytes."""
    try:
        return store.put(found)
    except BadPicture as error:
        raise Refused(422, f"Invalid encoded image: {error}") from error


def put_mask(text: str, store: ImageStore) -> ImageRef:
    """A mask: where it has transparency, what is opaque is repainted, else what is white. Raises Refused."""
    found = data(text)
    try:
        picture = codec.decode(found)
    except BadPicture as error:
        raise Refused(422, f"Invalid encoded image: {error}") from error
    if picture.mode == "RGBA":
        alpha = picture.pixels[3::4]
        if min(alpha) < 255:
            found = codec.png(Picture(picture.width, picture.height, "L", alpha))
        else:
            found = codec.png(replace(picture, mode="RGB", pixels=_opaque(picture.pixels)))
    return put_file(found, store)


def _opaque(pixels: bytes) -> bytes:
    made = bytearray(len(pixels) // 4 * 3)
    for channel in range(3):
        made[channel::3] = pixels[channel::4]
    return bytes(made)
