"""Picture files: bytes of PNG, JPEG, WebP or AVIF to pixels and back."""

import struct
import warnings
from collections.abc import Mapping
from io import BytesIO
from typing import Literal, cast

from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from pipelines.picture import Mode, Picture

Kind = Literal["PNG", "JPEG", "WEBP", "AVIF"]

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF")
SUFFIXES: Mapping[Kind, str] = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "AVIF": ".avif"}
LARGEST = 40_000_000
"""Pixels of the largest picture that is opened."""

_EXIF = 0x8769
_USER_COMMENT = 0x9286
_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)
_DAMAGED = (OSError, SyntaxError, ValueError, KeyError, TypeError, struct.error)
_PLAIN_TAGS = (0x010E, 0x010F, 0x0110)
"""ImageDescription, Make and Model."""
_DESCRIPTION = _PLAIN_TAGS[0]
_LARGEST_EXIF = 65_000
"""Bytes; a JPEG's block ends at 65,533."""


class BadPicture(ValueError):
    """A picture that cannot be used; the text is a sentence for the user."""


def decode(data: bytes) -> Picture:
    """The pixels, upright as EXIF says. Grey stays grey; anything with transparency becomes RGBA.

    Raises BadPicture for what is no PNG, JPEG, WebP or AVIF, is broken, or has more than 40 million pixels.
    """
    image = _open(data)
    try:
        image.load()
        upright = _upright(image)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise BadPicture("The picture is broken: it ends too early or its data is damaged.") from error
    clear = "transparency" in upright.info or upright.mode in ("RGBA", "LA", "PA")
    mode: Mode = "RGBA" if clear else "L" if upright.mode in ("1", "L", "I;16", "I", "F") else "RGB"
    if upright.mode in ("I", "I;16"):
        upright = upright.point(lambda value: value / 256).convert("L")
    converted = upright.convert(mode)
    return Picture(converted.width, converted.height, mode, converted.tobytes())


def describe(data: bytes) -> Mapping[str, str]:
    """The text that travels with a picture: PNG chunks by keyword, and `parameters` from EXIF or a GIF's comment.

    Raises BadPicture as `decode` does.
    """
    image = _open(data, (*FORMATS, "GIF"))
    if image.format == "GIF":
        comment = image.info.get("comment")
        return {"parameters": comment.decode("utf-8", "replace")} if isinstance(comment, bytes) else {}
    texts = {key: value for key, value in image.info.items() if isinstance(key, str) and isinstance(value, str)}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exif = image.getexif()
            comment = exif.get_ifd(_EXIF).get(_USER_COMMENT)
            plain = [exif.get(tag) for tag in _PLAIN_TAGS]
    except _DAMAGED:
        # Damaged EXIF costs its text, not the picture.
        return texts
    if isinstance(comment, bytes) and (text := _user_comment(comment)):
        texts["parameters"] = text
    for value in plain:
        # Some programs write "keyword: text" where the camera's name belongs.
        keyword, colon, text = value.partition(":") if isinstance(value, str) else ("", "", "")
        if colon and keyword.isidentifier():
            texts.setdefault(keyword, text.strip("\0 "))
    return texts


def kind(data: bytes) -> Kind:
    """What kind of file the bytes begin like; PNG for what begins like none."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"RIFF"):
        return "WEBP"
    return "AVIF" if data[4:12] in (b"ftypavif", b"ftypavis") else "PNG"


def size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels as `decode` gives them, from the header alone. Raises BadPicture as it does."""
    image = _open(data)
    return (image.height, image.width) if _turn(image) in _SIDEWAYS else (image.width, image.height)


def remarks(data: bytes) -> tuple[str, ...]:
    """A sentence for each thing in the file that `decode` cannot keep. Raises BadPicture as it does."""
    image = _open(data)
    found = {
        "The file holds several pictures; the first is used.": getattr(image, "n_frames", 1) > 1,
        "Its CMYK colours, which are for print, were turned into RGB.": image.mode == "CMYK",
        "Its palette of colours was turned into RGB.": image.mode in ("P", "PA"),
        "Its 16 bits a channel were turned into 8.": _deep(data, image),
        "It was turned upright, as the camera says.": _turn(image) > 1,
    }
    return tuple(sentence for sentence, true in found.items() if true)


def _deep(data: bytes, image: Image.Image) -> bool:
    """Pillow reads such colours as 8 bits and does not tell; a PNG's header does."""
    return image.mode.startswith("I") or (image.format == "PNG" and data[24:25] == b"\x10")


