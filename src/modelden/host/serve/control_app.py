"""Control over HTTP for tests in another process: the request log, faults and collections."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelden.host.serve.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from modelden.host.publish.collections import Collections
    from modelden.host.serve.faults import Faults
    from modelden.host.serve.request_log import RequestLog


def control_app(log: RequestLog, faults: Faults, collections: Collections) -> ASGIApp:
    """Create the ASGI application.

    - ``GET /__log__``: the requests so far; ``POST /__log__/clear`` deletes them.
    - ``PUT /__faults__``: a JSON list of `Fault`s with the same field names, in place of all faults.
    - ``PUT /__collections__/{bucket}/{collection}``: ``{"records": [...], "timestamp": ..., "sign": ...}``, the
      last two as in `Collection.replace`. Responds with the timestamp.
    """

    async def get_log(_request: Request) -> Response:
        return JSONResponse(log.to_json())

    async def clear_log(_request: Request) -> Response:
        log.clear()
        return Response(status_code=204)

    async def put_faults(request: Request) -> Response:
        faults.set(*_parse_faults(await _json(request)))
        return Response(status_code=204)

    async def put_collection(request: Request) -> Response:
        body = await _json(request)
        bucket, name = request.path_params["bucket"], request.path_params["collection"]
        collection = collections.get(bucket, name) or collections.add(bucket, name)
        try:
            timestamp = collection.replace(
                body["records"],
                timestamp=body.get("timestamp"),
                sign=body.get("sign", True),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise HTTPException(400, f"not a collection: {error!r}") from error
        return JSONResponse({"timestamp": timestamp})

    return Starlette(
        routes=[
            Route("/__log__", get_log),
            Route("/__log__/clear", clear_log, methods=["POST"]),
            Route("/__faults__", put_faults, methods=["PUT"]),
            Route("/__collections__/{bucket}/{collection}", put_collection, methods=["PUT"]),
        ]
    )


async def _json(request: Request) -> Any:
    try:
        return await request.json()
    except json.JSONDecodeError as error:
        raise HTTPException(400, f"not JSON: {error}") from error


def _parse_faults(rules: Iterable[Mapping[str, Any]]) -> list[Fault]:
    try:
        return [Fault(**rule) for rule in rules]
    except TypeError as error:
        names = ", ".join(field.name for field in fields(Fault))
        message = f"expected a list of faults with the fields {names}: {error}"
        raise HTTPException(400, message) from error
