"""The hub of a recording: its bodies, how they are sent, and what goes wrong with single requests."""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

from modelden.host.serve.faults import Fault
from tests.onnx_bodies import onnx_body
from tests.tiny_model import tiny_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.requests import Request

type Json = dict[str, Any]

RUNTIMES = Path(__file__).parent.parent / "node_modules/onnxruntime-web/dist"

FAULT_FIELDS = {
    "status": "status",
    "delay_ms": "delay_ms",
    "close": "close",
    "drop_after": "cut_after",
    "redirect": "redirect",
}
"""What the faults of recordings are called in `modelden.host.serve.faults`."""

_WAYS = (
    "no_etag",
    "etag",
    "chunked",
    "gzip",
    "accept_ranges",
    "chunk_delay_ms",
    "chunk_bytes",
    "no_304",
    "as_status",
    "extra_headers",
)
"""What recordings name beside the faults is another way to send what is asked for."""

_BODILESS = (204, 304)

_RECORDED_HOST = "localhost:18432"

_PIECE = 64 * 1024


def hub_answer(resource: Json, request: Request) -> Response:
    """The hub's response without a fault."""
    way = resource.get(request.method.lower()) or {}
    body = body_of(resource.get("body"))
    status, headers = 200, {"Content-Type": resource.get("content_type", "application/octet-stream")}
    etag = way.get("etag", resource.get("etag"))
    if etag is not None and not way.get("no_etag"):
        headers["ETag"] = etag
    headers |= resource.get("headers", {})
    asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", "")) if way.get("accept_ranges") else None
    if asked and request.headers.get("if-range", etag) == etag:
        status, first = 206, int(asked[1])
        headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
        body = body[first:]
    status, headers = way.get("as_status", status), headers | way.get("extra_headers", {})
    if status in _BODILESS:
        return Response(None, status, headers)
    if way.get("gzip"):
        body = gzip.compress(body, mtime=0)
        headers["Content-Encoding"] = "gzip"
    if request.method == "HEAD" or not (way.get("chunked") or way.get("chunk_delay_ms")):
        return Response(body, status, headers)
    if not way.get("chunked"):
        headers["Content-Length"] = str(len(body))
    return StreamingResponse(_slowly(body, way), status, headers)


def _slowly(body: bytes, way: Json) -> Iterator[bytes]:
    """Pieces of a body, with the pauses of the recording."""
    size = way.get("chunk_bytes", _PIECE)
    for start in range(0, len(body), size):
        yield body[start : start + size]
        time.sleep(way.get("chunk_delay_ms", 0) / 1000)


def hub_faults(hub: Json, port: int) -> list[Fault]:
    """The faults. Those of single resources come before those of the whole hub, as they were merged then."""
    everywhere = hub.get("fault") or {}
    return [
        _fault(path, fault, method.upper(), port)
        for path, resource in hub.get("resources", {}).items()
        for method in ("head", "get")
        if (fault := {**everywhere, **(resource.get(method) or {})}) and set(fault) - set(_WAYS)
    ]


def _fault(path: str, recorded: Json, method: str, port: int) -> Fault:
    named = {name: value for name, value in recorded.items() if name not in _WAYS}
    unknown = sorted(set(named) - set(FAULT_FIELDS))
    if unknown:
        raise NotImplementedError(f"no replay yet for the fault {', '.join(unknown)}")
    fields: Json = {FAULT_FIELDS[name]: value for name, value in named.items()}
    if "redirect" in fields:
        fields["redirect"] = fields["redirect"].replace(_RECORDED_HOST, f"localhost:{port}")
    return Fault(path=path, method=method, **fields)


def body_of(spec: Mapping[str, Any] | None) -> bytes:
    """The bytes that a recording describes.

    ``{"text": s}``, ``{"json": value}``, ``{"repeat": [s, times]}``, ``{"pattern": [seed, size]}``
    (SHA-256 digests of ``seed:0``, ``seed:1``, … one after the other, cut), ``{"onnx": size}`` (`onnx_body`)
    or ``{"file": path}``.
    """
    match spec:
        case None:
            return b""
        case {"text": text}:
            return str(text).encode()
        case {"json": value}:
            return json.dumps(value, sort_keys=True).encode()
        case {"repeat": [text, times]}:
            return str(text).encode() * int(times)
        case {"pattern": [seed, size]}:
            count = -(-int(size) // hashlib.sha256().digest_size)
            digests = [hashlib.sha256(f"{seed}:{index}".encode()).digest() for index in range(count)]
            return b"".join(digests)[:size]
        case {"onnx": size}:
            return onnx_body(int(size))
        case {"file": path}:
            return _file(path)
    raise NotImplementedError(f"no replay yet for the body {spec}")


@functools.cache
def _file(path: str) -> bytes:
    folder, _, name = path.rpartition("/") if path.endswith(".wasm") else path.partition("/")
    if folder in ("", "runtime"):
        return (RUNTIMES / name).read_bytes()
    revision, _, name = name.partition("/")
    return tiny_model(revision)[name]
