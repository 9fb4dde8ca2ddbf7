"""The capabilities that the browser grants this page, each tried once. Imported when they are asked for.

A visit does not wait for this: the adapters learn by their first use, and have a fallback each.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import js
from pyodide.ffi import JsException

from modelden._js.blobs import JsBlob
from modelden._js.broadcast import NAME
from modelden._js.ffi import js_name
from modelden._js.indexeddb import JsDatabases
from modelden._js.indexeddb_transaction import wait_for_event
from modelden._js.worker import WorkerPort
from modelden._js.worker_scripts import Script
from modelden.errors import ModelDenError
from modelden.ports import Put, Schema, Store

_TIMEOUT = 10.0
"""Seconds for each answer of the browser."""


class _Refused(Exception):
    """The browser refuses a capability; the message is the reason."""


async def probe_capabilities(worker_url: str | None) -> dict[str, str | None]:
    """Return the reasons why capabilities are missing, by their names; None for one that is there.

    Args:
        worker_url: As in the configuration.
    """
    probes: dict[str, Callable[[], Awaitable[None]]] = {
        "indexeddb": _open_database,
        "blobs": _store_blob,
        "web_locks": _hold_lock,
        "cache": _open_cache,
        "broadcast_channel": _open_channel,
        "storage_estimate": _estimate,
        "web_crypto": _find_crypto,
        "workers": lambda: _start_worker(worker_url),
    }
    reasons = await asyncio.gather(*(_reason(probe) for probe in probes.values()))
    return dict(zip(probes, reasons, strict=True))


async def _reason(probe: Callable[[], Awaitable[None]]) -> str | None:
    try:
        async with asyncio.timeout(_TIMEOUT):
            await probe()
    except TimeoutError:
        return f"no answer within {_TIMEOUT:g} s"
    except (_Refused, ModelDenError) as error:
        return str(error)
    except JsException as error:
        return f"{js_name(error)}: {error}"
    except AttributeError:
        return "this page does not have it"
    return None


async def _open_database() -> None:
    await _put(None)


async def _store_blob() -> None:
    databases = await _put(JsBlob(js.Blob.new()))
    if not databases.stores_blobs:
        raise _Refused("IndexedDB refuses Blobs here; their bytes are stored as buffers")


async def _put(blob: JsBlob | None) -> JsDatabases:
    """Store a row in a new database, and delete that."""
    databases = JsDatabases()
    name = f"modelden-probe-{os.urandom(8).hex()}"
    database = await databases.open(Schema(name, 1, {"rows": Store("id")}))
    try:
        await database.commit([Put("rows", {"id": "row"}, {} if blob is None else {("data",): blob})])
    finally:
        await wait_for_event(js.indexedDB.deleteDatabase(name), "success", "error")
    return databases


async def _hold_lock() -> None:
    await js.navigator.locks.request(f"modelden probe {os.urandom(8).hex()}", js.Boolean)


async def _open_cache() -> None:
    await js.caches.has("modelden")


async def _open_channel() -> None:
    js.BroadcastChannel.new(NAME).close()


async def _estimate() -> None:
    await js.navigator.storage.estimate()


async def _find_crypto() -> None:
    if not getattr(js.crypto, "subtle", None):
        raise _Refused("an insecure context has no WebCrypto: signatures cannot be verified")


async def _start_worker(worker_url: str | None) -> None:
    port: Any = WorkerPort(Script("trust.js", worker_url))
    try:
        await port.wait_until_started()
        if port.end_reason is not None:
            raise port.end_reason
    finally:
        port.close()
