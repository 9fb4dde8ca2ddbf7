"""Images and sounds in every form that a page can have them: the model gets the same."""

from __future__ import annotations

import base64
import io
import wave
from typing import TYPE_CHECKING, Any

import pytest

from tests.pyodide.servers import attach
from tests.pyodide.task_cases import png
from tests.pyodide.task_cases import wave as samples
from tests.pyodide.test_tasks import engine_request

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site


def wav() -> bytes:
    """A sound of a tenth of a second, 16 bits at 16 kHz."""
    data = io.BytesIO()
    with wave.open(data, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        writer.writeframes(b"".join(int(value * 32768).to_bytes(2, "little", signed=True) for value in samples(1600)))
    return data.getvalue()


FORMS = {"bytes", "bytearray", "open file", "path", "Blob", "File", "blob URL", "data URL", "URL"}
PIXELS = {"canvas", "OffscreenCanvas", "ImageData", "ImageBitmap", "img", "Image", "array", "Pillow", "request"}
SAMPLES = {"AudioBuffer", "floats", "doubles", "Audio"}


def results(page: Page, site: Site, task: str, kind: str, data: bytes) -> dict[str, Any]:
    """The model's results for each form."""
    attach(site.folder, f"given.{kind}", data)
    outputs: dict[str, Any] = page.call(
        "run_all",
        module="in_page_inputs",
        config=site.config,
        request=engine_request(task),
        kind=kind,
        file=base64.b64encode(data).decode(),
        url=f"{site.settings.url}/attachments/runtime/given.{kind}",
    )
    return outputs


@pytest.mark.parametrize("task", ["image-classification", "moz-image-to-text"])
def test_images(input_page: Page, site: Site, task: str) -> None:
    outputs = results(input_page, site, task, "image", png(13, 11))
    if task == "moz-image-to-text":
        outputs = {form: each["output"] for form, each in outputs.items()}

    assert set(outputs) == FORMS | PIXELS
    assert {form: each for form, each in outputs.items() if each != outputs["bytes"]} == {}


def test_sounds(input_page: Page, site: Site) -> None:
    outputs = results(input_page, site, "audio-classification", "sound", wav())

    assert set(outputs) == FORMS | SAMPLES
    assert {form: each for form, each in outputs.items() if each != outputs["bytes"]} == {}
