from __future__ import annotations

import sys

import pytest
from PIL import Image as Pillow

from modelden import Image, InputError


def test_an_image_becomes_a_pillow_image() -> None:
    picture = Image(bytes([1, 2, 3, 4, 5, 6]), 2, 1, 3).to_pil()

    assert isinstance(picture, Pillow.Image)
    assert [picture.getpixel((x, 0)) for x in (0, 1)] == [(1, 2, 3), (4, 5, 6)]


def test_without_pillow_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)

    with pytest.raises(InputError, match=r"micropip\.install\('pillow'\)"):
        Image(bytes(4), 2, 2, 1).to_pil()
