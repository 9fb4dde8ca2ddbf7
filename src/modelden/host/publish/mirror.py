"""Resumable download of a model from a hub into a folder, checked against the signed manifest."""

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
from modelden.host.publish.file_names import name_fault
from modelden.host.publish.http_fetcher import HttpFetcher
from modelden.host.publish.record_check import MANIFESTS
from modelden.host.publish.release import sha256_of
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.settings.backoff import Backoff
from modelden.settings.changeset import merge
from modelden.settings.records import is_sha256, whole_number
from modelden.settings.schema import REMOTE_SETTINGS
from modelden.settings.server import SettingsServer
from modelden.settings.signatures import SignatureVerifier

MAX_CONCURRENT = 4
"""Number of concurrent downloads."""

_PART = ".part"
_CONTENT_RANGE = re.compile(r"bytes (\d+)-")


def mirror_revision(config: Configuration, model: str, revision: str, folder: Path) -> Path:
    """Download the files of a revision's signed manifest, except those that ``folder`` has already.

    Args:
        config: Settings server, root hash and hub of the source.
        model: ``organization/name``.
        revision: Its version.
        folder: Target folder. Partial files of an interrupted run are resumed.

    Raises:
        HostError: The server has no such revision.
        UntrustedError: The manifest is not signed as configured, or a file differs from its entry.
        UnavailableError: The server cannot be reached. A second run resumes.
        MachineError: There is no room, or no right to write.
    """
    return asyncio.run(_mirror(config, model, revision, folder))


async def _mirror(config: Configuration, model: str, revision: str, folder: Path) -> Path:
    address = HubAddress(config.hub_root_url, config.hub_url_template)
    async with HttpFetcher() as fetcher:
        files = await _manifest(config, fetcher, model, revision)
        slots = asyncio.Semaphore(MAX_CONCURRENT)
        tasks = [
            _fetch(fetcher, slots, address.url(ModelFile(model, revision, entry["path"])), entry, folder)
            for entry in files
        ]
        with machine_errors(f"Cannot write {folder}"):
            # A failed file does not stop the others, so the next run does not download them again.
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
            if not isinstance(files, list) or not all(_is_entry(entry) for entry in files):
                raise InvalidRecord(
                    f"The manifest of {model} {revision} should list path, size and sha256 of its files."
                )
            if faults := list(filter(None, (name_fault(entry["path"]) for entry in files))):
                raise InvalidRecord(
                    f"The manifest of {model} {revision} names a file that no folder can have. {faults[0]}"
                )
            return files
    available = sorted(
        f"{each['modelId']} {each['revision']}" for each in collection.records.values() if "modelId" in each
    )
    raise HostError(
        f"{config.settings_server} has no manifest of {model} {revision}; it has {', '.join(available) or 'none'}."
    )


def _is_entry(entry: Any) -> bool:
    match entry:
        case {"path": str(), "size": int(size), "sha256": str(sha256)}:
            return is_sha256(sha256) and whole_number(size) is not None
        case _:
            return False


async def _fetch(fetcher: HttpFetcher, slots: asyncio.Semaphore, url: str, entry: dict[str, Any], folder: Path) -> None:
    target = folder / entry["path"]
    if _is_complete(target, entry):
        return
    part = target.with_name(target.name + _PART)
    part.parent.mkdir(parents=True, exist_ok=True)
    async with slots:
        await _download(fetcher, url, part, entry["size"])
        if sha256_of(part) != entry["sha256"]:
            # The bytes of an earlier run may be wrong: download the file from its beginning.
            part.unlink()
            await _download(fetcher, url, part, entry["size"])
        actual = sha256_of(part)
        if actual != entry["sha256"]:
            part.unlink()
            raise IntegrityError(url, f"SHA-256 {entry['sha256']}", actual)
    part.replace(target)


async def _download(fetcher: HttpFetcher, url: str, part: Path, size: int) -> None:
    """Resume a partial file; start it from its beginning if the server ignores Range."""
    offset = _size_of(part)
    if offset == size > 0:
        return
    if offset > size:
        offset = 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
    async with fetcher.fetch(url, timeout=30, headers=headers) as response:
        if response.status not in (200, 206):
            raise HttpError(url, response.status)
        start = _CONTENT_RANGE.match(response.headers.get("content-range", ""))
        resumes = response.status == 206 and start is not None and int(start[1]) == offset
        with _open_part(part, resumes=resumes) as file:
            written = offset if resumes else 0
            async for chunk in response.chunks():
                written += chunk.size
                if written > size:
                    raise IntegrityError(url, f"{size} bytes", f"more than {size} bytes")
                for buffer in chunk.buffers():
                    file.write(buffer)


def _is_complete(target: Path, entry: dict[str, Any]) -> bool:
    return target.is_file() and target.stat().st_size == entry["size"] and sha256_of(target) == entry["sha256"]


def _size_of(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _open_part(part: Path, *, resumes: bool) -> BinaryIO:
    return part.open("ab" if resumes else "wb")
