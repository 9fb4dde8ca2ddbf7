"""Compress the members of a wheel anew: a page downloads each byte of it before anything else.

    python tools/compress_wheel.py WHEEL

libdeflate's best compression is some percent smaller than zlib's, and any reader of zip archives unpacks it. Names,
contents, dates and modes stay, and equal wheels give equal bytes. `zipfile` writes no member that is compressed, so the
archive is written here (APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16).
"""

import struct
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import deflate

LEVEL = 12
"""libdeflate's best."""


def compress_wheel(wheel: Path) -> None:
    """Write the wheel anew."""
    with zipfile.ZipFile(wheel) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    wheel.write_bytes(b"".join(_archive(members)))


def _archive(members: list[tuple[zipfile.ZipInfo, bytes]]) -> Iterator[bytes]:
    directory = []
    offset = 0
    for info, data in members:
        packed = bytes(deflate.deflate_compress(data, LEVEL))
        method, packed = (zipfile.ZIP_DEFLATED, packed) if len(packed) < len(data) else (zipfile.ZIP_STORED, data)
        name = info.filename.encode()
        year, month, day, hour, minute, second = info.date_time
        facts = struct.pack(
            "<5H3L2H",
            *(20, info.flag_bits & 0x800, method),
            *(hour << 11 | minute << 5 | second // 2, (year - 1980) << 9 | month << 5 | day),
            *(info.CRC, len(packed), len(data), len(name), 0),
        )
        yield from (b"PK\3\4", facts, name, packed)
        made_by = struct.pack("<BB", 20, info.create_system)
        place = struct.pack("<3H2L", 0, 0, info.internal_attr, info.external_attr, offset)
        directory.append(b"PK\1\2" + made_by + facts + place + name)
        offset += 4 + len(facts) + len(name) + len(packed)
    yield from directory
    size, count = sum(map(len, directory)), len(directory)
    yield b"PK\5\6" + struct.pack("<4H2LH", 0, 0, count, count, size, offset, 0)


if __name__ == "__main__":
    compress_wheel(Path(sys.argv[1]))
