"""Hugging Face's hub and its storage, as a page and huggingface_hub meet them, on two real ports.

- ``/api/models/{model}[/revision/{revision}]`` tells the commit, and with ``blobs=true`` the files with git's hash of
  each and the SHA-256 of large ones (LFS). ``/api/models/{model}/tree/{revision}`` lists the same in pages.
- ``/{model}/resolve/{revision}/{path}`` of a large file is a 302 to the storage, with the headers on the redirect: a
  page cannot read those. Of a small file it is a 307 to a path of the hub's own cache.
- The storage (Xet) has a tag of its own, which has the form of a SHA-256 and is another hash.
- What is refused is 401, 403 or 404 with ``X-Error-Code``, or 451.

Sample usage::

    with HuggingFaceServer("org/model", folder) as hub:
        ...  # hub.url, hub.app.gated = True, hub.faults.set(...), hub.requests()
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from modelden.host.serve.cors import AnyOrigin
from modelden.host.serve.faults import Faults
from modelden.host.serve.request_log import RequestLog
from modelden.host.serve.server import RunningServer

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

LARGE = ".onnx"
"""Files whose names end so are in LFS."""

TOKEN = "hf_of_somebody_who_accepted_the_terms"  # noqa: S105  of this simulator

NEWEST = ("main", "v1", "v1_0", "refs/pr/1", "feature/x", "refs/tags/v1")
"""Names of the newest commit: branches, a pull request and tags."""

EXPOSED = (
    *("X-Repo-Commit", "X-Request-Id", "X-Error-Code", "X-Error-Message", "X-Total-Count", "ETag", "Link"),
    *("Accept-Ranges", "Content-Range", "X-Linked-Size", "X-Linked-ETag", "X-Xet-Hash"),
)
"""Headers that pages may read of Hugging Face's hub."""

EXPOSED_BY_STORAGE = ("ETag", "Accept-Ranges", "Content-Range")


