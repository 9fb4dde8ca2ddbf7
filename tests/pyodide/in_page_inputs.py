"""Functions in the page for `test_inputs` and `test_bad_runs`: the page's own images and sounds, and wrong ones."""

from __future__ import annotations

import base64
import io
from array import array
from pathlib import Path
from typing import Any

import js
from in_page import configure, error_fields  # type: ignore[import-not-found]  # pushed by the test
from in_page_tasks import as_json, revive  # type: ignore[import-not-found]  # pushed by the test
from pyodide.ffi import to_js

import modelden

type Json = Any


async def run_all(config: Json, request: Json, kind: str, file: str, url: str) -> dict[str, Json]:
    """The result for each form in which a page can have this file."""
    configure(config)
    make = {"image": images, "sound": sounds}[kind]
    data = base64.b64decode(file)
    async with await modelden.create_engine(**request) as engine:
        given = {**files(data), "URL": url, **await make(data)}
        return {name: as_json(await engine.run(value)) for name, value in given.items()}


def files(data: bytes) -> dict[str, Any]:
    """A file as Python and the page have it."""
    Path("given").write_bytes(data)
    js_blob = js.Blob.new([to_js(data)])
    return {
        "bytes": data,
        "bytearray": bytearray(data),
        "open file": io.BytesIO(data),
        "path": Path("given"),
        "Blob": js_blob,
        "File": js.File.new([to_js(data)], "given"),
        "blob URL": js.URL.createObjectURL(js_blob),
        "data URL": "data:;base64," + base64.b64encode(data).decode(),
    }


class Picture:
    """The members of Pillow's images that modelden reads; the test's Pyodide has no build of Pillow."""

    mode = "RGBA"

    def __init__(self, data: bytes, width: int, height: int) -> None:
        self.data, self.size = data, (width, height)

    def getbands(self) -> tuple[str, ...]:
        return tuple(self.mode)

    def getextrema(self) -> tuple[tuple[int, int], ...]:
        return tuple((min(self.data[band::4]), max(self.data[band::4])) for band in range(4))

    def convert(self, mode: str) -> Picture:
        raise AssertionError(mode)

    def tobytes(self) -> bytes:
        return self.data


async def images(data: bytes) -> dict[str, Any]:
    """A picture as pixels."""
    js_bitmap = await js.createImageBitmap(js.Blob.new([to_js(data)]))
    width, height = js_bitmap.width, js_bitmap.height
    canvas, offscreen = js.document.createElement("canvas"), js.OffscreenCanvas.new(width, height)
    canvas.width, canvas.height = width, height
    for each in (canvas, offscreen):
        each.getContext("2d").drawImage(js_bitmap, 0, 0)
    js_pixels = canvas.getContext("2d").getImageData(0, 0, width, height)
    pixels = js_pixels.data.to_bytes()
    element = js.Image.new()
    element.src = canvas.toDataURL()
    await element.decode()
    return {
        "canvas": canvas,
        "OffscreenCanvas": offscreen,
        "ImageData": js_pixels,
        "ImageBitmap": js_bitmap,
        "img": element,
        "Image": modelden.Image(pixels, width, height, 4),
        "array": memoryview(pixels).cast("B", (height, width, 4)),
        "Pillow": Picture(pixels, width, height),
        "request": {"data": pixels, "width": width, "height": height},
    }


async def sounds(data: bytes) -> dict[str, Any]:
    """A sound of one channel at 16 kHz as samples."""
    rate = 16_000
    context = js.OfflineAudioContext.new(1, 1, rate)
    js_sound = await context.decodeAudioData(js.Uint8Array.new(to_js(data)).buffer)
    samples = array("f", js_sound.getChannelData(0).to_bytes())
    return {
        "AudioBuffer": js_sound,
        "floats": samples,
        "doubles": array("d", samples),
        "Audio": modelden.Audio(samples, rate),
    }


async def canvas_without_pixels() -> Any:
    """An image of 0 by 0, as a page can have it."""
    return js.OffscreenCanvas.new(0, 0)


async def file_without_pixels() -> Any:
    """A PNG whose header says 0 by 0."""
    size = bytes(8)
    header = b"IHDR" + size + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4) + header + bytes(4)


async def samples_that_are_none() -> Any:
    """Half of these samples are NaN."""
    return array("f", [0.5, float("nan")] * 800)


async def sound_that_is_none() -> Any:
    """The same as the page's own object."""
    js_sound = js.OfflineAudioContext.new(1, 1, 16_000).createBuffer(1, 1600, 16_000)
    js_sound.getChannelData(0).fill(js.NaN)
    return js_sound


async def long_text() -> str:
    """A megabyte."""
    return "the cat. " * 116_509


async def refused(config: Json, request: Json, wrong: str, right: Json) -> Json:
    """The error of a run with a wrong input; the engine is fine after it."""
    configure(config)
    async with await modelden.create_engine(**request) as engine:
        before = as_json(await engine.run(revive(right)))
        error = await _failure(engine, await globals()[wrong]())
        assert as_json(await engine.run(revive(right))) == before
    return error


async def empty_list() -> list[Any]:
    """Nothing."""
    return []


async def long_text_is_cut(config: Json, request: Json) -> Json:
    """Compare the result for a megabyte of text with that for its beginning; returns the number of tokens too."""
    configure(config)
    async with await modelden.create_engine(**request) as engine:
        whole = as_json(await engine.run(await long_text()))
        metrics = engine.last_metrics
        assert metrics is not None
        return {"same": whole == as_json(await engine.run("the cat. " * 100)), "tokens": metrics.input_tokens}


async def after_close(config: Json, request: Json) -> list[Json]:
    """The errors of a closed engine's calls."""
    configure(config)
    engine = await modelden.create_engine(**request)
    await engine.close()
    return [await _failure(engine, "text"), await _failure(engine, "text", "update")]


async def _failure(engine: modelden.Engine, value: Any, method: str = "run") -> Json:
    try:
        await (engine.run(value) if method == "run" else engine.update())
    except modelden.ModelDenError as error:
        return error_fields(error)
    raise AssertionError(method)
