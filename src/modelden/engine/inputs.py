"""Inputs of models: converts files, arrays, URLs and objects of the page into the inputs of a task.

| task takes | argument | becomes |
|---|---|---|
| image | `bytes`, file-like, `pathlib.Path`, the page's ``Blob`` | a file that the browser decodes: PNG, JPEG, ... |
| image | `str`: an http(s), data or blob URL | the same, fetched by this page without credentials |
| image | `Image`, NumPy array or memoryview of uint8, (height, width[, channels]) | pixels |
| image | dict of ``url``, or ``data``, ``width``, ``height``, ``channels``: Firefox's request | file or pixels |
| image | Pillow image; the page's ``ImageData``, canvas, ``OffscreenCanvas`` | pixels |
| audio | `bytes`, file-like, `pathlib.Path`, ``Blob``, URL | a file that the browser decodes |
| audio | one dimension of float32 or float64, -1 to 1, at the model's sampling rate | samples |
| audio | `Audio`; the page's ``AudioBuffer`` | samples, resampled where the rate differs and the page can |

The first argument is such an input or a list of them; the others are passed on unchanged. Text tasks take text.
"""

from __future__ import annotations

from collections.abc import Buffer, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, Protocol

from modelden.core.arguments import is_unicode, show
from modelden.engine.media import Audio, File, Image, Pixels, Sound
from modelden.engine.tensor import Tensor, contiguous_view
from modelden.errors import InputError

IMAGE_TASKS = frozenset(
    {
        "background-removal",
        "depth-estimation",
        "document-question-answering",
        "image-classification",
        "image-feature-extraction",
        "image-segmentation",
        "image-to-image",
        "image-to-text",
        "moz-image-to-text",
        "object-detection",
        "zero-shot-image-classification",
        "zero-shot-object-detection",
    }
)
"""Tasks whose first argument is an image, or a list of them."""

AUDIO_TASKS = frozenset(
    {
        "audio-classification",
        "automatic-speech-recognition",
        "zero-shot-audio-classification",
    }
)
"""Tasks whose first argument is a sound, or a list of them."""

_SCHEMES = ("http", "https", "data", "blob")


class Media(Protocol):
    """The page's operations on files and on its own objects."""

    async def fetch(self, url: str) -> Any:
        """Return the `ports.Blob` behind a URL.

        Raises:
            NetworkError, HttpError: If it cannot be fetched.
        """

    def from_page_object(self, value: Any) -> File | Pixels | None:
        """Return an object of the page as file or pixels; None for every other value."""

    async def from_audio_buffer(self, value: Any, rate: int) -> Sound | None:
        """Return an ``AudioBuffer`` of the page at this rate; None for every other value."""

    async def decode(self, file: File, rate: int) -> Sound:
        """Decode the file of a sound.

        Raises:
            InputError: If it is not a sound, or the page cannot decode it.
        """

    async def resample(self, audio: Audio, rate: int) -> Sound:
        """Convert samples to another rate.

        Raises:
            InputError: If the page cannot.
        """


