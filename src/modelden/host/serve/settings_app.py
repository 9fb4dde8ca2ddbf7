"""A Remote Settings server, API version 1, limited to the requests of clients.

Its responses are those of Kinto with kinto-changes, kinto-signer and kinto-attachment. URLs in responses (``x5u``,
``base_url``) have the scheme and host of the request, so one server works as ``localhost``, as ``127.0.0.1`` and under
any name of ``*.localhost``.
"""

from __future__ import annotations

import re
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from modelden.host.publish import settings_responses
from modelden.host.serve.cors import AnyOrigin
from modelden.host.serve.static_files import HashedFiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from modelden.host.publish.collections import Collection, Collections

EXPOSED = ("Backoff", "Retry-After", "Alert", "Content-Length", "Content-Type")
"""Headers that Kinto exposes to pages."""

ATTACHMENT_EXPOSED = ("ETag", "Content-Length", "Content-Range", "Accept-Ranges")

# Kinto's cache lifetimes are for a CDN. A local server has to show a change at once.
_REVALIDATE = "no-cache"
_ONE_WEEK = "public, max-age=604800"
_ONE_DAY = "max-age=86400"

_MAX_SINCE_AGE = 21 * 24 * 3600 * 1000
"""Milliseconds. The monitor redirects an older ``_since`` to a URL without it."""


class KintoError(HTTPException):
    """An error response with Kinto's number and message."""

    def __init__(
        self,
        status: int,
        errno: int,
        error: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        **details: Any,
    ) -> None:
        super().__init__(status, headers=headers)
        self.body = {"code": status, "errno": errno, "error": error, "message": message, **details}


def settings_app(collections: Collections, max_age: int = 0, *, compress: bool = False) -> ASGIApp:
    """Create the ASGI application of the API, for the mount point ``/v1``.

    Args:
        collections: The published collections.
        max_age: Seconds for which caches may keep a changeset; 0 lets them revalidate each time.
        compress: Compress responses for clients that accept it. Model files are never compressed, because a download
            is resumed at a byte of the file itself.
    """
    app: ASGIApp = _Api(collections, max_age).app
    return AnyOrigin(GZipMiddleware(app, minimum_size=1000) if compress else app, EXPOSED)


def attachments_app(folder: Path) -> ASGIApp:
    """Create the ASGI application of attachments, like a CDN. A location never changes its content."""
    files = HashedFiles(folder, {".wasm": "application/wasm"}, cache_control=_ONE_WEEK)
    return AnyOrigin(files, ATTACHMENT_EXPOSED)


def chains_app(collections: Collections) -> ASGIApp:
    """Create the ASGI application of the certificate chains (``x5u``): ``/{name}.chain``."""

    def chain(request: Request) -> Response:
        pem = collections.chain(request.path_params["name"])
        if pem is None:
            raise HTTPException(404)
        return Response(pem, media_type="binary/octet-stream")

    return AnyOrigin(Starlette(routes=[Route("/{name}.chain", chain)]), ("Content-Length",))


class _Api:
    """The routes, with Kinto's errors."""

    def __init__(self, collections: Collections, max_age: int) -> None:
        self._collections = collections
        self._cache_control = f"public, max-age={max_age}" if max_age else _REVALIDATE
        changeset = "/buckets/{bucket}/collections/{collection}/changeset"
        self.app = Starlette(
            routes=[
                Route("/", self._root),
                Route("/buckets/monitor/collections/changes/changeset", self._monitor),
                Route(changeset, self._changeset),
            ],
            exception_handlers={HTTPException: _kinto_error},
        )

    async def _root(self, request: Request) -> Response:
        origin = _origin(request)
        return JSONResponse(settings_responses.root_page(f"{origin}/v1/", f"{origin}/attachments/"))

    async def _monitor(self, request: Request) -> Response:
        expected, since = _expected(request), _since(request)
        if expected.startswith('"'):
            return _redirect(request, _expected=expected.strip('"'))
        if since is not None and since < self._collections.now() - _MAX_SINCE_AGE:
            return _redirect(request, _since=None)
        if since is not None and expected.isdecimal() and 0 < int(expected) < since:
            return Response(status_code=204, headers={"Cache-Control": _ONE_DAY})
        changed = [collection for collection in self._matching(request) if collection.state.timestamp > (since or 0)]
        newest = max((collection.state.timestamp for collection in self._collections), default=0)
        return self._json_response(settings_responses.monitor(changed, newest, request.url.netloc), newest)

    async def _changeset(self, request: Request) -> Response:
        collection = self._find(request.path_params["bucket"], request.path_params["collection"])
        _expected(request)
        since = _since(request)
        body = settings_responses.changeset(collection, f"{_origin(request)}/chains/", since)
        return self._json_response(body, body["metadata"]["last_modified"])

    def _json_response(self, body: dict[str, Any], modified: int) -> Response:
        headers = {
            "Cache-Control": self._cache_control,
            "Last-Modified": formatdate(modified / 1000, usegmt=True),
        }
        return JSONResponse(body, headers=headers)

    def _matching(self, request: Request) -> Iterator[Collection]:
        """Yield the collections that match the monitor's filters."""
        bucket = request.query_params.get("bucket")
        name = request.query_params.get("collection")
        for collection in self._collections:
            if bucket in (None, collection.bucket) and name in (None, collection.name):
                yield collection

    def _find(self, bucket: str, name: str) -> Collection:
        if not self._collections.has_bucket(bucket):
            # Like Kinto, which does not distinguish missing buckets from private ones.
            message = "Please authenticate yourself to use this endpoint."
            raise KintoError(401, 104, "Unauthorized", message)
        collection = self._collections.get(bucket, name)
        if collection is None:
            raise _not_found()
        return collection


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _expected(request: Request) -> str:
    expected = request.query_params.get("_expected")
    if expected is None:
        raise _invalid("_expected", "Required")
    return expected


def _since(request: Request) -> int | None:
    since = request.query_params.get("_since")
    if since is None:
        return None
    if not re.fullmatch(r'\d+|"\d+"', since, re.ASCII):
        raise _invalid("_since", "The value should be integer between double quotes.")
    return int(since.strip('"'))


def _redirect(request: Request, **parameters: str | None) -> Response:
    """Redirect to the same URL with changed parameters; None removes one."""
    changed = [(name, parameters.get(name, value)) for name, value in request.query_params.items()]
    query = urlencode([(name, value) for name, value in changed if value is not None])
    return RedirectResponse(request.url.replace(query=query), 307)


def _invalid(parameter: str, description: str) -> KintoError:
    detail = {"location": "querystring", "name": parameter, "description": description}
    message = f"{parameter} in querystring: {description}"
    return KintoError(400, 107, "Invalid parameters", message, details=[detail])


def _not_found() -> KintoError:
    message = "The resource you are looking for could not be found."
    return KintoError(404, 111, "Not Found", message)


def _kinto_error(_request: Request, error: Exception) -> Response:
    """Build the response of an error. Starlette's own 404 and 405 get Kinto's form."""
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        message = "Method not allowed on this endpoint."
        error = KintoError(405, 115, "Method Not Allowed", message, headers=error.headers)
    if not isinstance(error, KintoError):
        error = _not_found()
    return JSONResponse(error.body, error.status_code, error.headers)