def _turn(image: Image.Image) -> int:
    """EXIF's orientation, 1 for upright; 1 where EXIF is damaged."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            turn = image.getexif().get(_ORIENTATION, 1)
    except _DAMAGED:
        return 1
    return turn if isinstance(turn, int) else 1


def png(picture: Picture, texts: Mapping[str, str] | None = None) -> bytes:
    """PNG bytes, with `texts` as text chunks (Latin-1 where it fits, else international text)."""
    info = PngInfo()
    for key, value in (texts or {}).items():
        info.add_text(key, value)
    out = BytesIO()
    _image(picture).save(out, "PNG", pnginfo=info, compress_level=4)
    return out.getvalue()


def encoded(picture: Picture, kind: Kind, text: str, quality: int = 90, more: Mapping[str, str] | None = None) -> bytes:
    """A finished picture with its parameters text in EXIF. Sides beyond WebP's 16383 pixels: see `fits`.

    more -- one further text by its keyword, ASCII; where EXIF cannot hold it, ValueError
    """
    image = _image(picture)
    exif = user_comment(text, more or {})
    if kind == "JPEG" and len(exif) > _LARGEST_EXIF:
        raise ValueError("The text is too long for a JPEG.")
    out = BytesIO()
    (image.convert("RGB") if kind == "JPEG" else image).save(out, kind, quality=quality, exif=exif)
    return out.getvalue()


def fits(picture: Picture, kind: Kind) -> bool:
    """Whether this kind of file can hold the picture's size."""
    limits = {"WEBP": 16383, "JPEG": 65535, "AVIF": 65535}
    return max(picture.width, picture.height) <= limits.get(kind, 2**31 - 1)


def user_comment(text: str, more: Mapping[str, str] | None = None) -> bytes:
    """EXIF data whose UserComment is this text, in UTF-16 big-endian as is customary.

    more -- a further text by its keyword, as the picture's description: "keyword: text"
    """
    exif = Image.Exif()
    for keyword, value in (more or {}).items():
        exif[_DESCRIPTION] = f"{keyword}: {value}"
    exif.get_ifd(_EXIF)[_USER_COMMENT] = b"UNICODE\0" + text.encode("utf-16-be", "replace")
    # As bytes: some of Pillow's writers leave out what holds nothing but this block.
    return exif.tobytes()


def jpeg(picture: Picture, largest: int = 512, quality: int = 75) -> bytes:
    """JPEG bytes of the picture, made smaller where a side is longer than `largest` pixels."""
    image = _image(picture).convert("RGB")
    image.thumbnail((largest, largest))
    out = BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def _upright(image: Image.Image) -> Image.Image:
    """As EXIF says it was held; as it lies where EXIF is damaged."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ImageOps.exif_transpose(image)
    except _DAMAGED:
        return image


def _image(picture: Picture) -> Image.Image:
    return Image.frombytes(picture.mode, (picture.width, picture.height), picture.pixels)


def _open(data: bytes, formats: tuple[str, ...] = FORMATS) -> Image.Image:
    if not data:
        raise BadPicture("The picture is empty.")
    try:
        with warnings.catch_warnings():
            # Of large pictures and of damaged EXIF; the first are measured below.
            warnings.simplefilter("ignore")
            image = Image.open(BytesIO(data), formats=formats)
    except Image.DecompressionBombError as error:
        raise BadPicture(_too_large()) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise BadPicture("This file is no PNG, JPEG, WebP or AVIF picture, or it is broken.") from error
    if image.width * image.height > LARGEST:
        raise BadPicture(_too_large())
    return cast("Image.Image", image)


def _too_large() -> str:
    return f"The picture has more than {LARGEST // 1_000_000} million pixels; make it smaller first."


def _user_comment(comment: bytes) -> str:
    """EXIF UserComment: eight bytes name the encoding. UTF-16 is big-endian by custom, but not always."""
    kind, body = comment[:8], comment[8:]
    if kind == b"UNICODE\0":
        both = [body.decode(name, "replace") for name in ("utf-16-be", "utf-16-le")]
        text = max(both, key=lambda text: sum(letter.isascii() for letter in text.replace("\0", "\ufffd")))
    else:
        text = (body if kind in (b"ASCII\0\0\0", bytes(8)) else comment).decode("utf-8", "replace")
    return text.strip("\0\ufeff")
