"""Quantities as people write them. Pure."""

from __future__ import annotations

_PREFIXES = ("kB", "MB", "GB", "TB")


def format_size(size: float) -> str:
    """Write bytes with a decimal prefix of the SI: ``512 B``, ``23.3 MB``, ``120 MB``."""
    if size < 1000:
        return f"{size:.0f} B"
    for prefix in _PREFIXES:
        size /= 1000
        if size < 999.5 or prefix == _PREFIXES[-1]:
            break
    return f"{size:.1f} {prefix}" if size < 99.95 else f"{size:.0f} {prefix}"
