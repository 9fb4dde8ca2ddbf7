"""Connections to IndexedDB databases: opened within a limit, upgraded, and closed when others need the database.

A module of its own because the rules of opening are independent of rows and transactions.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import js
from js import Promise
from pyodide.ffi import JsException, create_once_callable, create_proxy, to_js

from modelden._js.ffi import js_name
from modelden._js.indexeddb_transaction import RequestFailed
from modelden.errors import StorageUnavailable
from modelden.ports import Schema

if TYPE_CHECKING:
    from modelden._js.indexeddb_upgrade import Upgrade

OPEN_TIMEOUT = 10.0
"""Seconds for the opening of a database. Behind a deletion that another script blocks, an opening waits for ever."""

OPEN_ATTEMPTS = 10
"""Times that an opening is begun. Each deletion of the database, and each clearing of site data, can abort one."""

UPGRADE_TIMEOUT = 3.0
"""Seconds that other tabs have to close a database that is to be upgraded."""


async def open_connection(schema: Schema) -> Any:
    """Return an open ``IDBDatabase`` with the stores of a schema.

    Raises:
        StorageUnavailable: If the browser refuses it, or does not open it in time.
    """
    attempt = 1
    while True:
        opening = _Opening(_request_open(schema), schema)
        try:
            return await opening.database()
        except TimeoutError as error:
            raise _too_late(schema, is_blocked=opening.is_blocked) from error
        except RequestFailed as error:
            if attempt == OPEN_ATTEMPTS or not opening.is_aborted(error):
                raise _not_opened(schema, error.name, opening.upgrade) from error
        finally:
            opening.close()
        attempt += 1


def _request_open(schema: Schema) -> Any:
    try:
        factory = getattr(js, "indexedDB", None)
        request = factory.open(schema.name, schema.version) if factory else None
    except JsException as error:
        raise StorageUnavailable(
            f"The browser refuses IndexedDB to this page ({js_name(error)}): a sandboxed frame or blocked site data."
        ) from error
    if request is None:
        raise StorageUnavailable("This page has no IndexedDB, so models cannot be kept.")
    return request


class _Opening:
    """One request to open a database.

    Attributes:
        upgrade: The upgrade of the database; None if it needs none.
        is_blocked: Other connections to an earlier version of the database are open.
    """

    def __init__(self, js_request: Any, schema: Schema) -> None:
        self.upgrade: Upgrade | None = None
        self.is_blocked = False
        self._js_request = js_request
        self._schema = schema
        self._limit: asyncio.Timeout | None = None
        self._ended, self._blocked = Promise.withResolvers(), Promise.withResolvers()
        js_request.onsuccess = js_request.onerror = self._ended.resolve
        js_request.onblocked = self._blocked.resolve
        self._on_success = create_proxy(lambda event: _close_on_version_change(event.target.result))
        js_request.addEventListener("success", self._on_success)
        self._on_upgrade = create_proxy(self._start_upgrade)
        js_request.onupgradeneeded = self._on_upgrade

    async def database(self) -> Any:
        """Return the open database.

        Raises:
            TimeoutError: If it is not open in time.
            RequestFailed: If the browser does not open it.
        """
        async with asyncio.timeout(OPEN_TIMEOUT) as self._limit:
            event = await Promise.race(to_js([self._ended.promise, self._blocked.promise]))
            if event.type == "blocked":
                # Tabs of modelden close their connections when their transactions are over; others may never do.
                self.is_blocked = True
                if self.upgrade is None:
                    self._limit.reschedule(asyncio.get_running_loop().time() + UPGRADE_TIMEOUT)
                event = await self._ended.promise
        if event.type == "error":
            raise RequestFailed(self._js_request.error)
        return self._js_request.result

    def is_aborted(self, error: RequestFailed) -> bool:
        """Return True if the browser closed the connection before it was open, as Indexed Database API 3.0, 5.1 has it.

        An upgrade that failed by itself is aborted too: begun anew, it fails again.
        """
        return error.name == "AbortError" and (self.upgrade is None or self.upgrade.error is None)

    def close(self) -> None:
        """Free the handlers. A request that was given up is undone when it ends."""
        self._js_request.removeEventListener("success", self._on_success)
        if self._js_request.readyState == "pending":  # timed out, or cancelled
            abandon(self._js_request)
        else:
            self._js_request.onupgradeneeded = None
        if self.upgrade is not None:
            self.upgrade.close()
        self._on_upgrade.destroy()
        self._on_success.destroy()

    def _start_upgrade(self, event: Any) -> None:
        from modelden._js.indexeddb_upgrade import Upgrade  # once for each version

        if self._limit is not None:  # the others are closed, and moving all rows takes its time
            self._limit.reschedule(None)
        self.upgrade = Upgrade(event, self._schema)


def _close_on_version_change(js_database: Any) -> None:
    """Let others delete and upgrade the database while this page has it open.

    Set in the event of success itself: Chromium tells a connection once that another one waits. A handler that is set
    in a later task can miss that, and then every later opening in all tabs waits for ever. Bound in JavaScript, so that
    no proxy is left to free.
    """
    js_database.onversionchange = js_database.close.bind(js_database)


def _too_late(schema: Schema, *, is_blocked: bool) -> StorageUnavailable:
    if is_blocked:
        return StorageUnavailable(
            f"Another tab keeps an earlier version of the database {schema.name} open: close this site's other tabs, "
            "then reload this one. Its data stay stored."
        )
    return StorageUnavailable(
        f"The browser did not open the database {schema.name} within {OPEN_TIMEOUT:g} s: another script or tab keeps "
        "it from being deleted or upgraded. Close this site's other tabs, then reload this one."
    )


def _not_opened(schema: Schema, name: str, upgrade: Upgrade | None) -> StorageUnavailable:
    if name == "VersionError":
        return StorageUnavailable(
            f"The database {schema.name} was made by a later version of modelden. Its data stay stored: reload this "
            "page to get that version, or update modelden on it."
        )
    if upgrade is not None:
        return StorageUnavailable(
            f"The database {schema.name} could not be brought to version {schema.version} ({upgrade.error or name}). "
            "Its data stay stored as they were: free disk space, and reload this page."
        )
    return StorageUnavailable(
        f"The browser did not open the database {schema.name} ({name}): a private window, blocked site data or a full "
        "disk."
    )


def abandon(request: Any) -> None:
    """Undo a request's effects when it ends.

    An upgrade without its stores would stay for ever. An open connection would block other tabs' upgrades.
    """
    request.onupgradeneeded = create_once_callable(lambda event: event.target.transaction.abort())
    request.onsuccess = create_once_callable(lambda event: event.target.result.close())
