"""Pixels as a PNG, and samples as a WAV, by the standard library. Pure."""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Sequence

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""PNG's colour types by the number of channels (ISO/IEC 15948, 11.2.2)."""
_SAMPLE_MAX = 32767


def encode_png(pixels: bytes, width: int, height: int, channels: int) -> bytes:
    """Return a PNG of pixels of 8 bits, row by row."""
    stride = width * channels
    rows = b"".join(b"\0" + pixels[start : start + stride] for start in range(0, height * stride, stride))
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def encode_wav(samples: Sequence[float], sampling_rate: int) -> bytes:
    """Return a WAV of one channel of 16 bits; samples beyond -1 to 1 are limited."""
    numbers = array("h", (round(max(-1.0, min(1.0, sample)) * _SAMPLE_MAX) for sample in samples))
    if sys.byteorder == "big":
        numbers.byteswap()
    data = numbers.tobytes()
    header = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sampling_rate, 2 * sampling_rate, 2, 16)
    body = b"WAVE" + header + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body
