"""Gets files that are not stored: by linking equal stored bytes, else by download from the hub or a mirror."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from modelden.errors import FileNotFoundOnHub, IntegrityError, ModelDenError, UnavailableError
from modelden.hub.catalog.integrity import ExpectedFile
from modelden.hub.download.freshness import fetch_headers
from modelden.hub.download.transfer import FileTransfer
from modelden.hub.store.records import CachedFile, Provenance

if TYPE_CHECKING:
    from modelden.core.events import Reporter
    from modelden.hub.catalog.file_info import ManifestReader
    from modelden.hub.catalog.names import HubAddress
    from modelden.hub.download.branch_update import BranchUpdate
    from modelden.hub.download.request import FileRequest
    from modelden.hub.policy import HubPolicy
    from modelden.hub.store.contents import ReceivedBody
    from modelden.hub.store.records import FileKey
    from modelden.hub.store.store import Store
    from modelden.ports import Fetcher, Ports

logger = logging.getLogger(__name__)

MAX_TRANSFERS = 4
"""Maximum number of concurrent transfers."""


class Downloader:
    """Gets the files of one hub."""

    def __init__(
        self,
        address: HubAddress,
        policy: HubPolicy,
        manifests: ManifestReader | None,
        store: Store,
        fetcher: Fetcher,
        ports: Ports,
    ) -> None:
        self._address = address
        self._policy = policy
        self._manifests = manifests
        self._store = store
        self._fetcher = fetcher
        self._ports = ports
        self._slots = asyncio.Semaphore(MAX_TRANSFERS)

    async def fetch(self, request: FileRequest, headers: Mapping[str, str], reporter: Reporter) -> CachedFile:
        """Return a file that is not stored, or not in its current state.

        Args:
            request: The request for the file.
            headers: The hub's response to HEAD; empty if there is none.
            reporter: Reports the progress.

        Raises:
            ModelDenError: As `HubFiles.get`.
        """
        expected = await self._manifests.expected(request.file) if self._manifests else ExpectedFile()
        if _staging_branch(request) is None:
            linked = await self._link_equal(request, expected, headers)
            if linked is not None:
                return linked
        if request.before_download is not None:
            await request.before_download()
        async with self._slots:
            try:
                return await self._download(request, expected, headers, reporter)
            finally:
                self._store.writer.release(request.key)

    async def _link_equal(
        self, request: FileRequest, expected: ExpectedFile, headers: Mapping[str, str]
    ) -> CachedFile | None:
        """Return the file if its bytes are stored for another file."""
        if expected.sha256 is not None:
            source = await self._store.cache.with_hash(expected.sha256)
            headers = headers or {"etag": f'"{expected.sha256}"'}
            return await self._link(request, source, headers, expected.integrity) if source else None
        tagged = {
            key: file
            for key, file in (await self._store.cache.other_revisions(request.key)).items()
            if (file.etag or "").startswith('"')  # weak tags allow other bytes
        }
        if not tagged:
            return None
        headers = headers or await fetch_headers(self._fetcher, request.url) or {}
        for key, file in tagged.items():
            if file.etag == headers.get("etag"):
                return await self._link(request, key, headers, file.integrity)
        return None

    async def _link(
        self, request: FileRequest, source: FileKey, headers: Mapping[str, str], integrity: str
    ) -> CachedFile | None:
        provenance = Provenance(headers, integrity, self._address.root_url)
        return await self._store.writer.link(request.key, request.consumer, source, provenance)

    async def _download(
        self, request: FileRequest, expected: ExpectedFile, headers: Mapping[str, str], reporter: Reporter
    ) -> CachedFile:
        """Download the file from the hub, else from the first mirror that has it."""
        address, mirrors = self._address, iter(self._policy.mirrors)
        while True:
            transfer = FileTransfer(
                request,
                address,
                expected,
                reporter,
                self._fetcher,
                self._store,
                self._ports,
                require_hash=self._policy.require_hashes,
            )
            try:
                # A task of its own: each chunk resumes the transfer, and not all who wait for it.
                return await self._save(request, *await asyncio.create_task(transfer.run()))
            except (UnavailableError, IntegrityError) as error:
                mirror = next(mirrors, None)
                if mirror is None:
                    raise
                expected = await self._find_hash(request, transfer.expected.with_headers(headers), error)
                if expected.sha256 is None:  # a mirror is not trusted
                    raise
                logger.warning("%s Trying the mirror %s.", error, mirror.root_url)
            address = mirror
            request.allow_list.check(address.url(request.file))
            reporter.restart()

    async def _save(self, request: FileRequest, body: ReceivedBody, provenance: Provenance) -> CachedFile:
        writer = self._store.writer
        if (branch := _staging_branch(request)) is None:
            return await writer.write(request.key, request.consumer, body, provenance)
        return branch.stage(await writer.stage(request.key, request.consumer, body, provenance))

    async def _find_hash(self, request: FileRequest, expected: ExpectedFile, error: ModelDenError) -> ExpectedFile:
        """Return the expected file with its hash, by the hub's list if no response had it."""
        if expected.sha256 is not None or isinstance(error, FileNotFoundOnHub):
            return expected
        from modelden.hub.catalog.repository import listed_digest  # needed only with mirrors

        return await listed_digest(self._fetcher, self._address, request.file)


def _staging_branch(request: FileRequest) -> BranchUpdate | None:
    """Return the branch update that stores the file at its end; None if the file is stored at once."""
    branch = request.branch
    return branch if branch is not None and request.key in branch.changed else None