class _EscapedSlashes:
    """Leaves escaped slashes as they are, so that a revision is one segment of a path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "raw_path" in scope:
            path = unquote(scope["raw_path"].decode("ascii").partition("?")[0].replace("%2F", "%252F"))
            scope = {**scope, "path": path}
        await self._app(scope, receive, send)


class HuggingFace:
    """A hub with one model, whose refs of `NEWEST` are the newest commit; an ASGI application.

    Commits that a request has seen stay available by their hashes.

    Attributes:
        app: The hub.
        storage: The storage of large files.
        storage_url: Where that is served; without it, the hub sends large files itself.
        folder: The files.
        former: An earlier name of the model, whose requests are redirected: ``gpt2``, without an organization.
        lies: Paths whose listed hashes are not those of their bytes.
        gated: Files need `TOKEN`.
        status: All requests for the model have this status: 451 for one that is blocked.
        page_size: Entries on a page of the list.
        lists: False answers 500 to requests for lists.
        blobs: False answers the commit without the hashes of files, as hubs that copy a part of the API.
    """

    def __init__(self, model: str, folder: Path, *, exposed: bool = True) -> None:
        """Offer the files of a folder. Pages may read the headers of `EXPOSED`, or only those that they always may."""
        self._model = model
        self.folder = folder
        self.former = ""
        self.storage_url = ""
        self.lies: set[str] = set()
        self.gated = False
        self.status = 200
        self.page_size = 1000
        self.lists = True
        self.blobs = True
        self._commits: dict[str, dict[str, Path]] = {}
        self._contents = folder.with_name(f"{folder.name}-of-commits")
        self._contents.mkdir()
        api = "/api/models/{organization}/{name}"
        hub = Starlette(
            routes=[
                Route(api, self._info),
                Route(api + "/revision/{revision}", self._info),
                Route(api + "/tree/{revision}", self._tree),
                Route("/{organization}/{name}/resolve/{revision}/{path:path}", self._resolve),
                Route("/api/resolve-cache/models/{organization}/{name}/{revision}/{path:path}", self._small),
                Route("/api/models/{former}/{_:path}", self._moved),
                Route("/{former}/resolve/{_:path}", self._moved),
            ]
        )
        self.app: ASGIApp = AnyOrigin(_EscapedSlashes(hub), EXPOSED if exposed else ())
        stored = Starlette(routes=[Route("/xet-bridge/{path:path}", self._large)])
        self.storage: ASGIApp = AnyOrigin(stored, EXPOSED_BY_STORAGE if exposed else ())

    @property
    def commit(self) -> str:
        """The commit of the branch: another one when a file has changed. Its files stay available."""
        paths = sorted(path for path in self.folder.rglob("*") if path.is_file())
        hashes = {path.relative_to(self.folder).as_posix(): _sha256(path) for path in paths}
        state = "".join(f"{path} {digest}\n" for path, digest in hashes.items())
        commit = hashlib.sha1(f"{self._model} {state}".encode(), usedforsecurity=False).hexdigest()
        if commit not in self._commits:
            files = {path: self._contents / digest for path, digest in hashes.items()}
            for path, content in files.items():
                copyfile(self.folder / path, content)
            self._commits[commit] = files
        return commit

    def _resolved(self, request: Request) -> str:
        """Return the commit of a request's revision."""
        revision = unquote(str(request.path_params.get("revision", "main")))
        return self.commit if revision in NEWEST else revision

    async def _info(self, request: Request) -> Response:
        if refusal := self._refusal(request, gate=False):
            return refusal
        if not self.lists:
            return _error("InternalError", 500)
        commit = self._resolved(request)
        is_detailed = self.blobs and "blobs" in request.query_params
        siblings = [self._sibling(commit, path) if is_detailed else {"rfilename": path} for path in self._paths(commit)]
        facts = {"gated": "auto" if self.gated else False, "private": False}
        return JSONResponse({"id": self._model, "modelId": self._model, "sha": commit, "siblings": siblings, **facts})

    async def _moved(self, request: Request) -> Response:
        former = str(request.path_params["former"])
        if former != self.former:
            return _error("RepoNotFound", 401)
        path = request.scope["raw_path"].decode().replace(f"/{former}/", f"/{self._model}/", 1)
        return RedirectResponse(f"{path}?{request.url.query}", 307)

    async def _tree(self, request: Request) -> Response:
        if refusal := self._refusal(request, gate=False):
            return refusal
        if not self.lists:
            return _error("InternalError", 500)
        start = int(request.query_params.get("cursor", "0"))
        end = start + self.page_size
        commit = self._resolved(request)
        paths = self._paths(commit)
        headers = {}
        if end < len(paths):
            next_page = request.url.include_query_params(cursor=end)
            headers["Link"] = f'<{next_page}>; rel="next"'
        return JSONResponse([self._entry(commit, path) for path in paths[start:end]], headers=headers)

    async def _resolve(self, request: Request) -> Response:
        if refusal := self._refusal(request, gate=True):
            return refusal
        path, commit = str(request.path_params["path"]), self._resolved(request)
        if path not in self._paths(commit):
            return _error("EntryNotFound", 404)
        entry = self._entry(commit, path)
        headers = {"X-Repo-Commit": commit}
        if "lfs" not in entry:
            cache = f"/api/resolve-cache/models/{self._model}/{commit}/{quote(path)}"
            return RedirectResponse(cache, 307, headers | {"ETag": f'"{entry["oid"]}"'})
        digest = entry["lfs"]["oid"]
        headers |= {"X-Linked-ETag": f'"{digest}"', "X-Linked-Size": str(entry["size"]), "ETag": f'"{digest}"'}
        if not self.storage_url:
            return FileResponse(self._commits[commit][path], headers=headers)
        headers["X-Xet-Hash"] = entry["xetHash"]
        query = f"X-Xet-Signed-Range=bytes%3D0-&Signature=signed&X-Repo-Commit={commit}"
        place = f"{self.storage_url}/xet-bridge/{quote(path)}?{query}"
        return RedirectResponse(place, 302, headers)

    async def _small(self, request: Request) -> Response:
        path, commit = str(request.path_params["path"]), self._resolved(request)
        headers = {"X-Repo-Commit": commit, "ETag": f'"{self._entry(commit, path)["oid"]}"'}
        return FileResponse(self._commits[commit][path], headers=headers, media_type="text/plain")

    async def _large(self, request: Request) -> Response:
        if request.query_params.get("Signature") != "signed":
            return Response("AccessDenied", 403)
        file = self._commits[request.query_params["X-Repo-Commit"]][str(request.path_params["path"])]
        return FileResponse(file, headers={"ETag": f'"{_xet_hash(file)}"'}, media_type="application/octet-stream")

    def _refusal(self, request: Request, *, gate: bool) -> Response | None:
        if "{organization}/{name}".format(**request.path_params) != self._model:
            return _error("RepoNotFound", 401)
        if self.status != 200:
            return Response("blocked", self.status)
        if gate and self.gated and request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error("GatedRepo", 403 if "authorization" in request.headers else 401)
        if self._resolved(request) not in (self.commit, *self._commits):
            return _error("RevisionNotFound", 404)
        return None

    def _paths(self, commit: str) -> list[str]:
        return sorted(self._commits[commit])

    def _sibling(self, commit: str, path: str) -> dict[str, Any]:
        entry = self._entry(commit, path)
        sibling = {"rfilename": path, "size": entry["size"], "blobId": entry["oid"]}
        if "lfs" not in entry:
            return sibling
        lfs = entry["lfs"]
        return {**sibling, "lfs": {"sha256": lfs["oid"], "size": lfs["size"], "pointerSize": lfs["pointerSize"]}}

    def _entry(self, commit: str, path: str) -> dict[str, Any]:
        data = self._commits[commit][path].read_bytes()
        content = b"another" if path in self.lies else data
        if not path.endswith(LARGE):
            return {"type": "file", "path": path, "size": len(data), "oid": _git_oid(content)}
        sha256 = hashlib.sha256(content).hexdigest()
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(data)}\n".encode()
        lfs = {"oid": sha256, "size": len(data), "pointerSize": len(pointer)}
        entry = {"type": "file", "path": path, "size": len(data), "oid": _git_oid(pointer), "lfs": lfs}
        return {**entry, "xetHash": _xet_hash(self._commits[commit][path])} if self.storage_url else entry


