"""Files over HTTP: Starlette's `StaticFiles` with our content types, cache headers and ETags.

Starlette does the rest right and is left alone: paths and symbolic links that leave the folder are
not found, Range with If-Range (206, 416), If-None-Match (304), HEAD, dates.
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


class _LargePieces(FileResponse):
    """Reads in larger pieces than Starlette's 64 KiB: each is a trip to a thread, and there go most of the time."""

    chunk_size = 256 * 1024


class Files(StaticFiles):
    """A folder whose content types follow from names by a table.

    Starlette asks the machine's MIME table, which knows ``.mjs`` or ``.wasm`` here and not there.
    """

    def __init__(
        self,
        folder: Path,
        content_types: Mapping[str, str],
        *,
        cache_control: str,
        index: bool = False,
    ) -> None:
        """Serve ``folder``.

        Args:
            folder: An existing folder.
            content_types: By suffix, with the dot; others are ``application/octet-stream``.
            cache_control: The ``Cache-Control`` of every file.
            index: Whether a folder answers with its ``index.html``.
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
        """Answer with a file that exists, or with 304."""
        path = Path(full_path)
        response = _LargePieces(
            path,
            status_code=status_code,
            headers=self.headers_of(path, stat_result, scope),
            media_type=self._content_types.get(path.suffix.lower(), OCTET_STREAM),
            stat_result=stat_result,
        )
        # the same two lines as in Starlette, whose method makes a response without our headers
        if self.is_not_modified(response.headers, Headers(scope=scope)):
            return NotModifiedResponse(response.headers)
        return response

    def headers_of(self, path: Path, found: os.stat_result, scope: Scope) -> dict[str, str]:
        """The headers of a file besides its type, length and date."""
        del path, found, scope  # for subclasses
        return {"Cache-Control": self._cache_control}


class HashedFiles(Files):
    """Files with the SHA-256 of their content as strong ETag, for downloads that are resumed.

    Starlette's ETag comes from date and size: copying a tree would change it, and a second write
    within the clock's tick would not. The hash is computed once per state of a file.
    """

    def __init__(self, folder: Path, content_types: Mapping[str, str], *, cache_control: str) -> None:
        super().__init__(folder, content_types, cache_control=cache_control)
        self._etags: dict[tuple[str, int, int], str] = {}

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Find a file; runs in a worker thread, so this is where hashing does not block others."""
        full_path, found = super().lookup_path(path)
        if found is not None and stat.S_ISREG(found.st_mode):
            self._etag(Path(full_path), found)
        return full_path, found

    def headers_of(self, path: Path, found: os.stat_result, scope: Scope) -> dict[str, str]:
        """The headers of a file, with its ETag."""
        return {**super().headers_of(path, found, scope), "ETag": self._etag(path, found)}

    def _etag(self, path: Path, found: os.stat_result) -> str:
        state = (str(path), found.st_mtime_ns, found.st_size)
        if state not in self._etags:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            self._etags[state] = f'"{digest}"'
        return self._etags[state]
