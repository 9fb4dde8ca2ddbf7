"""The requests of one IndexedDB transaction, and the wait for their results.

A transaction ends when Python awaits (Pyodide resumes in a new task): requests are issued all at once, or in a
request's handler.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Self

from js import JSON, Array, Blob, Object, Promise, Reflect
from pyodide.ffi import JsException, create_proxy, to_js

from modelden._js.blobs import BLOB_CLASSES, JsBlob, js_blob
from modelden._js.ffi import js_class, js_json, js_object
from modelden.ports import Delete, Key, Put, Row, Unchanged


class RequestFailed(Exception):
    """A request or transaction that ended without success.

    Attributes:
        name: Name of its ``DOMException``, the same in all browsers; ``AbortError`` where it has none.
    """

    def __init__(self, js_error: Any) -> None:
        # A transaction that was aborted by a call, or with its connection, has no error (null).
        self.name = str(getattr(js_error, "name", "AbortError"))
        super().__init__(str(getattr(js_error, "message", "") or "the transaction was aborted"))


class WriteTransaction:
    """The changes of one transaction, issued at once, or when its condition was found to hold.

    A context: leaving it before the condition is checked aborts the transaction.
    """

    def __init__(self, transaction: Any, changes: Sequence[Put | Delete], condition: Unchanged | None) -> None:
        self._transaction = transaction
        self._changes = changes
        self._condition = condition
        self._is_checked = condition is None
        self._holds = True
        self._is_aborted = False
        self._error: BaseException | None = None
        self._check = create_proxy(self._on_row)

    def __enter__(self) -> Self:
        """Issue the changes, or the request for the condition's row."""
        condition = self._condition
        self._attempt(self._issue if condition is None else lambda: self._request_row(condition))
        return self

    def __exit__(self, *_: object) -> None:
        """Free the handler."""
        if not self._is_checked:
            self._abort()
        self._check.destroy()

    async def committed(self) -> bool:
        """Return True when the changes are stored, False if the condition does not hold.

        Raises:
            RequestFailed: If the transaction failed.
            BaseException: The exception that kept the changes from being issued.
        """
        if self._error is None:
            await self._end()
        if self._error is not None:
            raise self._error
        return self._holds

    async def _end(self) -> None:
        try:
            await wait_for_event(self._transaction, "complete", "abort")
        except RequestFailed:
            if not self._is_aborted:
                raise

    def _request_row(self, condition: Unchanged) -> None:
        js_store = self._transaction.objectStore(condition.store)
        js_store.get(js_key(condition.key)).onsuccess = self._check

    def _on_row(self, event: Any) -> None:
        self._is_checked = True
        self._attempt(lambda: self._decide(py_rows(event.target.result)))

    def _decide(self, row: Row | None) -> None:
        self._holds = self._condition is None or row == self._condition.row
        if self._holds:
            self._issue()
        else:
            self._abort()

    def _issue(self) -> None:
        issue_changes(self._transaction, self._changes)

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            step()
        except BaseException as error:  # noqa: BLE001  raised again by `committed`: a handler has no caller
            self._error = error
            self._abort()  # or a part of the changes would be committed

    def _abort(self) -> None:
        self._is_aborted = True
        with suppress(JsException):  # it has ended already, with its connection
            self._transaction.abort()


def issue_changes(transaction: Any, changes: Sequence[Put | Delete]) -> None:
    """Issue the requests for changes, in their order."""
    js_stores = {name: transaction.objectStore(name) for name in {change.store for change in changes}}
    rows = iter(js_rows([change for change in changes if isinstance(change, Put)]))
    for change in changes:
        js_store = js_stores[change.store]
        if isinstance(change, Delete):
            js_store.delete(js_key(change.key))
        else:
            js_store.put(next(rows))


def js_rows(changes: Sequence[Put]) -> list[Any]:
    """Return the rows of changes as JavaScript objects, with their Blobs.

    All cross the border as one text: a collection may have ten thousand.
    """
    return [
        _with_blobs(js_row, change)
        for js_row, change in zip(js_json([change.row for change in changes]), changes, strict=True)
    ]


def _with_blobs(js_row: Any, change: Put) -> Any:
    for path, blob in change.blobs.items():
        Object.assign(_member(js_row, path[:-1]), js_object(**{path[-1]: js_blob(blob)}))
    return js_row


def _member(js_value: Any, path: Sequence[str]) -> Any:
    for name in path:
        js_value = getattr(js_value, name)
    return js_value


def js_key(key: Key) -> Any:
    """Return a key, or a key path, as IndexedDB takes it."""
    return key if isinstance(key, str) else to_js(list(key))


def py_rows(value: Any) -> Any:
    """Return one row or a list of them as Python data.

    As JSON they come several times as fast as value by value. Blobs have no JSON but ``{}``, as buffers in their place
    (`indexeddb_buffers`): the members with that text are looked at.
    """
    if value is None:
        return None
    text = JSON.stringify(value)
    rows = json.loads(text)
    if "{}" in text:
        for js_row, row in zip(value, rows, strict=True) if isinstance(rows, list) else [(value, rows)]:
            if row is not None:
                _restore_blobs(js_row, row)
    return rows


def _restore_blobs(js_value: Any, value: Any) -> None:
    """Put handles of Blobs into a row that was read as JSON."""
    for name, member in value.items():
        if member == {}:
            js_member = Reflect.get(js_value, name)
            kind = js_class(js_member)
            if kind in BLOB_CLASSES:
                value[name] = JsBlob(js_member)
            elif kind == "ArrayBuffer":
                value[name] = JsBlob(Blob.new(Array.of(js_member)))
        elif isinstance(member, dict):
            _restore_blobs(Reflect.get(js_value, name), member)


async def wait_for_event(target: Any, success: str, failure: str) -> Any:
    """Wait for a request's result, or for a transaction's end: for the first of these events.

    The handlers are the promise's own functions, so that there is no Python proxy to free.

    Raises:
        RequestFailed: With the target's error.
    """
    resolvers = Promise.withResolvers()
    for event_type in (success, failure):
        setattr(target, f"on{event_type}", resolvers.resolve)
    event = await resolvers.promise
    if event.type != success:
        raise RequestFailed(target.error)
    return getattr(target, "result", None)
