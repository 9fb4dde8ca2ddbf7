"""What this origin keeps, and how far it may be trusted."""

from __future__ import annotations

from dataclasses import dataclass

from modelden.default_context import current_context


@dataclass(frozen=True, slots=True)
class StorageInfo:
    """The state of what is stored.

    Attributes:
        usage: Bytes that this origin uses, all its databases together; None where the browser does not tell.
        quota: Bytes that it may use; None where the browser does not tell.
        backend: ``indexeddb``, or ``memory`` where something is used that the browser did not store: it refuses
            storage, or has no room (``configure(memory_when_full=True)``). What is in memory is gone with the page.
        refusal: Why the browser did not store it, or None.
        persisted: The browser promised not to evict it; None where it does not tell.
        may_ask: It can be asked for that here, as modelden does when a model is complete. Browsers let pages ask, not
            workers: where Python runs in a worker, the page may call ``navigator.storage.persist()``.
        settings_server: The Remote Settings server.
        settings_verified: Signatures are verified. False only by ``configure(verify_signatures=False)``.
        settings_confirmed_at: When the server last confirmed the collection that was confirmed longest ago,
            milliseconds since the epoch; None when none is stored.
    """

    __module__ = "modelden"

    usage: int | None
    quota: int | None
    backend: str
    refusal: str | None
    persisted: bool | None
    may_ask: bool
    settings_server: str
    settings_verified: bool
    settings_confirmed_at: int | None


async def storage_info() -> StorageInfo:
    """Tell what this origin keeps.

    Raises:
        StorageUnavailable: If the browser gives this page no IndexedDB.
    """
    context = await current_context()
    settings = await context.settings()
    usage, quota, persisted = await context.ports.page.storage_estimate()
    confirmed = await settings.client.confirmations()
    reason = context.storage_fallback.reason
    return StorageInfo(
        usage=usage,
        quota=quota,
        backend="memory" if reason else "indexeddb",
        refusal=str(reason) if reason else None,
        persisted=persisted,
        may_ask=context.ports.page.can_persist(),
        settings_server=context.config.settings_server,
        settings_verified=context.config.verify_signatures,
        settings_confirmed_at=min(confirmed.values(), default=None),
    )


storage_info.__module__ = "modelden"
