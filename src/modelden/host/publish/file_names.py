"""File names that every machine of a publication can have. Pure.

A tree is copied to file systems and hosts that ignore case (Windows, macOS), compare names in a normal form of Unicode
(macOS), or reserve names (Windows: "Naming Files, Paths, and Namespaces").
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_RESERVED = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    | {f"{device}{number}" for device in ("COM", "LPT") for number in "0123456789\u00b9\u00b2\u00b3"}
)
_FORBIDDEN = frozenset('<>:"|?*\\')

_LONGEST = 255
"""Most bytes of a name (Linux: ``NAME_MAX``), and most UTF-16 code units (Windows, macOS), which are never more."""


def name_fault(path: str) -> str | None:
    """Return why a path cannot be a file on Windows, or None."""
    for part in path.split("/"):
        if not part:
            return f"Invalid file name {path!r}: it has a folder without a name."
        if part.partition(".")[0].rstrip().upper() in _RESERVED:
            return f"Invalid file name {path!r}: Windows reserves the name {part!r}."
        if part.endswith((".", " ")):
            return f"Invalid file name {path!r}: Windows has no names that end with a dot or a space."
        if any(character in _FORBIDDEN or ord(character) < 32 for character in part):
            return f"Invalid file name {path!r}: Windows has no such character in a name."
        if len(part.encode("utf-8", errors="surrogatepass")) > _LONGEST:
            return f"Invalid file name {path!r}: file systems have no names of more than {_LONGEST} bytes."
    return None


def collisions(paths: Iterable[str]) -> list[str]:
    """List the paths that are one file where case and forms of Unicode do not count, one sentence each."""
    paths = sorted(paths)
    folders = {_folded(path[:end]) for path in paths for end in _ends(path)}
    seen: dict[str, str] = {}
    faults = []
    for path in paths:
        key = _folded(path)
        if key in seen:
            faults.append(f"{seen[key]!r} and {path!r} are one file where case or the form of Unicode does not count.")
        elif key in folders:
            faults.append(f"{path!r} is a file and a folder where case or the form of Unicode does not count.")
        seen.setdefault(key, path)
    return faults


def _ends(path: str) -> Iterable[int]:
    return (index for index, character in enumerate(path) if character == "/")


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", path).casefold())
