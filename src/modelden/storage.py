"""The storage of this origin: `storage_info` reports it, `persist` asks the browser to keep it, `verify` checks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelden.default_context import current_context

if TYPE_CHECKING:
    from modelden.hub.store.verification import VerifiedFile


@dataclass(frozen=True, slots=True)
class StorageInfo:
    """The storage of this origin.

    Attributes:
        usage: Bytes that this origin uses, with all its databases; None if the browser does not report it.
        quota: Bytes that this origin may use; None if the browser does not report it.
        backend: ``indexeddb``; or ``memory`` if some data are in memory alone, because the browser refuses storage or
            has no space (``configure(memory_when_full=True)``). These data are lost with the page.
        refusal: The reason for ``memory``, or None.
        capabilities: The reason why a capability is missing, or None if it is there, by its name: ``indexeddb``;
            ``blobs`` (stored in IndexedDB); ``web_locks`` (without them, tabs do not wait for each other); ``cache``
            (the Cache API; without it each visit compiles Python); ``broadcast_channel``; ``storage_estimate``;
            ``web_crypto`` (without it signatures cannot be verified); ``workers`` (without them no engine runs). Each
            is tried once in a page, at the first call.
        removed: Models and revisions that were stored and are gone, though modelden did not delete them: the browser
            evicted them, or the visitor cleared the site's data. They are downloaded again when they are needed. Pages
            know this, and workers do not.
        persisted: The browser promised not to evict the data; None if it does not report that.
        may_ask: The browser can be asked for this promise: `modelden.persist`. modelden asks when a model is complete.
            Browsers let pages ask, not workers: if Python runs in a worker, the page may call
            ``navigator.storage.persist()``.
        settings_server: The Remote Settings server.
        settings_verified: Signatures are verified. False only with ``configure(verify_signatures=False)``.
        settings_confirmed_at: Time of the oldest of the server's last confirmations of the stored collections,
            milliseconds since the epoch; None if no collection is stored.
    """

    __module__ = "modelden"

    usage: int | None
    quota: int | None
    backend: str
    refusal: str | None
    capabilities: Mapping[str, str | None]
    removed: tuple[tuple[str, str], ...]
    persisted: bool | None
    may_ask: bool
    settings_server: str
    settings_verified: bool
    settings_confirmed_at: int | None

    def _repr_html_(self) -> str:
        from modelden.display.html import date, facts, flag, size

        used = None if self.usage is None else size(self.usage)
        missing = "; ".join(f"{name}: {reason}" for name, reason in self.capabilities.items() if reason)
        return facts(
            "Storage",
            (
                ("used", used if self.quota is None else f"{used or 'unknown'} of {size(self.quota)}"),
                ("backend", self.backend if self.refusal is None else f"{self.backend}: {self.refusal}"),
                ("persisted", flag(self.persisted)),
                ("missing capabilities", missing or None),
                ("removed by others", ", ".join(" ".join(model) for model in self.removed) or None),
                ("settings", self.settings_server),
                ("settings verified", flag(self.settings_verified)),
                ("settings confirmed", date(self.settings_confirmed_at)),
            ),
        )


async def storage_info() -> StorageInfo:
    """Return the state of this origin's storage.

    Raises:
        StorageUnavailable: If the browser gives this page no IndexedDB.
    """
    context = await current_context()
    settings = await context.settings()
    usage, quota, persisted = await context.ports.page.storage_estimate()
    confirmed = await settings.client.confirmations()
    store = await context.store()
    capabilities = await context.ports.page.capabilities()
    reason = context.storage_fallback.reason
    return StorageInfo(
        usage=usage,
        quota=quota,
        backend="memory" if reason else "indexeddb",
        refusal=str(reason) if reason else None,
        capabilities=capabilities,
        removed=tuple(await store.inventory.removed()),
        persisted=persisted,
        may_ask=context.ports.page.can_persist(),
        settings_server=context.config.settings_server,
        settings_verified=context.config.verify_signatures,
        settings_confirmed_at=min(confirmed.values(), default=None),
    )


async def verify() -> list[VerifiedFile]:
    """Hash all stored files of models and runtimes again, and verify the signatures of all stored settings.

    What is damaged is deleted, and fetched again at its next use.

    Returns:
        The result for each file and each collection.

    Raises:
        StorageUnavailable: If the browser gives this page no IndexedDB.
        NotInBrowser: Outside Pyodide.
    """
    from modelden.hub.store.verification import VerifiedFile

    context = await current_context()
    store, settings = await context.store(), await context.settings()
    results: list[VerifiedFile] = []
    for name, revision in dict.fromkeys((each.name, each.revision) for each in await store.list_models()):
        results += await store.verify(name, revision)
    for location, expected, actual in await settings.attachments.verify():
        results.append(VerifiedFile(location, actual == expected, expected, actual, kind="runtime"))
    for cid, fault in (await settings.client.verify_stored()).items():
        results.append(VerifiedFile(cid, fault is None, "signature", fault or "signature", kind="settings"))
    return results


async def persist() -> bool | None:
    """Ask the browser to keep what is stored, whatever other sites need. Some browsers ask the visitor.

    Returns:
        True if the browser promises it, False if not; None where it cannot be asked: in a worker, in an insecure
        context, or in a browser without it. `StorageInfo.persisted` has the present state.

    Raises:
        NotInBrowser: Outside Pyodide.
    """
    return await (await current_context()).ports.page.persist()


storage_info.__module__ = persist.__module__ = verify.__module__ = "modelden"
