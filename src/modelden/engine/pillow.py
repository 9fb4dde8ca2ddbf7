"""Pillow images as inputs: the same pixels as the browser reads from the image's own file.

A browser turns a picture as its EXIF data say, scales 16 bits to 8, and multiplies colours by transparency. So pictures
with 16 bits or transparency go to the browser as PNG files, and the others as pixels. One caller, `inputs`: a wall, for
few pages have Pillow.
"""

from __future__ import annotations

import io
from importlib import import_module
from typing import Any

from modelden.engine.media import File, Pixels
from modelden.errors import InputError

_CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
"""Modes that are pixels as they are, by their number of channels."""

_DEEP = frozenset({"I", "I;16", "I;16L", "I;16B", "I;16N"})
"""Modes of 16 bits."""

_ORIENTATION = 0x0112
"""The EXIF tag for the orientation."""


def from_pillow(picture: Any) -> File | Pixels:
    """Return a Pillow image for the worker.

    Raises:
        InputError: If it has no pixels, cannot be read, or has values without an agreed range.
    """
    try:
        return _from_pillow(picture)
    except InputError:
        raise
    except Exception as error:  # Pillow's decoders raise whatever they find, of files that are cut
        raise InputError(f"this Pillow image cannot be read, its file may be damaged: {error}.") from error


def _from_pillow(picture: Any) -> File | Pixels:
    if 0 in picture.size:
        raise InputError(f"an image has a pixel at least, not {picture.size[0]} x {picture.size[1]}.")
    picture = _upright(picture)
    if picture.mode in _DEEP:
        return _deep(picture)
    if picture.mode == "F":
        raise InputError(
            "a Pillow image of floats (mode F) has no agreed range: scale it to 0 to 255, and convert('L')."
        )
    if picture.mode not in _CHANNELS:
        has_alpha = "A" in picture.getbands() or "a" in picture.getbands() or "transparency" in picture.info
        picture = picture.convert("RGBA" if has_alpha else "RGB")
    if picture.mode == "RGBA" and picture.getextrema()[3][0] < 255:
        return _png(picture)
    width, height = picture.size
    return Pixels(picture.tobytes(), width, height, _CHANNELS[picture.mode])


def _upright(picture: Any) -> Any:
    read_exif = getattr(picture, "getexif", None)
    if read_exif is None or read_exif().get(_ORIENTATION, 1) == 1:
        return picture
    return import_module("PIL.ImageOps").exif_transpose(picture)


def _deep(picture: Any) -> File:
    smallest, largest = picture.getextrema()
    if smallest < 0 or largest > 65535:
        raise InputError(f"a Pillow image of mode {picture.mode} has values of 16 bits, not {smallest} to {largest}.")
    return _png(picture if picture.mode == "I;16" else picture.convert("I").convert("I;16"))


def _png(picture: Any) -> File:
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return File(file.getvalue())