class Inputs:
    """Converts the arguments of one engine's runs."""

    def __init__(self, task: str, sampling_rate: int | None, media: Media) -> None:
        """Create a converter.

        Args:
            task: The task.
            sampling_rate: The rate in Hz of the sounds that the model takes.
            media: The page.
        """
        self._task = task
        self._rate = sampling_rate
        self._media = media

    async def prepare(self, args: Sequence[Any]) -> Sequence[Any]:
        """Return the arguments with the first one converted for the worker.

        Raises:
            InputError: For a value that cannot be an input of the task; the message names those that can.
            UnavailableError: If a URL cannot be fetched.
        """
        if not args:
            return args
        first, *others = args
        if isinstance(first, list | tuple) and not first:
            raise InputError(f"The first argument of {self._task} is an empty list: there is nothing to run.")
        if self._task in IMAGE_TASKS:
            return [await self._convert_all(first, self._image), *others]
        if self._task in AUDIO_TASKS:
            return [await self._convert_all(first, self._sound), *others]
        return args

    async def _convert_all(self, value: Any, convert: Any) -> Any:
        if isinstance(value, list | tuple):
            return [await convert(item) for item in value]
        return await convert(value)

    async def _image(self, value: Any) -> File | Pixels:
        if isinstance(value, Mapping):
            value = _from_request(value)
        if isinstance(value, Image):
            return Pixels(memoryview(value).cast("B"), value.width, value.height, value.channels)
        if (file := await self._file(value)) is not None:
            return file
        if (converted := self._media.from_page_object(value)) is not None:
            return converted
        if _is_pillow(value):
            from modelden.engine.pillow import from_pillow  # rare

            return from_pillow(value)
        if isinstance(value, Buffer):
            return _pixels(value)
        raise InputError(
            f"{self._task} takes an image: the bytes or the URL of a file, an open file, a NumPy array of uint8 "
            f"(height, width, channels), a Pillow image, ImageData or a canvas; not {type(value).__name__}."
        )

    async def _sound(self, value: Any) -> Sound:
        rate = self._rate or 16_000
        if isinstance(value, Audio):
            return await self._at_rate(value, rate)
        if (file := await self._file(value)) is not None:
            return await self._media.decode(file, rate)
        if (sound := await self._media.from_audio_buffer(value, rate)) is not None:
            return sound
        if isinstance(page_file := self._media.from_page_object(value), File):
            return await self._media.decode(page_file, rate)
        if isinstance(value, Buffer):
            return await self._at_rate(Audio(value, rate), rate)
        raise InputError(
            f"{self._task} takes a sound: the bytes or the URL of a file, an open file, floats from -1 to 1 at {rate} "
            f"Hz in a NumPy array or array.array, modelden.Audio or an AudioBuffer; not {type(value).__name__}."
        )

    async def _at_rate(self, audio: Audio, rate: int) -> Sound:
        if audio.sampling_rate == rate:
            return Sound([audio.samples], "float32" if audio.samples.format == "f" else "float64")
        return await self._media.resample(audio, rate)

    async def _file(self, value: Any) -> File | None:
        """Return a file for an encoded file, or for its path or URL; None for every other value."""
        if isinstance(value, bytes | bytearray):
            return File(value)
        if isinstance(value, PurePath):
            return File(_read_path(value))
        if isinstance(value, str):
            if value.partition(":")[0].lower() not in _SCHEMES or not is_unicode(value):
                raise InputError(
                    f"{self._task} takes a URL ({', '.join(_SCHEMES)}) as text, not {show(value)}; "
                    "a path goes into pathlib.Path."
                )
            return File(await self._media.fetch(value))
        if callable(read := getattr(value, "read", None)) and isinstance(data := _read_open_file(read), bytes):
            return File(data)
        return None


def prepare_options(task: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a run's options, with those of single tasks converted for the worker."""
    embeddings = options.get("speaker_embeddings")
    if task in ("text-to-audio", "text-to-speech") and isinstance(embeddings, bytes | bytearray):
        if len(embeddings) % 4:
            raise InputError(f"speaker_embeddings are 32 bit floats, 4 bytes each, not {len(embeddings)} bytes.")
        return {**options, "speaker_embeddings": Tensor(memoryview(embeddings), "float32", (len(embeddings) // 4,))}
    return options


def _from_request(request: Mapping[str, Any]) -> Any:
    """Return the image of a request in Firefox's form (``ONNXPipeline.mjs``, ``imageToText``)."""
    if "url" in request:
        return request["url"]
    names = ("data", "width", "height")
    if missing := [name for name in names if name not in request]:
        raise InputError(f"an image as a dict has url, or data, width and height; {', '.join(missing)} is missing.")
    return Image(request["data"], request["width"], request["height"], request.get("channels") or 4)


def _read_open_file(read: Any) -> Any:
    try:
        return read()
    except Exception as error:
        raise InputError(f"an open file cannot be read: {error}.") from error


def _read_path(path: PurePath) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:  # a NUL in the path is a ValueError
        raise InputError(f"{path} cannot be read: {error}.") from error


def _is_pillow(value: Any) -> bool:
    return all(hasattr(value, name) for name in ("mode", "size", "convert", "tobytes", "getbands"))


def _pixels(data: Any) -> Pixels:
    view = contiguous_view(data, "an image")
    if view.format != "B" or view.ndim not in (2, 3):
        raise InputError(
            "an array of pixels is uint8, (height, width) or (height, width, channels), "
            f"not {view.ndim} dimensions of format {view.format!r}. Floats from 0 to 1: multiply by 255 and round."
        )
    height, width, *rest = view.shape or ()
    channels = rest[0] if rest else 1
    if 0 in (height, width):
        raise InputError(f"an image has a pixel at least, not {width} x {height}.")
    if channels not in (1, 2, 3, 4):
        raise InputError(f"an image has 1 to 4 channels in its last dimension, not {channels}.")
    return Pixels(view, width, height, channels)
