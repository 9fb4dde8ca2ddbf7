"""Remote Settings for a page's own collections, as Firefox's ``RemoteSettings(name)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from modelden.core.argument_checks import check_methods
from modelden.core.arguments import show
from modelden.default_context import current_config, current_context, sync_listeners
from modelden.errors import InputError

if TYPE_CHECKING:
    from modelden.core.events import ProgressCallback
    from modelden.ports import Blob
    from modelden.settings.changeset import Record, SyncEvent
    from modelden.settings.listeners import SyncListener


@check_methods
class RemoteSettings:
    """One collection. Its records are plain dicts in the server's form."""

    __module__ = "modelden"

    def __init__(self, collection: str, *, bucket: str | None = None) -> None:
        """Name a collection.

        Args:
            collection: Name of the collection.
            bucket: Its bucket; None for the configured one.

        Raises:
            InputError: For names that no collection can have.
        """
        current_config().cid(collection, bucket)
        self._name = collection
        self._bucket = bucket

    async def get(
        self,
        *,
        filters: Mapping[str, Any] | None = None,
        order: str = "",
        sync_if_empty: bool = True,
        force_sync: bool = False,
        verify_signature: bool = False,
    ) -> list[Record]:
        """Return records, without a request if they are stored.

        Args:
            filters: Expected values by field. A list matches any of its values, a mapping filters the members of the
                field.
            order: A field to sort by, with a leading ``-`` for descending order.
            sync_if_empty: Sync if nothing is stored; without it, the result is empty then.
            force_sync: Sync in any case.
            verify_signature: Verify the stored state once more.

        Raises:
            SignatureError: If the server's state, or the stored one, is not signed as configured.
            UnavailableError: If a sync was needed and the server cannot be reached or understood.
            StorageError: If the browser cannot store the collection.
        """
        if not (filters is None or isinstance(filters, Mapping)):
            raise InputError(f"filters: expected values by field, got {show(filters)}.")
        settings = await (await current_context()).settings()
        return await settings.client.get(
            self._name,
            bucket=self._bucket,
            filters=filters,
            order=order,
            sync_if_empty=sync_if_empty,
            force_sync=force_sync,
            verify_signature=verify_signature,
        )

    async def sync(self) -> SyncEvent:
        """Request the changes from the server and store them.

        Returns:
            The changes, of which listeners are notified too.

        Raises:
            SignatureError: If the server's state is not signed as configured. The stored state stays.
            UnavailableError: If the server cannot be reached or understood. The stored state stays.
            StorageError: If the browser cannot store the collection.
        """
        settings = await (await current_context()).settings()
        return await settings.client.sync(self._name, bucket=self._bucket)

    def on(self, event: str, listener: SyncListener) -> Callable[[], None]:
        """Subscribe to syncs that change something, in this tab or another one.

        Args:
            event: ``sync``, the only event.
            listener: Called with a `SyncEvent`. An exception that it raises is logged and dropped.

        Returns:
            A function that unsubscribes the listener.

        Raises:
            InputError: For another event.
        """
        if event != "sync":
            raise InputError(f"Remote Settings has the event 'sync', not {show(event)}.")
        return sync_listeners().add(current_config().cid(self._name, self._bucket), listener)

    async def download(self, record: Record, on_progress: ProgressCallback | None = None) -> Blob:
        """Return a record's attachment, from the store if it is there.

        Args:
            record: A record of `get`.
            on_progress: Callback for the progress of the download.

        Returns:
            The bytes, outside Python's memory: ``size`` is their number, ``await read()`` copies them.

        Raises:
            InvalidRecord: If the record has no usable attachment.
            IntegrityError: If size or SHA-256 differ from the record's, three times.
            UnavailableError: If it cannot be downloaded.
            StorageError: If the browser cannot store it.
        """
        if not isinstance(record, Mapping):
            raise InputError(f"record: expected a record of get(), got {show(record)}.")
        context = await current_context()
        settings = await context.settings()
        return await settings.attachments.get(context.config.cid(self._name, self._bucket), record, on_progress)


async def poll_settings() -> list[SyncEvent]:
    """Ask Remote Settings now which stored collections changed, and sync those, without waiting for the daily poll.

    Returns:
        The changes of each collection.

    Raises:
        SignatureError: If a collection is not signed as configured. The others are synced all the same.
        UnavailableError: If the server cannot be reached or understood.
    """
    settings = await (await current_context()).settings()
    return await settings.poll()


poll_settings.__module__ = "modelden"
