"""What goes on within one transaction of IndexedDB.

It ends when Python awaits (Pyodide resumes in a new task): requests are issued all at once, or in a request's handler.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from js import JSON, Array, Object, Promise
from pyodide.ffi import create_proxy, to_js

from modelden._js.blobs import JsBlob, js_blob
from modelden._js.ffi import js_json, js_object, py_value
from modelden.ports import Delete, Key, Put, Row, Unchanged


class RequestFailed(Exception):
    """A request or transaction ended with the ``DOMException`` in ``args[0]``."""

    @property
    def name(self) -> str:
        """The error's name, the same in all browsers."""
        return str(getattr(self.args[0], "name", "unknown"))


class UpgradeBlocked(Exception):
    """A database cannot be upgraded as long as others have it open."""


class WriteTransaction:
    """The changes of one transaction, issued at once, or when its condition was found to hold.

    Attributes:
        refused: The condition did not hold; the transaction is aborted.
        error: Why the changes could not be issued; the transaction is aborted, or a part of them would be committed.
    """

    def __init__(self, transaction: Any, changes: Sequence[Put | Delete], condition: Unchanged | None) -> None:
        """Issue the changes, or the question whether to."""
        self.refused = False
        self.error: BaseException | None = None
        self._transaction = transaction
        self._changes = changes
        self._decide = create_proxy(lambda event: self._decided(event, condition.row if condition else None))
        if condition is None:
            self._issue()
        else:
            request = transaction.objectStore(condition.store).get(js_key(condition.key))
            request.onsuccess = self._decide

    def close(self) -> None:
        """Free what waits in JavaScript."""
        self._decide.destroy()

    def _decided(self, event: Any, expected: Row | None) -> None:
        if py_rows(event.target.result) == expected:
            self._issue()
        else:
            self.refused = True
            self._transaction.abort()

    def _issue(self) -> None:
        try:
            _issue(self._transaction, self._changes)
        except BaseException as error:  # noqa: BLE001  raised again by whoever waits for the transaction's end
            self.error = error
            self._transaction.abort()


def _issue(transaction: Any, changes: Sequence[Put | Delete]) -> None:
    js_stores = {name: transaction.objectStore(name) for name in {change.store for change in changes}}
    # All rows cross the border as one text: a collection may have ten thousand.
    js_rows = iter(js_json([change.row for change in changes if isinstance(change, Put)]))
    for change in changes:
        js_store = js_stores[change.store]
        if isinstance(change, Delete):
            js_store.delete(js_key(change.key))
        else:
            js_store.put(_with_blobs(next(js_rows), change))


def _with_blobs(js_row: Any, change: Put) -> Any:
    for path, blob in change.blobs.items():
        target = js_row
        for name in path[:-1]:
            target = getattr(target, name)
        Object.assign(target, js_object(**{path[-1]: js_blob(blob)}))
    return js_row


def js_key(key: Key) -> Any:
    return key if isinstance(key, str) else to_js(list(key))


def py_rows(value: Any) -> Any:
    """Return one row or a list of them as Python data.

    As JSON they come several times as fast as value by value. A Blob has no JSON but ``{}``: where that is found, and
    only there, the values are looked at.
    """
    if value is None:
        return None
    text = JSON.stringify(value)
    if "{}" not in text:
        return json.loads(text)
    if Array.isArray(value):
        return [py_rows(each) for each in value]
    return py_value(value, JsBlob)


async def settled(target: Any, success: str, *failures: str) -> Any:
    """Wait for a request's result, or for a transaction's end, whichever of these events comes first.

    The handlers are the promise's own functions, so that there is no Python proxy to free.

    Raises:
        Blocked: If others have not closed their connections to the database; the request goes on.
        Failed: With the target's error.
    """
    resolvers = Promise.withResolvers()
    for event_type in (success, *failures):
        setattr(target, f"on{event_type}", resolvers.resolve)
    event = await resolvers.promise
    if event.type == "blocked":
        raise UpgradeBlocked
    if event.type != success:
        raise RequestFailed(target.error)
    return getattr(target, "result", None)
