from __future__ import annotations

import io
from array import array
from pathlib import Path
from typing import Any

import pytest

from modelden.engine.inputs import AUDIO_TASKS, IMAGE_TASKS, File, Inputs, Pixels, Sound
from modelden.engine.media import Audio, Image
from modelden.engine.tasks import DEFAULT_MODELS
from modelden.errors import InputError

PIXELS = bytes(range(24))
"""Of an image of 2 by 3 pixels with 4 channels."""


class NoPage:
    """A page that has nothing of its own, and files behind its URLs."""

    async def fetch(self, url: str) -> Any:
        return url

    def from_page_object(self, _value: Any) -> File | Pixels | None:
        return None

    async def from_audio_buffer(self, _value: Any, _rate: int) -> Sound | None:
        return None

    async def decode(self, file: File, rate: int) -> Sound:
        return Sound([file.data], f"decoded at {rate}")

    async def resample(self, audio: Audio, rate: int) -> Sound:
        return Sound([audio.samples], f"from {audio.sampling_rate} to {rate}")


class Picture:
    """The members of Pillow's images that modelden reads."""

    def __init__(self, mode: str, size: tuple[int, int]) -> None:
        self.mode, self.size = mode, size

    def getbands(self) -> tuple[str, ...]:
        return tuple(self.mode)

    def convert(self, mode: str) -> Picture:
        return Picture(mode, self.size)

    def tobytes(self) -> bytes:
        return bytes(self.size[0] * self.size[1] * len(self.mode))


async def prepared(task: str, value: Any) -> Any:
    (first,) = await Inputs(task, None, NoPage()).prepare([value])
    return first


def test_media_tasks_are_tasks() -> None:
    assert set(DEFAULT_MODELS) >= IMAGE_TASKS | AUDIO_TASKS


@pytest.mark.parametrize("value", [PIXELS, bytearray(PIXELS), io.BytesIO(PIXELS)], ids=["bytes", "bytearray", "open"])
async def test_files_of_images_are_left_to_the_browser(value: Any) -> None:
    assert await prepared("image-to-text", value) == File(PIXELS)


async def test_a_path_is_read_and_a_url_fetched(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PIXELS)

    assert await prepared("image-to-text", tmp_path / "a.png") == File(PIXELS)
    assert await prepared("image-to-text", "https://host/a.png") == File("https://host/a.png")
    with pytest.raises(InputError, match="cannot be read"):
        await prepared("image-to-text", tmp_path / "b.png")
    with pytest.raises(InputError, match=r"a path goes into pathlib\.Path"):
        await prepared("image-to-text", "a.png")


@pytest.mark.parametrize(
    "value",
    [
        Image(PIXELS, 2, 3, 4),
        memoryview(PIXELS).cast("B", (3, 2, 4)),
        {"data": PIXELS, "width": 2, "height": 3},
        {"data": PIXELS, "width": 2, "height": 3, "channels": 4},
    ],
    ids=["Image", "array", "Firefox's request", "with channels"],
)
async def test_pixels(value: Any) -> None:
    image = await prepared("moz-image-to-text", value)

    assert (bytes(image.data), image.width, image.height, image.channels) == (PIXELS, 2, 3, 4)


async def test_a_request_of_firefox_may_name_a_url_and_says_what_it_lacks() -> None:
    assert await prepared("moz-image-to-text", {"url": "data:,x"}) == File("data:,x")
    with pytest.raises(InputError, match="width, height is missing"):
        await prepared("moz-image-to-text", {"data": PIXELS})


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 4), ("P", 3), ("LA", 4)])
async def test_pictures_of_pillow(mode: str, channels: int) -> None:
    assert (await prepared("image-to-text", Picture(mode, (2, 3)))).channels == channels


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (memoryview(b""), "an image has a pixel|an array of pixels is uint8"),
        (Picture("RGB", (0, 0)), "not 0 x 0"),
        ({"data": b"", "width": 0, "height": 0}, "not 0 x 0"),
        (memoryview(bytes(30)).cast("B", (2, 3, 5)), "1 to 4 channels"),
        (array("f", [0.5]), "multiply by 255"),
        (3, "takes an image: .* not int"),
        ([], "an empty list"),
    ],
    ids=["no bytes", "Pillow 0 by 0", "request 0 by 0", "channels", "floats", "number", "empty list"],
)
async def test_what_is_no_image_is_named(value: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        await prepared("image-to-text", value)


async def test_sounds() -> None:
    task, samples = "automatic-speech-recognition", array("f", [0.0, 0.5])

    assert await prepared(task, b"RIFF") == Sound([b"RIFF"], "decoded at 16000")
    assert (await prepared(task, samples)).dtype == "float32"
    assert (await prepared(task, array("d", samples))).dtype == "float64"
    assert (await prepared(task, Audio(samples, 16_000))).dtype == "float32"
    assert (await prepared(task, Audio(samples, 8_000))).dtype == "from 8000 to 16000"
    assert [sound.dtype for sound in await prepared(task, [samples, b"x"])] == ["float32", "decoded at 16000"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (array("f", [0.0, float("nan")]), "NaN or infinite"),
        (array("d", [float("inf")]), "NaN or infinite"),
        (array("f"), "a sample at least"),
        (array("h", [1]), "32 or 64 bit floats"),
        (memoryview(bytes(16)).cast("f", (2, 2)), "Mix channels"),
        (3, "takes a sound: .* not int"),
        ([], "an empty list"),
    ],
    ids=["NaN", "infinite", "no sample", "integers", "two dimensions", "number", "empty list"],
)
async def test_what_is_no_sound_is_named(value: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        await prepared("automatic-speech-recognition", value)
