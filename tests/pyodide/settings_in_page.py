"""Functions in the page for tests of Remote Settings; `settings_page.SettingsPage` puts them there. Plain JSON."""

from __future__ import annotations

import asyncio
from typing import Any

import modelden

type Json = Any


def configure(config: dict[str, Any]) -> None:
    """A new visit: nothing in memory is known of earlier ones."""
    modelden.configure(**config)


async def get(name: str, bucket: str | None = None, **options: Any) -> Json:
    """`RemoteSettings.get`."""
    return await _outcome(modelden.RemoteSettings(name, bucket=bucket).get(**options))


async def sync(name: str, bucket: str | None = None) -> Json:
    """`RemoteSettings.sync`; the event as lists."""

    async def changed() -> Json:
        event = await modelden.RemoteSettings(name, bucket=bucket).sync()
        return {
            "created": [each["id"] for each in event.created],
            "updated": [new["id"] for _, new in event.updated],
            "deleted": [each["id"] for each in event.deleted],
        }

    return await _outcome(changed())


async def poll() -> Json:
    """`poll_settings`: the names of the collections that changed."""

    async def changed() -> Json:
        return [event.collection for event in await modelden.poll_settings()]

    return await _outcome(changed())


async def download(name: str, record: str) -> Json:
    """`RemoteSettings.download`: the size, and the first bytes."""

    async def fetched() -> Json:
        settings = modelden.RemoteSettings(name)
        wanted = next(each for each in await settings.get() if each["id"] == record)
        blob = await settings.download(wanted)
        return {"size": blob.size, "head": list((await blob.read())[:16])}

    return await _outcome(fetched())


sync_events: list[dict[str, Any]] = []


def listen(name: str) -> None:
    """Collect in `heard` what sync listeners are told."""
    sync_events.clear()
    modelden.RemoteSettings(name).on(
        "sync", lambda event: sync_events.append({"collection": event.collection, "updated": len(event.updated)})
    )


def received_events() -> Json:
    """The events that listeners received."""
    return sync_events


async def start() -> None:
    """Open Remote Settings without asking for anything: it polls and listens from now on."""
    await modelden.storage_info()


async def info() -> Json:
    """`storage_info`."""
    found = await modelden.storage_info()
    return {name: getattr(found, name) for name in found.__dataclass_fields__}


async def _outcome(work: Any) -> Json:
    try:
        return {"result": await work, "error": None}
    except modelden.ModelDenError as error:
        return {"result": None, "error": type(error).__name__, "message": str(error)}


async def get_often(name: str, times: int) -> Json:
    """So many reads side by side: the number of records that each found."""
    settings = modelden.RemoteSettings(name)
    return [len(records) for records in await asyncio.gather(*(settings.get() for _ in range(times)))]
