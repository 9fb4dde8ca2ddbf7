"""Images and sounds, as models accept and return them, and the forms in which a worker gets them."""

from __future__ import annotations

import math
import operator
from collections.abc import Buffer, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from modelden.core.arguments import show
from modelden.engine.tensor import contiguous_view
from modelden.errors import InputError

if TYPE_CHECKING:
    import numpy as np

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""Pillow's names of images by their number of channels."""


class Image:
    """Pixels of 8 bits: rows from the top, in a row pixels from the left, in a pixel its channels.

    `memoryview` and `numpy.asarray` share its buffer, of shape (height, width, channels).
    """

    __module__ = "modelden"

    __slots__ = ("_buffer", "channels", "height", "width")

    width: int
    """Pixels in a row."""
    height: int
    """Rows."""
    channels: int
    """1: grey; 2: grey and alpha; 3: red, green, blue; 4: red, green, blue and alpha."""

    def __init__(self, data: Buffer, width: int, height: int, channels: int = 3) -> None:
        """Adopt pixels.

        Args:
            data: width * height * channels bytes, contiguous.
            width: Pixels in a row.
            height: Rows.
            channels: Bytes in a pixel.

        Raises:
            InputError: If the sizes contradict one another, or the image has no pixel.
        """
        buffer = contiguous_view(data, "the pixels of an image")
        width, height, channels = (_dimension(each) for each in (width, height, channels))
        if channels not in _MODES or width < 1 or height < 1:
            raise InputError(f"an image has 1 to 4 channels and a pixel at least, not {width} x {height} x {channels}.")
        if buffer.itemsize != 1 or buffer.nbytes != width * height * channels:
            raise InputError(
                f"an image of {width} x {height} x {channels} has {width * height * channels} contiguous bytes, "
                f"not {buffer.nbytes}."
            )
        self._buffer = buffer.cast("B") if buffer.format != "B" or buffer.ndim != 1 else buffer
        self.width = width
        self.height = height
        self.channels = channels

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels, in the order of NumPy."""
        return self.height, self.width, self.channels

    def __buffer__(self, flags: int) -> memoryview:
        """Return the pixels in their shape (PEP 688)."""
        return self._buffer.cast("B", self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:  # noqa: FBT001  NumPy's
        """Return a NumPy array over the same memory."""
        import numpy as np

        return np.array(np.frombuffer(self._buffer, "uint8").reshape(self.shape), dtype=dtype, copy=copy)

    def tobytes(self) -> bytes:
        """Return a copy of the pixels."""
        return self._buffer.tobytes()

    def to_pil(self) -> Any:
        """Return a Pillow image.

        Raises:
            InputError: If Pillow is not installed.
        """
        try:
            pillow = import_module("PIL.Image")
        except ModuleNotFoundError as error:
            raise InputError(
                "A Pillow image needs Pillow, which is not installed here: `await micropip.install('pillow')`. Without "
                "it there are `tobytes()` and the buffer of the image."
            ) from error
        return pillow.frombytes(_MODES[self.channels], (self.width, self.height), self.tobytes())

    def __eq__(self, other: object) -> bool:
        """Tell whether the other image has the same pixels."""
        if not isinstance(other, Image):
            return NotImplemented
        return self.shape == other.shape and self._buffer == other._buffer

    __hash__ = None  # type: ignore[assignment]  # unhashable, as Python documents it

    def _repr_png_(self) -> bytes:
        from modelden.display.encodings import encode_png

        return encode_png(self.tobytes(), self.width, self.height, self.channels)

    def __repr__(self) -> str:
        """Return the size, not the pixels."""
        return f"Image(width={self.width}, height={self.height}, channels={self.channels})"


_RATES = 1, 768_000
"""The lowest and the highest sampling rate, in Hz."""


def _dimension(value: Any) -> int:
    try:
        return min(operator.index(value), 2**31)
    except TypeError as error:
        raise InputError(f"the size of an image is in whole numbers, not {show(value)}.") from error


def _rate(value: Any) -> int:
    rate = int(value) if isinstance(value, float) and value.is_integer() else value
    try:
        rate = operator.index(rate)
    except TypeError as error:
        raise InputError(f"sampling_rate: expected a whole number of Hz, got {show(value)}.") from error
    if not _RATES[0] <= rate <= _RATES[1]:
        raise InputError(f"sampling_rate: expected {_RATES[0]} to {_RATES[1]} Hz, got {show(value)}.")
    return rate


class Audio:
    """A sound of one channel: samples from -1 to 1, and their rate."""

    __module__ = "modelden"

    __slots__ = ("samples", "sampling_rate")

    samples: memoryview
    """32 or 64 bit floats."""
    sampling_rate: int
    """Samples in a second (Hz)."""

    def __init__(self, samples: Buffer, sampling_rate: int) -> None:
        """Adopt samples.

        Args:
            samples: One dimension of 32 or 64 bit floats, as in `array.array` or NumPy.
            sampling_rate: Samples in a second.

        Raises:
            InputError: For samples of another type or shape, no samples, samples that are not finite, or a rate that no
                sound has.
        """
        view = contiguous_view(samples, "a sound")
        if view.format not in ("f", "d") or view.ndim != 1:
            raise InputError(
                "a sound is one dimension of 32 or 64 bit floats from -1 to 1, "
                f"not {view.ndim} dimensions of format {view.format!r}. Mix channels into one first."
            )
        if not view:
            raise InputError("a sound has a sample at least.")
        if not math.isfinite(sum(view)):
            raise InputError("a sound has finite samples; there are NaN or infinite ones.")
        self.samples = view
        self.sampling_rate = _rate(sampling_rate)

    def __repr__(self) -> str:
        """Return length and rate, not the samples."""
        return f"Audio({len(self.samples)} samples at {self.sampling_rate} Hz)"

    def _repr_html_(self) -> str:
        from base64 import b64encode

        from modelden.display.encodings import encode_wav

        data = b64encode(encode_wav(self.samples, self.sampling_rate)).decode()
        return f'<audio controls src="data:audio/wav;base64,{data}"></audio>'


@dataclass(frozen=True, slots=True)
class File:
    """An encoded file: `bytes`, or a `ports.Blob`."""

    data: Any


@dataclass(frozen=True, slots=True)
class Pixels:
    """Pixels of 8 bits in a buffer, of Python's or of the page's."""

    data: Any
    width: int
    height: int
    channels: int


@dataclass(frozen=True, slots=True)
class Sound:
    """Samples of one or two channels, each in a buffer, of Python's or of the page's."""

    channels: Sequence[Any]
    dtype: str = "float32"
