"""A static site, such as the demo page with a Pyodide distribution below ``/pyodide``."""

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
    # Browsers compile during the download only with this type.
    ".wasm": "application/wasm",
    ".webp": "image/webp",
    # A wheel is a zip archive. Pyodide unpacks it by its name.
    ".whl": "application/zip",
    ".zip": "application/zip",
}


def site_app(folder: Path) -> Files:
    """Create the ASGI application of a folder. Browsers revalidate the files at each visit, with a 304.

    Raises:
        ServeError: The folder is missing.
    """
    if not folder.is_dir():
        raise ServeError(f"There is no folder {folder} to serve as a site.")
    return Files(folder, _CONTENT_TYPES, cache_control="no-cache", index=True)
