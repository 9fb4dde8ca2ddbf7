"""Quantities as people and headers write them. Pure."""

from __future__ import annotations

_PREFIXES = ("kB", "MB", "GB", "TB")


_MAX_DIGITS = 18


def parse_whole(text: str) -> int | None:
    """Return the number that a header's decimal digits say; None for anything else.

    Python refuses to read thousands of digits. No file has more bytes than `_MAX_DIGITS` digits say.
    """
    return int(text) if len(text) <= _MAX_DIGITS and text.isascii() and text.isdecimal() else None


def format_size(size: float) -> str:
    """Write bytes with a decimal prefix of the SI: ``512 B``, ``23.3 MB``, ``120 MB``."""
    if size < 1000:
        return f"{size:.0f} B"
    for prefix in _PREFIXES:
        size /= 1000
        if size < 999.5 or prefix == _PREFIXES[-1]:
            break
    return f"{size:.1f} {prefix}" if size < 99.95 else f"{size:.0f} {prefix}"
