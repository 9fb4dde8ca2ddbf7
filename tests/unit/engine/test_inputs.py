from __future__ import annotations

import io
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageOps

from modelden.engine.inputs import AUDIO_TASKS, IMAGE_TASKS, Inputs
from modelden.engine.media import Audio, File, Image, Pixels, Sound
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


def as_browser(image: File | Pixels) -> Any:
    """Return the pixels that the worker gets; those of a file are upright, of 8 bits, and multiplied by their alpha."""
    if isinstance(image, Pixels):
        mode = {1: "L", 3: "RGB", 4: "RGBA"}[image.channels]
        return Pillow.frombytes(mode, (image.width, image.height), bytes(image.data)).convert("RGBA")
    picture = ImageOps.exif_transpose(Pillow.open(io.BytesIO(image.data)))
    if picture.mode.startswith("I"):
        picture = picture.point(lambda value: value / 257).convert("L")
    return picture.convert("RGBA").convert("RGBa").convert("RGBA")


def saved(picture: Any, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def grey_16() -> Any:
    return Pillow.frombytes("I;16", (2, 1), (300).to_bytes(2, "little") + (65535).to_bytes(2, "little"))


def turned() -> Any:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    picture = Pillow.new("RGB", (3, 2), (200, 10, 10))
    picture.putpixel((0, 0), (0, 255, 0))
    return Pillow.open(io.BytesIO(saved(picture, "PNG", exif=exif)))


def transparent() -> Any:
    return Pillow.frombytes("RGBA", (2, 1), bytes([255, 100, 0, 0, 10, 20, 30, 255]))


def palette_with_hole() -> Any:
    picture = Pillow.new("P", (2, 1), 0)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putpixel((1, 0), 1)
    picture.info["transparency"] = 0
    return Pillow.open(io.BytesIO(saved(picture, "PNG", transparency=0)))


PICTURES: dict[str, Any] = {
    **{mode: lambda mode=mode: Pillow.new(mode, (2, 3)) for mode in ("1", "L", "P", "RGB", "RGBA", "LA", "CMYK")},
    "16 bits": grey_16,
    "32 bits": lambda: grey_16().convert("I"),
    "turned": turned,
    "transparent": transparent,
    "palette with a hole": palette_with_hole,
}


@pytest.mark.parametrize("name", PICTURES)
async def test_a_picture_of_pillow_has_the_pixels_of_its_own_file(name: str) -> None:
    picture = PICTURES[name]()
    exif = {"exif": picture.getexif()} if name == "turned" else {}
    plain = picture.convert({"CMYK": "RGB", "I": "I;16"}.get(picture.mode, picture.mode))
    own = as_browser(File(saved(picture if plain.mode == picture.mode else plain, "PNG", **exif)))

    got = as_browser(await prepared("image-to-text", picture))

    assert got.size == own.size
    assert got.tobytes() == own.tobytes()


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (lambda: Pillow.new("F", (2, 2)), "no agreed range"),
        (lambda: Pillow.new("I", (2, 2), 70_000), "not 70000 to 70000"),
        (lambda: Pillow.new("I", (2, 2), -1), "not -1 to -1"),
        (lambda: Pillow.open(io.BytesIO(saved(Pillow.new("RGB", (64, 64)), "PNG")[:70])), "may be damaged"),
    ],
    ids=["floats", "more than 16 bits", "below 0", "cut"],
)
async def test_a_picture_of_pillow_that_is_none_is_named(picture: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        await prepared("image-to-text", picture())


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (memoryview(b""), "an image has a pixel|an array of pixels is uint8"),
        (Pillow.new("RGB", (0, 0)), "not 0 x 0"),
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


@pytest.mark.parametrize(
    "samples",
    [
        np.arange(8, dtype=np.float32)[::2] / 8,
        np.arange(8, dtype=np.float32)[::-2] / 8,
        np.frombuffer(b"x" + np.arange(4, dtype=np.float32).tobytes(), np.float32, offset=1),
        memoryview(array("d", [0.0, 0.5, 1.0, 0.25]))[::2],
    ],
    ids=["strided", "backwards", "unaligned", "view"],
)
async def test_a_sound_may_lie_in_memory_as_it_likes(samples: Any) -> None:
    sound = await prepared("audio-classification", samples)

    (channel,) = sound.channels
    assert memoryview(channel).c_contiguous
    assert channel.tolist() == np.asarray(samples).tolist()


@pytest.mark.parametrize("rate", [0, -1, 1.5, float("nan"), float("inf"), 10**9, "16000", None, True, [16000]])
def test_a_sound_has_a_possible_rate(rate: Any) -> None:
    with pytest.raises(InputError, match="sampling_rate"):
        Audio(array("f", [0.5]), rate if rate is not True else 0)


@pytest.mark.parametrize("rate", [8000, 44_100.0, np.int64(16_000), 96_000])
def test_a_rate_is_a_whole_number(rate: Any) -> None:
    assert Audio(array("f", [0.5]), rate).sampling_rate == int(rate)
