"""Two other ways to publish signed collections: the dialect ``/v2`` of Mozilla's server, and a folder of static files.

``/v2`` (mozilla/remote-settings, its read-only service over git): ``_since`` is an integer without quotes, or else 422;
an unknown one is a redirect to the same URL without it; tombstones have no ``last_modified``; errors are
``{"detail": …}``; there are no headers for browsers but what the CDN in front adds. Static hosting knows no query.
"""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from modelden.host.keys.signer import signature_entry
from modelden.host.publish.collections import Collection, Collections
from modelden.host.serve.cors import AnyOrigin
from modelden.host.serve.settings_app import chains_app

type Json = dict[str, Any]

_CHANGESET = "/buckets/{bucket}/collections/{name}/changeset"


class _Readable:
    """The common parts of both servers."""

    def __init__(self, collections: Collections) -> None:
        self._collections = collections

    def find(self, request: Request) -> Collection:
        collection = self._collections.get(request.path_params["bucket"], request.path_params["name"])
        if collection is None:
            raise HTTPException(404, f"{request.path_params['name']} not found")
        return collection

    def root(self, request: Request) -> Response:
        base = f"{str(request.base_url).rstrip('/')}/attachments/"
        return JSONResponse({"capabilities": {"attachments": {"base_url": base}}})

    def monitor(self, request: Request) -> Response:
        wanted = request.query_params.get("bucket"), request.query_params.get("collection")
        changes = [
            {"id": each.name, "bucket": each.bucket, "collection": each.name, "last_modified": each.state.timestamp}
            for each in self._collections
            if self.tells(each, wanted)
        ]
        return JSONResponse({"metadata": {}, "timestamp": 1, "changes": changes})

    def tells(self, _collection: Collection, _wanted: tuple[str | None, str | None]) -> bool:
        return True


def metadata_of(collection: Collection) -> Json:
    """With a chain's URL that is relative to the server, as a decision of its developers allows."""
    assert collection.signer is not None
    assert collection.state.signature is not None
    entry = signature_entry(collection.state.signature, f"/chains/{collection.signer.chain.name}.chain")
    return {"id": collection.name, "bucket": collection.bucket, "signature": entry, "signatures": [entry]}


class V2(_Readable):
    """The dialect ``/v2``. It knows the timestamps that were published since it began."""

    def __init__(self, collections: Collections) -> None:
        super().__init__(collections)
        self.published: set[int] = set()

    def app(self) -> ASGIApp:
        routes = [
            Route("/", self.root),
            Route("/buckets/monitor/collections/changes/changeset", self.monitor),
            Route(_CHANGESET, self.changeset),
        ]
        handlers: Any = {HTTPException: _detail}
        return _on_a_cdn(self._collections, Mount("/v2", Starlette(routes=routes, exception_handlers=handlers)))

    def tells(self, collection: Collection, wanted: tuple[str | None, str | None]) -> bool:
        bucket, name = wanted
        return bucket in (None, collection.bucket) and name in (None, collection.name)

    def changeset(self, request: Request) -> Response:
        collection, since = self.find(request), request.query_params.get("_since")
        expected = request.query_params.get("_expected", "")
        if not expected.isdecimal() or not (since or "0").isdecimal():
            raise HTTPException(422, [{"msg": "Input should be a valid integer"}])  # type: ignore[arg-type]  # FastAPI's form
        if since is not None and int(expected) and int(expected) < int(since):
            raise HTTPException(400, "_expected must be superior to _since if both are provided")
        if since is not None and int(since) not in self.published:
            return RedirectResponse(request.url.remove_query_params("_since"), 307)
        changes = [
            {name: value for name, value in each.items() if not ("deleted" in each and name == "last_modified")}
            for each in collection.state.changes(None if since is None else int(since))
        ]
        self.published.add(collection.state.timestamp)
        body = {"metadata": metadata_of(collection), "timestamp": collection.state.timestamp, "changes": changes}
        return JSONResponse(body)


class Static(_Readable):
    """Files: each URL has one content, whatever its query says."""

    def app(self) -> ASGIApp:
        routes = [
            Route("/settings/", self.root),
            Route("/settings/buckets/monitor/collections/changes/changeset", self.monitor),
            Route(f"/settings{_CHANGESET}", self.changeset),
        ]
        return _on_a_cdn(self._collections, *routes)

    def changeset(self, request: Request) -> Response:
        state = self.find(request).state
        body = {"metadata": metadata_of(self.find(request)), "timestamp": state.timestamp, "changes": state.changes()}
        return JSONResponse(body)


def _on_a_cdn(collections: Collections, *routes: Route | Mount) -> ASGIApp:
    """A CDN in front, which lets pages read, and has the certificate chains."""
    return AnyOrigin(Starlette(routes=[Mount("/chains", chains_app(collections)), *routes]), ())


def _detail(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, error.status_code)
