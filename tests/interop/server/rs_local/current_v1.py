"""Differences of today's Remote Settings ``/v1`` from its ancestor kinto-changes 4.1.2, as far as clients see them."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlencode

from pyramid.httpexceptions import HTTPNoContent, HTTPTemporaryRedirect

CHANGESET = re.compile(r"^/v1/buckets/([^/]+)/collections/([^/]+)/changeset$")
MONITOR = ("monitor", "changes")

type Handler = Callable[[Any], Any]


def tween_factory(handler: Handler, _registry: object) -> Handler:
    def tween(request: Any) -> Any:
        match = CHANGESET.match(request.path)
        if not match or request.method not in ("GET", "HEAD"):
            return handler(request)
        target = (match[1], match[2])
        query = parse_qsl(request.query_string, keep_blank_values=True)
        if target == MONITOR and (early := _early_answer(request, query)):
            return _with_cors(request, early)
        # _since may come with or without its quotes; the published plugin wants them
        quoted = [(name, f'"{value}"' if name == "_since" and value.isdecimal() else value) for name, value in query]
        request.environ["QUERY_STRING"] = urlencode(quoted)
        response = handler(request)
        if response.status_int == 200:
            _refine(response, target)
        return response

    return tween


def _early_answer(request: Any, query: list[tuple[str, str]]) -> Any:
    parameters = dict(query)
    since, expected = parameters.get("_since", "").strip('"'), parameters.get("_expected", "")
    if '"' in expected:
        unquoted = [(name, value.replace('"', "") if name == "_expected" else value) for name, value in query]
        return HTTPTemporaryRedirect(f"{request.path_url}?{urlencode(unquoted)}")
    if since.isdecimal() and expected.isdecimal() and 0 < int(expected) < int(since):
        return HTTPNoContent()
    return None


def _refine(response: Any, target: tuple[str, str]) -> None:
    body = response.json
    if target == MONITOR:
        body["changes"].sort(key=lambda change: -change["last_modified"])
    modified = body["timestamp"] if target == MONITOR else body["metadata"]["last_modified"]
    body["metadata"]["bucket"] = target[0]
    response.json = body
    response.headers["Last-Modified"] = formatdate(modified / 1000, usegmt=True)


def _with_cors(request: Any, response: Any) -> Any:
    if "Origin" in request.headers:
        from kinto.core import Service

        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Expose-Headers"] = ", ".join(Service.default_cors_headers)
    return response
