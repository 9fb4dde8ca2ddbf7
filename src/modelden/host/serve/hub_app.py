"""The model hub: a folder served as ``/{organization}/{model}/{revision}/{path}``."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from modelden.host.serve.cors import AnyOrigin
from modelden.host.serve.static_files import HashedFiles

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from starlette.types import ASGIApp, Scope

EXPOSED = ("ETag", "X-ETag-Digest", "Content-Length", "Content-Range", "Accept-Ranges")
"""Headers that pages may read; ``X-ETag-Digest: sha-256`` promises that the ETag is the SHA-256 of the content."""

# No other type: HTML in a model repository must not run as a page of this origin.
_CONTENT_TYPES = {".json": "application/json"}

_PINNED = re.compile(r"v?\d+(\.\d+)*([-+.]\w+)*|[0-9a-f]{40}", re.ASCII)
"""Versions and commit hashes; any other revision is a branch, which can move."""

_IMMUTABLE = "public, max-age=31536000, immutable"
_REVALIDATE = "no-cache"


def hub_app(folder: Path) -> ASGIApp:
    """Create the ASGI application of the hub. Queries such as ``?download=true`` are ignored."""
    return AnyOrigin(_HubFiles(folder), EXPOSED)


class _HubFiles(HashedFiles):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, _CONTENT_TYPES, cache_control=_REVALIDATE)

    def headers_of(self, path: Path, stat_result: os.stat_result, scope: Scope) -> dict[str, str]:
        headers = super().headers_of(path, stat_result, scope)
        revision = PurePosixPath(self.get_path(scope)).parts[2:3]
        if revision and _PINNED.fullmatch(revision[0]):
            headers["Cache-Control"] = _IMMUTABLE
        return headers