class HuggingFaceServer:
    """A `HuggingFace` on two origins, with logs and faults.

    Attributes:
        hub: What it answers.
        faults: What goes wrong with the hub.
        storage_faults: What goes wrong with the storage.
        url: The root of the hub.
        exposed: Pages may read the headers.
    """

    def __init__(self, model: str, folder: Path, *, exposed: bool = True) -> None:
        self.exposed = exposed
        self.hub = HuggingFace(model, folder, exposed=exposed)
        self.faults, self.storage_faults = Faults(), Faults()
        self.url = ""
        self._logs = RequestLog(), RequestLog()
        self._servers = ExitStack()

    def __enter__(self) -> Self:
        apps = (self.faults.wrap(self.hub.app), self.storage_faults.wrap(self.hub.storage))
        hub, storage = (
            self._servers.enter_context(RunningServer(log.wrap(app))) for log, app in zip(self._logs, apps, strict=True)
        )
        self.url, self.hub.storage_url = hub.url, storage.url
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.close()

    def requests(self) -> list[str]:
        """``METHOD path`` of the requests since the last call, without preflights; those to the storage come last."""
        entries = [entry for log in self._logs for entry in log.entries() if entry.method != "OPTIONS"]
        for log in self._logs:
            log.clear()
        return [f"{entry.method} {entry.path.partition('?')[0]}" for entry in entries]


def _error(code: str, status: int) -> Response:
    return JSONResponse({"error": code}, status, {"X-Error-Code": code, "X-Error-Message": code})


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _xet_hash(file: Path) -> str:
    return hashlib.sha256(b"xet" + file.read_bytes()).hexdigest()


def _git_oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()
