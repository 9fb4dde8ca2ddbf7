"""The service worker of a site: one file with a fixed list of the site's files. Its code is `web/service_worker`.

The version is a hash of list and code. A browser compares the file of the server with the one that it has, byte for
byte: other files of the site make another deployment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path

from modelden.core.units import format_size
from modelden.host.errors import HostError, machine_errors

FILE_NAME = "service-worker.js"
"""The file, in the folder of the site: pages in this folder and below are its scope."""

MAX_SIZE = 100_000_000
"""Bytes of a site. Each visitor downloads and stores all of it."""

_FIRST_LINE = "// modelden service-worker"
"""The beginning of the first line, by which a file of another program is recognized."""

_TREE_MARKER = "modelden.json"
_TREE_FOLDERS = ("v1", "chains", "attachments", "hub", "settings", "keys")
"""The parts of a published tree in a site. modelden stores settings, runtimes and models itself."""


@dataclass(frozen=True, slots=True)
class SiteFile:
    """A file of the list.

    Attributes:
        path: Its path in the site, with forward slashes.
        size: Its bytes.
        sha256: Its hash, in hexadecimal digits.
    """

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class WrittenServiceWorker:
    """The outcome of `write_service_worker`.

    Attributes:
        path: The written file.
        version: Of list and code.
        files: The list.
        is_changed: True if the site had another version, or none.
    """

    path: Path
    version: str
    files: tuple[SiteFile, ...]
    is_changed: bool

    @property
    def size(self) -> int:
        """Bytes that a visitor stores."""
        return sum(file.size for file in self.files)


def list_files(folder: Path, exclude: Sequence[str] = ()) -> tuple[SiteFile, ...]:
    """List the files of a site, without the service worker's own.

    Hidden files are left out, and the folders of a published tree.

    Args:
        folder: The site as it is deployed.
        exclude: Patterns of paths to leave out: ``*`` matches any characters, ``/`` too.

    Raises:
        HostError: The folder is missing, has no page, or a pattern matches nothing.
        MachineError: A file cannot be read.
    """
    if not folder.is_dir():
        raise HostError(f"There is no folder {folder}: expected the folder of a site, with its pages.")
    with machine_errors(f"Cannot read {folder}"):
        paths = _paths(folder)
        for pattern in exclude:
            if not any(fnmatchcase(path, pattern) for path in paths):
                raise HostError(
                    f"--exclude {pattern!r} matches no file in {folder}. Patterns are of paths such as {paths[0]}."
                )
        listed = [path for path in paths if not any(fnmatchcase(path, pattern) for pattern in exclude)]
        if not any(path.endswith((".html", ".htm")) for path in listed):
            raise HostError(f"{folder} has no page: a service worker starts pages, files that end in .html.")
        return tuple(_describe(folder, path) for path in listed)


def write_service_worker(
    folder: Path, exclude: Sequence[str] = (), *, max_size: int = MAX_SIZE, dry_run: bool = False
) -> WrittenServiceWorker:
    """Write the service worker of a site.

    Args:
        folder: The site as it is deployed.
        exclude: Patterns of paths to leave out.
        max_size: Bytes of all files that are accepted.
        dry_run: Write nothing.

    Raises:
        HostError: The folder is no site, is too large, or has a file of this name from another program.
        MachineError: A file cannot be read or written.
    """
    listed = list_files(folder, exclude)
    if (size := sum(file.size for file in listed)) > max_size:
        largest = ", ".join(
            f"{file.path} ({format_size(file.size)})" for file in sorted(listed, key=lambda file: -file.size)[:3]
        )
        raise HostError(
            f"The site has {format_size(size)}, which every visitor would download: expected {format_size(max_size)} "
            f"at most. The largest files are {largest}. --exclude leaves files out, --max-size accepts more."
        )
    code = _code()
    entries = [astuple(file) for file in listed]
    version = hashlib.sha256(json.dumps([entries, code]).encode()).hexdigest()[:16]
    text = _script(version, json.dumps({"version": version, "files": entries}, ensure_ascii=True), code)
    return WrittenServiceWorker(folder / FILE_NAME, version, listed, _write(folder, text, dry_run=dry_run))


def write_removal(folder: Path) -> Path:
    """Write the file that removes the service worker from the browsers that have it, with all that it stored.

    Browsers fetch the file anew with each visit, whatever the pages of the site do. So it works for broken pages, too.

    Returns:
        The written file.

    Raises:
        HostError: The folder is missing, or has a file of this name from another program.
        MachineError: The file cannot be written.
    """
    if not folder.is_dir():
        raise HostError(f"There is no folder {folder}: expected the folder of a site.")
    _write(folder, _script("removal", "null", _code()))
    return folder / FILE_NAME


def _paths(folder: Path) -> list[str]:
    is_tree = (folder / _TREE_MARKER).is_file()
    paths = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        is_hidden = any(part.startswith(".") for part in name.parts)
        is_of_tree = is_tree and (name.parts[0] in _TREE_FOLDERS or name.as_posix() == _TREE_MARKER)
        if path.is_file() and not is_hidden and not is_of_tree and name.as_posix() != FILE_NAME:
            paths.append(name.as_posix())
    if not paths:
        raise HostError(f"{folder} is empty: expected the folder of a site, with its pages.")
    return paths


def _describe(folder: Path, path: str) -> SiteFile:
    with (folder / path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return SiteFile(path, file.tell(), digest)


def _code() -> str:
    return files("modelden.host.serve").joinpath("service_worker.js").read_text("utf-8").strip()


def _script(version: str, site: str, code: str) -> str:
    # A function: the file is a script of pages, too, where a constant would be everybody's.
    return f"{_FIRST_LINE} {version}\n(()=>{{const MODELDEN_SITE={site};\n{code}\n}})();\n"


def _write(folder: Path, text: str, *, dry_run: bool = False) -> bool:
    """Write the file, unless it is there already; returns whether it was another one."""
    path = folder / FILE_NAME
    with machine_errors(f"Cannot write {path}"):
        earlier = path.read_bytes() if path.exists() else b""
        if earlier and not earlier.startswith(_FIRST_LINE.encode()):
            raise HostError(f"{path} is a service worker of another program: a site has one for each folder.")
        if dry_run or earlier == text.encode():
            return earlier != text.encode()
        partial = path.with_name(f".{FILE_NAME}.part")
        partial.write_bytes(text.encode())
        partial.replace(path)
        return True
