"""Files over HTTP: Starlette's `StaticFiles` with our content types, cache headers and ETags.

The rest is Starlette's: 404 for paths and symbolic links that leave the folder, Range with If-Range (206, 416),
If-None-Match (304), HEAD, dates.
"""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from starlette.types import Scope

OCTET_STREAM = "application/octet-stream"


class _LargeChunkResponse(FileResponse):
    """Reads larger chunks than Starlette's 64 KiB. Each is a call into a thread, which is most of the time."""

    chunk_size = 256 * 1024


class Files(StaticFiles):
    """A folder whose content types come from a table of suffixes.

    Starlette uses the MIME table of the machine, which knows ``.mjs`` or ``.wasm`` on some machines only.
    """

    def __init__(
        self,
        folder: Path,
        content_types: Mapping[str, str],
        *,
        cache_control: str,
        index: bool = False,
    ) -> None:
        """Create the application.

        Args:
            folder: An existing folder.
            content_types: By suffix, with the dot; others are ``application/octet-stream``.
            cache_control: The ``Cache-Control`` of every file.
            index: Serve the ``index.html`` of a folder.
        """
        super().__init__(directory=folder, html=index)
        self._content_types = content_types
        self._cache_control = cache_control

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Respond with an existing file, or with 304."""
        path = Path(full_path)
        response = _LargeChunkResponse(
            path,
            status_code=status_code,
            headers=self.headers_of(path, stat_result, scope),
            media_type=self._content_types.get(path.suffix.lower(), OCTET_STREAM),
            stat_result=stat_result,
        )
        # The same two lines as in Starlette, whose method creates a response without our headers.
        if self.is_not_modified(response.headers, Headers(scope=scope)):
            return NotModifiedResponse(response.headers)
        return response

    def headers_of(self, path: Path, stat_result: os.stat_result, scope: Scope) -> dict[str, str]:
        """Return the headers of a file besides its type, length and date."""
        del path, stat_result, scope  # for subclasses
        return {"Cache-Control": self._cache_control}


class HashedFiles(Files):
    """Files with the SHA-256 of their content as strong ETag, for resumed downloads.

    Starlette's ETag is derived from date and size: a copied tree has another one, and a second write within the clock's
    resolution keeps it. The hash is computed once per date and size of a file.
    """

    def __init__(self, folder: Path, content_types: Mapping[str, str], *, cache_control: str) -> None:
        super().__init__(folder, content_types, cache_control=cache_control)
        self._etags: dict[Path, tuple[tuple[int, int], str]] = {}
        """The state and the ETag of each file that was requested."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Find a file and hash it. Starlette calls this in a thread, so hashing does not block other requests."""
        full_path, stat_result = super().lookup_path(path)
        if stat_result is not None and stat.S_ISREG(stat_result.st_mode):
            self._etag(Path(full_path), stat_result)
        return full_path, stat_result

    def headers_of(self, path: Path, stat_result: os.stat_result, scope: Scope) -> dict[str, str]:
        """Return the headers of a file, with its ETag and the promise of its meaning."""
        tag = {"ETag": self._etag(path, stat_result), "X-ETag-Digest": "sha-256"}
        return {**super().headers_of(path, stat_result, scope), **tag}

    def _etag(self, path: Path, stat_result: os.stat_result) -> str:
        state = (stat_result.st_mtime_ns, stat_result.st_size)
        hashed, etag = self._etags.get(path, (None, ""))
        if hashed != state:
            with path.open("rb") as file:
                etag = f'"{hashlib.file_digest(file, "sha256").hexdigest()}"'
            # A file that was replaced takes the place of its earlier state.
            self._etags[path] = state, etag
        return etag
