"""``ArrayBuffer`` objects in place of Blobs, where IndexedDB refuses Blobs.

WebKit refuses them in a private window: ``put`` throws a ``DataCloneError``, or its request fails with an
``UnknownError`` ("Error preparing Blob/File data to be stored in object store"). Rows with buffers are read as rows
with Blobs (`indexeddb_transaction.py_rows`). Imported at the first refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple, cast

from js import ArrayBuffer, Blob
from pyodide.ffi import JsException

from modelden import ports
from modelden._js.blobs import JsBlob, js_array_buffer, js_blob
from modelden._js.indexeddb_transaction import RequestFailed, js_rows, wait_for_event
from modelden.ports import Delete, Put


class _Buffer(NamedTuple):
    """Stands for a Blob in a change."""

    js_blob: Any


async def with_buffers(changes: Sequence[Put | Delete]) -> list[Put | Delete]:
    """Return changes in which buffers with the same bytes replace Blobs.

    Raises:
        StorageUnavailable: If the browser cannot read a Blob.
    """
    return [await _with_buffers(change) if isinstance(change, Put) else change for change in changes]


async def _with_buffers(change: Put) -> Put:
    buffers = {path: _Buffer(await js_array_buffer(js_blob(blob))) for path, blob in change.blobs.items()}
    return change._replace(blobs=cast("dict[tuple[str, ...], ports.Blob]", buffers))


async def refuses_blobs(js_database: Any, change: Put) -> bool:
    """Return True if a row can be stored with a buffer and not with a Blob. Nothing stays stored.

    Args:
        js_database: The database.
        change: A change with Blobs: the row that is tried.
    """
    blob = {path: JsBlob(Blob.new()) for path in change.blobs}
    buffer = {path: _Buffer(ArrayBuffer.new(0)) for path in change.blobs}
    if await _can_put(js_database, change._replace(blobs=blob)):
        return False
    return await _can_put(js_database, change._replace(blobs=cast("dict[tuple[str, ...], ports.Blob]", buffer)))


async def _can_put(js_database: Any, change: Put) -> bool:
    (js_row,) = js_rows([change])
    try:
        transaction = js_database.transaction(change.store, "readwrite")
    except JsException:  # the connection is lost
        return False
    try:
        await wait_for_event(transaction.objectStore(change.store).put(js_row), "success", "error")
    except (JsException, RequestFailed):
        return False
    finally:
        with suppress(JsException):  # it has ended already
            transaction.abort()
    return True
