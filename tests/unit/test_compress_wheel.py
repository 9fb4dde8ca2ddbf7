from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from compress_wheel import compress_wheel

if TYPE_CHECKING:
    from pathlib import Path


def members(wheel: Path) -> list[tuple[str, bytes, tuple[int, ...], int]]:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        return [(info.filename, archive.read(info), info.date_time, info.external_attr) for info in archive.infolist()]


def test_the_members_stay_and_take_less(tmp_path: Path) -> None:
    wheel = tmp_path / "a-1.0-py3-none-any.whl"
    text = b"".join(b"line %d of a module\n" % (number * number % 9973) for number in range(5000))
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in (("a/__init__.py", text), ("a/empty", b""), ("a/ä.txt", b"x")):
            info = zipfile.ZipInfo(name, (2020, 1, 1, 13, 59, 58))
            info.external_attr = 0o100644 << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    before, size = members(wheel), wheel.stat().st_size

    compress_wheel(wheel)
    assert members(wheel) == before
    assert wheel.stat().st_size < size
    compressed = wheel.read_bytes()
    compress_wheel(wheel)
    assert wheel.read_bytes() == compressed
