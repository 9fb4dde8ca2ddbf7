"""Fetch a model from a hub into a folder, from which it is published: resumable, and every byte is checked."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any, BinaryIO

from modelden.config import Configuration
from modelden.core.memory_database import MemoryDatabase
from modelden.errors import HttpError, IntegrityError, InvalidRecord
from modelden.host.errors import HostError, machine_errors
from modelden.host.keys.crypto import HostCrypto
from modelden.host.publish.clock import SystemClock
from modelden.host.publish.http_fetcher import HttpFetcher
from modelden.host.publish.release import MANIFESTS, sha256_of
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.settings.backoff import Backoff
from modelden.settings.changeset import merge
from modelden.settings.records import is_sha256
from modelden.settings.schema import REMOTE_SETTINGS
from modelden.settings.server import SettingsServer
from modelden.settings.signatures import SignatureVerifier

AT_ONCE = 4
"""Files that are fetched at the same time."""

_PART = ".part"
_START = re.compile(r"bytes (\d+)-")


def mirror_revision(config: Configuration, model: str, revision: str, folder: Path) -> Path:
    """Fetch a revision as its signed manifest lists it; what ``folder`` has already is not fetched again.

    Args:
        config: Settings, root and hub of where it is.
        model: ``organization/name``.
        revision: Its version.
        folder: Where to put it; what a broken run left there is gone on with.

    Raises:
        HostError: The server has no such revision.
        UntrustedError: The manifest is not signed as configured, or a file is not what it says.
        UnavailableError: The server cannot be reached. Run it again, and it goes on.
        MachineError: There is no room, or no right to write.
    """
    return asyncio.run(_mirror(config, model, revision, folder))


async def _mirror(config: Configuration, model: str, revision: str, folder: Path) -> Path:
    address = HubAddress(config.hub_root_url, config.hub_url_template)
    async with HttpFetcher() as fetcher:
        files = await _manifest(config, fetcher, model, revision)
        slots = asyncio.Semaphore(AT_ONCE)
        tasks = [
            _fetch(fetcher, slots, address.url(ModelFile(model, revision, each["path"])), each, folder)
            for each in files
        ]
        with machine_errors(f"Cannot write {folder}"):
            # one that fails stops none: the others need not be fetched next time
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
    return folder


async def _manifest(config: Configuration, fetcher: HttpFetcher, model: str, revision: str) -> list[dict[str, Any]]:
    clock = SystemClock()
    backoff = Backoff(config.settings_server, MemoryDatabase(REMOTE_SETTINGS), clock)
    server = SettingsServer(config.settings_server, fetcher, backoff)
    changeset, url = await server.changeset(config.settings_bucket, MANIFESTS, expected=0)
    collection = merge(None, changeset)
    await SignatureVerifier(config, fetcher, HostCrypto(), clock).verify(config.cid(MANIFESTS), collection, url)
    for record in collection.records.values():
        if (record.get("modelId"), record.get("revision")) == (model, revision):
            files = record.get("files")
            if not isinstance(files, list) or not all(_is_entry(each) for each in files):
                raise InvalidRecord(
                    f"The manifest of {model} {revision} should list path, size and sha256 of its files."
                )
            return files
    known = sorted(f"{each.get('modelId')} {each.get('revision')}" for each in collection.records.values())
    raise HostError(
        f"{config.settings_server} has no manifest of {model} {revision}; it has {', '.join(known) or 'none'}."
    )


def _is_entry(entry: Any) -> bool:
    match entry:
        case {"path": str(), "size": int(), "sha256": str(sha256)}:
            return is_sha256(sha256)
        case _:
            return False


async def _fetch(fetcher: HttpFetcher, slots: asyncio.Semaphore, url: str, entry: dict[str, Any], folder: Path) -> None:
    target = folder / entry["path"]
    if _is_whole(target, entry):
        return
    part = target.with_name(target.name + _PART)
    part.parent.mkdir(parents=True, exist_ok=True)
    async with slots:
        await _download(fetcher, url, part, entry["size"])
        if sha256_of(part) != entry["sha256"]:
            # what was there before may be what is wrong: once more from its beginning
            part.unlink()
            await _download(fetcher, url, part, entry["size"])
        found = sha256_of(part)
        if found != entry["sha256"]:
            part.unlink()
            raise IntegrityError(url, f"SHA-256 {entry['sha256']}", found)
    part.replace(target)


async def _download(fetcher: HttpFetcher, url: str, part: Path, size: int) -> None:
    """Go on with a file where it is; from its beginning if the server does not send parts."""
    have = _size(part)
    if have == size > 0:
        return
    if have > size:
        have = 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    async with fetcher.fetch(url, timeout=30, headers=headers) as response:
        if response.status not in (200, 206):
            raise HttpError(url, response.status)
        start = _START.match(response.headers.get("content-range", ""))
        goes_on = response.status == 206 and start is not None and int(start[1]) == have
        with _opened(part, goes_on=goes_on) as file:
            written = have if goes_on else 0
            async for chunk in response.chunks():
                written += chunk.size
                if written > size:
                    raise IntegrityError(url, f"{size} bytes", f"more than {size} bytes")
                for piece in chunk.buffers():
                    file.write(piece)


def _is_whole(target: Path, entry: dict[str, Any]) -> bool:
    return target.is_file() and target.stat().st_size == entry["size"] and sha256_of(target) == entry["sha256"]


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _opened(part: Path, *, goes_on: bool) -> BinaryIO:
    return part.open("ab" if goes_on else "wb")
