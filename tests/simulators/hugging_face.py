"""Hugging Face's HTTP API as far as huggingface_hub asks it for a model's files, on a real port.

``/api/models/{model}[/revision/{revision}]`` tells the commit, ``/api/models/{model}/tree/{commit}`` lists files with
git's hash of each and the SHA-256 of large ones (LFS), ``/{model}/resolve/{commit}/{path}`` has the bytes, with Range.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

LARGE = ".onnx"
"""Files whose names end so are in LFS."""


class HuggingFace:
    """A hub with one model, whose branch ``main`` and tag ``v1`` are the same commit; an ASGI application.

    Attributes:
        lies: Paths whose listed hashes are not those of their bytes.
    """

    def __init__(self, model: str, folder: Path) -> None:
        """Offer the files of a folder."""
        self._model = model
        self._folder = folder
        self.commit = hashlib.sha1(model.encode(), usedforsecurity=False).hexdigest()
        self.lies: set[str] = set()
        api = "/api/models/{organization}/{name}"
        self.app = Starlette(
            routes=[
                Route(api, self._info),
                Route(api + "/revision/{revision}", self._info),
                Route(api + "/tree/{revision}", self._tree),
                Route("/{organization}/{name}/resolve/{revision}/{path:path}", self._file),
            ]
        )

    async def _info(self, request: Request) -> Response:
        if missing := self._missing(request):
            return missing
        siblings = [{"rfilename": path} for path in self._paths()]
        return JSONResponse({"id": self._model, "modelId": self._model, "sha": self.commit, "siblings": siblings})

    async def _tree(self, request: Request) -> Response:
        return self._missing(request) or JSONResponse([self._entry(path) for path in self._paths()])

    async def _file(self, request: Request) -> Response:
        path = str(request.path_params["path"])
        entry = self._entry(path)
        headers = {"X-Repo-Commit": self.commit, "ETag": f'"{entry["oid"]}"'}
        if "lfs" in entry:
            headers |= {"X-Linked-ETag": f'"{entry["lfs"]["oid"]}"', "X-Linked-Size": str(entry["size"])}
        return FileResponse(self._folder / path, headers=headers)

    def _missing(self, request: Request) -> Response | None:
        asked = "{organization}/{name}".format(**request.path_params)
        if asked != self._model:
            return _error("RepoNotFound", 401)
        if request.path_params.get("revision", "main") not in ("main", "v1", self.commit):
            return _error("RevisionNotFound", 404)
        return None

    def _paths(self) -> list[str]:
        return sorted(path.relative_to(self._folder).as_posix() for path in self._folder.rglob("*") if path.is_file())

    def _entry(self, path: str) -> dict[str, Any]:
        data = (self._folder / path).read_bytes()
        content = b"another" if path in self.lies else data
        oid = hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()
        entry = {"type": "file", "path": path, "size": len(data), "oid": oid}
        if path.endswith(LARGE):
            sha256 = hashlib.sha256(content).hexdigest()
            entry["lfs"] = {"oid": sha256, "size": len(data), "pointerSize": 130}
        return entry


def _error(code: str, status: int) -> Response:
    return JSONResponse({"error": code}, status, {"X-Error-Code": code, "X-Error-Message": code})
