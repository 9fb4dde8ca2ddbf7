"""`engine.inputs.Media`: URLs, and the page's own images and sounds. Bytes stay the page's."""

from __future__ import annotations

import io
import math
from array import array
from typing import Any

import js
from pyodide.ffi import JsException

from modelden._js.blobs import BLOBS, JsBlob
from modelden._js.fetch import failed_request
from modelden._js.ffi import abort_scope, js_bytes, js_kind, js_object
from modelden.engine.inputs import File, Pixels, Sound
from modelden.engine.media import Audio
from modelden.errors import HttpError, InputError

_DRAWABLE = ("HTMLImageElement", "ImageBitmap", "HTMLVideoElement", "VideoFrame", "SVGImageElement")
_CANVASES = ("HTMLCanvasElement", "OffscreenCanvas")


class JsMedia:
    """The window or worker that Python runs in. A worker decodes WAV files only: it has no Web Audio."""

    async def fetch(self, url: str) -> JsBlob:
        """Return the Blob behind a URL: across origins with CORS, without credentials."""
        async with abort_scope() as signal:
            try:
                response = await js.fetch(url, js_object(signal=signal, credentials="omit"))
                if not response.ok:
                    raise HttpError(url, int(response.status))
                return JsBlob(await response.blob())
            except JsException as error:
                raise failed_request(url[:200]) from error

    def from_page_object(self, value: Any) -> File | Pixels | None:
        """Return an object of the page as file or pixels, None if it is neither."""
        kind = js_kind(value)
        if kind in BLOBS:
            return File(JsBlob(value))
        if kind == "ImageData":
            return Pixels(value.data, value.width, value.height, 4)
        if kind in _CANVASES:
            _check_size(kind, value.width, value.height)
            context = value.getContext("2d")
            return _read(context, value.width, value.height) if context else _drawn(value, value.width, value.height)
        if kind in _DRAWABLE:
            width = getattr(value, "naturalWidth", None) or getattr(value, "videoWidth", None) or value.width
            height = getattr(value, "naturalHeight", None) or getattr(value, "videoHeight", None) or value.height
            _check_size(kind, width, height)
            return _drawn(value, width, height)
        return None

    async def from_audio_buffer(self, value: Any, rate: int) -> Sound | None:
        """Return an ``AudioBuffer`` of the page at this rate, None for everything else."""
        if js_kind(value) != "AudioBuffer":
            return None
        if value.sampleRate == rate:
            return _channels(value)
        length = math.ceil(value.duration * rate)
        context = js.OfflineAudioContext.new(value.numberOfChannels, length, rate)
        return await _rendered(context, value)

    async def decode(self, file: File, rate: int) -> Sound:
        """Decode the file of a sound, as transformers.js' ``read_audio``."""
        if not hasattr(js, "OfflineAudioContext"):
            return _read_wave(await _bytes(file), rate)
        buffer = await file.data.js_blob.arrayBuffer() if isinstance(file.data, JsBlob) else js_bytes(file.data).buffer
        try:
            decoded = await js.OfflineAudioContext.new(1, 1, rate).decodeAudioData(buffer)
        except JsException as error:
            raise InputError("The browser cannot decode this file as a sound.") from error
        return _channels(decoded)

    async def resample(self, audio: Audio, rate: int) -> Sound:
        """Bring samples to another rate."""
        if not hasattr(js, "OfflineAudioContext"):
            raise InputError(
                f"The model takes sounds at {rate} Hz, this one has {audio.sampling_rate}; "
                "only a page's main thread can change that: resample it before."
            )
        count = len(audio.samples)
        context = js.OfflineAudioContext.new(1, math.ceil(count * rate / audio.sampling_rate), rate)
        buffer = context.createBuffer(1, count, audio.sampling_rate)
        floats = audio.samples if audio.samples.format == "f" else memoryview(array("f", audio.samples))
        buffer.copyToChannel(js.Float32Array.new(js_bytes(floats).buffer), 0)
        return await _rendered(context, buffer)


def _check_size(kind: str, width: int, height: int) -> None:
    if not width or not height:
        raise InputError(f"an image has a pixel at least, not {width} x {height} as this {kind}.")


def _drawn(value: Any, width: int, height: int) -> Pixels:
    context = js.OffscreenCanvas.new(width, height).getContext("2d")
    context.drawImage(value, 0, 0)
    return _read(context, width, height)


def _read(context: Any, width: int, height: int) -> Pixels:
    return Pixels(context.getImageData(0, 0, width, height).data, width, height, 4)


def _channels(buffer: Any) -> Sound:
    # Of more than two channels transformers.js takes the first.
    count = 2 if buffer.numberOfChannels == 2 else 1
    return Sound([buffer.getChannelData(index) for index in range(count)])


async def _rendered(context: Any, buffer: Any) -> Sound:
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
            width, channels, found = reader.getsampwidth(), reader.getnchannels(), reader.getframerate()
            frames = reader.readframes(reader.getnframes())
    except (wave.Error, EOFError) as error:
        raise InputError(f"Outside of a page's main thread only WAV files can be decoded: {error}.") from error
    if width != 2 or found != rate:
        raise InputError(
            f"Outside of a page's main thread only WAV files of 16 bits at the model's {rate} Hz can be decoded, "
            f"not {width * 8} bits at {found} Hz."
        )
    samples = array("h", frames)
    count = 2 if channels == 2 else 1
    return Sound([array("f", (sample / 32768 for sample in samples[index::channels])) for index in range(count)])
