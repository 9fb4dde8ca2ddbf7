"""Keep a folder equal to a set of files, touching only what differs."""

import filecmp
import shutil
from collections.abc import Mapping
from pathlib import Path


def files_in(folder: Path) -> dict[str, Path]:
    """List every file below a folder by its relative path with forward slashes, without Python's caches."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    }


def mirror(files: Mapping[str, Path], folder: Path) -> None:
    """Make a folder hold exactly these files, given by relative path.

    What is equal already stays untouched: a server or a browser test may be using the folder.
    Files are copied, not linked: a test may damage its copy.
    """
    for name, source in files.items():
        target = folder / name
        if target.is_file() and filecmp.cmp(source, target, shallow=False):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.name + ".part")
        shutil.copyfile(source, partial)
        partial.replace(target)
    for name, path in files_in(folder).items():
        if name not in files:
            path.unlink()
