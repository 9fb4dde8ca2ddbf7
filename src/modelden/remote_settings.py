"""Remote Settings for a page's own collections, as Firefox's ``RemoteSettings(name)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from modelden.default_context import current_config, current_context, sync_listeners
from modelden.errors import InputError

if TYPE_CHECKING:
    from modelden.core.progress import ProgressCallback
    from modelden.ports import Blob
    from modelden.settings.changeset import Record, SyncEvent
    from modelden.settings.listeners import SyncListener


class RemoteSettings:
    """One collection. Its records are plain dicts, as the server has them."""

    __module__ = "modelden"

    def __init__(self, collection: str, *, bucket: str | None = None) -> None:
        """Ask nothing yet.

        Args:
            collection: Its name.
            bucket: Its bucket, if it is not the configured one.
        """
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
        """Return records; without a request when they are stored.

        Args:
            filters: Wanted values by field; of a list one has to be there, a mapping filters the field's own fields.
            order: A field to sort by, with a leading ``-`` from large to small.
            sync_if_empty: Ask the server when nothing is stored; otherwise there are no records then.
            force_sync: Ask the server in any case.
            verify_signature: Verify what is stored once more.

        Raises:
            SignatureError: If what the server says, or what is stored, is not signed as configured.
            UnavailableError: If the server had to be asked and cannot be reached or understood.
            StorageError: If the browser cannot store the collection.
        """
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
        """Ask the server what changed, and store it.

        Returns:
            What changed; listeners are told the same.

        Raises:
            SignatureError: If what the server says is not signed as configured; what was stored stays.
            UnavailableError: If the server cannot be reached or understood; what was stored stays.
            StorageError: If the browser cannot store the collection.
        """
        settings = await (await current_context()).settings()
        return await settings.client.sync(self._name, bucket=self._bucket)

    def on(self, event: str, listener: SyncListener) -> Callable[[], None]:
        """Call ``listener`` with a `SyncEvent` after each sync that changed something, in this tab or another one.

        Args:
            event: ``sync``, the one event there is.
            listener: What it raises is logged and goes no further.

        Returns:
            A function that ends it.

        Raises:
            InputError: For another event.
        """
        if event != "sync":
            raise InputError(f"Remote Settings has the event 'sync', not {event!r}.")
        return sync_listeners().add(current_config().cid(self._name, self._bucket), listener)

    async def download(self, record: Record, on_progress: ProgressCallback | None = None) -> Blob:
        """Return a record's attachment, from the store when it is there.

        Args:
            record: One of `get`.
            on_progress: Told of the download.

        Returns:
            The bytes, outside Python's memory: ``size``, and ``await read()`` to copy them.

        Raises:
            InvalidRecord: If the record announces no usable attachment.
            IntegrityError: If size or SHA-256 differ from the record's, three times.
            UnavailableError: If it cannot be fetched.
            StorageError: If the browser cannot store it.
        """
        context = await current_context()
        settings = await context.settings()
        return await settings.attachments.get(context.config.cid(self._name, self._bucket), record, on_progress)


async def poll_settings() -> list[SyncEvent]:
    """Ask Remote Settings once which of the stored collections changed, and sync those, without waiting for the day.

    Returns:
        What changed in each.

    Raises:
        SignatureError: If a collection is not signed as configured; the others are synced all the same.
        UnavailableError: If the server cannot be reached or understood.
    """
    settings = await (await current_context()).settings()
    return await settings.poller.poll()


poll_settings.__module__ = "modelden"
