"""`engine.inputs.Media`: URLs, and images and sounds of the page. Their bytes stay outside Python's memory."""

from __future__ import annotations

import io
import math
from array import array
from typing import Any

import js
from pyodide.ffi import JsException

from modelden._js.blobs import BLOB_CLASSES, JsBlob, js_array_buffer
from modelden._js.fetch import failed_request
from modelden._js.ffi import abort_scope, js_bytes, js_class, js_name, js_object, map_exceptions
from modelden.engine.media import Audio, File, Pixels, Sound
from modelden.errors import HttpError, InputError, Offline

_DRAWABLE = (
    *("HTMLCanvasElement", "OffscreenCanvas", "HTMLImageElement", "ImageBitmap"),
    *("HTMLVideoElement", "VideoFrame", "SVGImageElement"),
)


class JsMedia:
    """The window or worker that Python runs in. A worker decodes WAV files only: it has no Web Audio."""

    def __init__(self, *, offline: bool = False) -> None:
        """Create the port; ``offline`` allows no request (`Configuration.offline`)."""
        self._offline = offline

    async def fetch(self, url: str) -> JsBlob:
        """Fetch a URL into a Blob: across origins with CORS, without credentials."""
        if self._offline and url[:5].lower() not in ("data:", "blob:"):
            raise Offline(url[:200], configured=True)
        async with abort_scope() as signal:
            with map_exceptions(lambda _: failed_request(url[:200])):
                response = await js.fetch(url, js_object(signal=signal, credentials="omit"))
                if not response.ok:
                    raise HttpError(url, int(response.status))
                return JsBlob(await response.blob())

    def from_page_object(self, value: Any) -> File | Pixels | None:
        """Return an object of the page as file or pixels, None if it is neither."""
        class_name = js_class(value)
        if class_name in BLOB_CLASSES:
            return File(JsBlob(value))
        if class_name == "ImageData":
            return Pixels(value.data, value.width, value.height, 4)
        if class_name in _DRAWABLE:
            with map_exceptions(lambda error: _unreadable_image(class_name, error)):
                return _drawable_pixels(value)
        return None

    async def from_audio_buffer(self, value: Any, rate: int) -> Sound | None:
        """Return an ``AudioBuffer`` of the page at this rate, None for everything else."""
        if js_class(value) != "AudioBuffer":
            return None
        if value.sampleRate == rate:
            return _channels(value)
        length = math.ceil(value.duration * rate)
        with map_exceptions(_not_resampled):
            context = js.OfflineAudioContext.new(value.numberOfChannels, length, rate)
            return await _render(context, value)

    async def decode(self, file: File, rate: int) -> Sound:
        """Decode the file of a sound, as transformers.js' ``read_audio``."""
        if not hasattr(js, "OfflineAudioContext"):
            return _read_wave(await _bytes(file), rate)
        is_blob = isinstance(file.data, JsBlob)
        js_buffer = await js_array_buffer(file.data.js_blob) if is_blob else js_bytes(file.data).buffer
        with map_exceptions(lambda _: InputError("The browser cannot decode this file as a sound.")):
            return _channels(await js.OfflineAudioContext.new(1, 1, rate).decodeAudioData(js_buffer))

    async def resample(self, audio: Audio, rate: int) -> Sound:
        """Bring samples to another rate."""
        if not hasattr(js, "OfflineAudioContext"):
            raise InputError(
                f"The model takes sounds at {rate} Hz, this one has {audio.sampling_rate}; "
                "only a page's main thread can change that: resample it before."
            )
        count = len(audio.samples)
        floats = audio.samples if audio.samples.format == "f" else memoryview(array("f", audio.samples))
        with map_exceptions(_not_resampled):
            context = js.OfflineAudioContext.new(1, math.ceil(count * rate / audio.sampling_rate), rate)
            buffer = context.createBuffer(1, count, audio.sampling_rate)
            buffer.copyToChannel(js.Float32Array.new(js_bytes(floats).buffer), 0)
            return await _render(context, buffer)


def _drawable_pixels(value: Any) -> Pixels:
    width = getattr(value, "naturalWidth", None) or getattr(value, "videoWidth", None) or value.width
    height = getattr(value, "naturalHeight", None) or getattr(value, "videoHeight", None) or value.height
    _check_size(value, width, height)
    # A canvas is drawn, too. To read it itself would make Chromium warn about each later reading, and would give a
    # canvas without a context one, so that its page could get no other kind any more.
    context = js.OffscreenCanvas.new(width, height).getContext("2d", js_object(willReadFrequently=True))
    context.drawImage(value, 0, 0)
    return Pixels(context.getImageData(0, 0, width, height).data, width, height, 4)


def _check_size(value: Any, width: int, height: int) -> None:
    if not width or not height:
        raise InputError(f"an image has a pixel at least, not {width} x {height} as this {js_class(value)}.")


def _unreadable_image(class_name: str, error: JsException) -> InputError:
    return InputError(
        f"The browser does not let this page read the {class_name} ({js_name(error)}): it is broken, closed or too "
        "large, or of another origin without CORS."
    )


def _not_resampled(error: JsException) -> InputError:
    return InputError(f"The browser cannot bring this sound to the model's sampling rate ({js_name(error)}).")


def _channels(buffer: Any) -> Sound:
    # Of more than two channels transformers.js takes the first.
    count = 2 if buffer.numberOfChannels == 2 else 1
    return Sound([buffer.getChannelData(index) for index in range(count)])


async def _render(context: Any, buffer: Any) -> Sound:
    source = context.createBufferSource()
    source.buffer = buffer
    source.connect(context.destination)
    source.start()
    return _channels(await context.startRendering())


async def _bytes(file: File) -> bytes:
    return await file.data.read() if isinstance(file.data, JsBlob) else bytes(file.data)


def _read_wave(data: bytes, rate: int) -> Sound:
    import wave  # slow to import

    try:
        with wave.open(io.BytesIO(data)) as reader:
            width, channels, file_rate = reader.getsampwidth(), reader.getnchannels(), reader.getframerate()
            frames = reader.readframes(reader.getnframes())
    except (wave.Error, EOFError) as error:
        raise InputError(f"Outside of a page's main thread only WAV files can be decoded: {error}.") from error
    if width != 2 or file_rate != rate:
        raise InputError(
            f"Outside of a page's main thread only WAV files of 16 bits at the model's {rate} Hz can be decoded, "
            f"not {width * 8} bits at {file_rate} Hz."
        )
    samples = array("h", frames)
    count = 2 if channels == 2 else 1
    return Sound([array("f", (sample / 32768 for sample in samples[index::channels])) for index in range(count)])
