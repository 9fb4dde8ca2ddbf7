"""The static site: the demo page and, below ``/pyodide``, the local Pyodide distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelden.host.errors import ServeError
from modelden.host.serve.static_files import Files

if TYPE_CHECKING:
    from pathlib import Path

_CONTENT_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".py": "text/x-python",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    # browsers compile while they download only with this type
    ".wasm": "application/wasm",
    ".webp": "image/webp",
    # a wheel is a zip archive; Pyodide unpacks it by its name
    ".whl": "application/zip",
    ".zip": "application/zip",
}


def site_app(folder: Path) -> Files:
    """The files of a folder, asked for again at each visit, which costs a 304.

    Raises:
        ServeError: There is no such folder.
    """
    if not folder.is_dir():
        raise ServeError(f"There is no folder {folder} to serve as a site.")
    return Files(folder, _CONTENT_TYPES, cache_control="no-cache", index=True)
