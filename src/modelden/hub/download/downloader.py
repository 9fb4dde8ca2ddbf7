"""Files that are not kept: linked to equal bytes that are, else downloaded, from the hub or from a mirror."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING

from modelden.core.progress import Reporter
from modelden.errors import FileNotFoundOnHub, HttpError, IntegrityError, ModelDenError, UnavailableError
from modelden.hub.catalog.integrity import ExpectedFile
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.hub.download.freshness import Freshness, not_found
from modelden.hub.download.request import FileRequest
from modelden.hub.download.transfer import FileTransfer, TransferSource
from modelden.hub.policy import HubPolicy
from modelden.hub.store.records import CachedFile, Provenance
from modelden.hub.store.store import Store
from modelden.ports import Fetcher

if TYPE_CHECKING:
    from modelden.hub.catalog.file_info import ManifestReader

logger = logging.getLogger(__name__)


class ExpectedDigest:
    """Keeps it during one download.

    Attributes:
        expected: What is known so far.
    """

    def __init__(self, expected: ExpectedFile, fetcher: Fetcher, address: HubAddress, file: ModelFile) -> None:
        """Begin with what a manifest or the hub told before."""
        self.expected = expected
        self._fetcher = fetcher
        self._address = address
        self._file = file

    def update(self, headers: Mapping[str, str]) -> None:
        """Hear the headers of an answer of the hub, whatever becomes of its body."""
        self.expected = self.expected.with_headers(headers)

    async def find_hash(self, error: ModelDenError) -> bool:
        """Tell whether the hash is known; where the hub has the file, and does not give it, its list is asked."""
        if self.expected.sha256 is None and not isinstance(error, FileNotFoundOnHub):
            from modelden.hub.catalog.repository import listed_digest  # imported only for mirrors

            self.expected = await listed_digest(self._fetcher, self._address, self._file)
        return self.expected.sha256 is not None


FILES_AT_ONCE = 4
"""Downloads that run side by side."""


class Downloader:
    """Fetches the files of one hub."""

    def __init__(
        self,
        address: HubAddress,
        policy: HubPolicy,
        manifests: ManifestReader | None,
        store: Store,
        freshness: Freshness,
        fetcher: Fetcher,
        transfer: FileTransfer,
    ) -> None:
        self._address = address
        self._policy = policy
        self._manifests = manifests
        self._cache = store.cache
        self._writer = store.writer
        self._may_use_memory = store.policy.memory_when_full
        self._freshness = freshness
        self._fetcher = fetcher
        self._transfer = transfer
        self._slots = asyncio.Semaphore(FILES_AT_ONCE)

    async def fetch(self, request: FileRequest, head: Mapping[str, str], reporter: Reporter) -> CachedFile:
        """Return a file that is not kept as the hub has it.

        Args:
            request: Which file, by what rules.
            head: What the hub told of it; nothing if it was not asked.
            reporter: Told how far it is.

        Raises:
            ModelDenError: As `HubFiles.get`.
        """
        expected = await self._manifests.expected(request.file) if self._manifests else ExpectedFile()
        linked = None if request.is_replacement else await self._linked(request, expected, head)
        if linked is not None:
            return linked
        if request.before_download is not None:
            await request.before_download()
        async with self._slots:
            try:
                return await self._download(request, expected, head, reporter)
            finally:
                self._writer.release(request.key)

    async def _linked(self, request: FileRequest, expected: ExpectedFile, head: Mapping[str, str]) -> CachedFile | None:
        """Return the file if its bytes are kept already, so that nothing need be downloaded."""
        if expected.sha256 is not None:
            twin = await self._cache.with_hash(expected.sha256)
            origin = Provenance(head or {"etag": f'"{expected.sha256}"'}, expected.integrity, self._address.root_url)
            return await self._writer.link(request.key, request.consumer, twin, origin) if twin else None
        twins = {
            key: file
            for key, file in (await self._cache.other_revisions(request.key)).items()
            if (file.etag or "").startswith('"')
        }
        if not twins:
            return None
        head = head or await self._freshness.head(request.url) or {}
        for key, file in twins.items():
            if file.etag == head.get("etag"):
                origin = Provenance(head, file.integrity, self._address.root_url)
                return await self._writer.link(request.key, request.consumer, key, origin)
        return None

    async def _download(
        self, request: FileRequest, expected: ExpectedFile, head: Mapping[str, str], reporter: Reporter
    ) -> CachedFile:
        told = ExpectedDigest(expected.with_headers(head), self._fetcher, self._address, request.file)
        addresses = [self._address, *self._policy.mirrors]
        for address, following in zip_longest(addresses, addresses[1:]):
            is_mirror = address is not self._address
            try:
                return await self._download_from(
                    address, request, told.expected if is_mirror else expected, reporter, None if is_mirror else told
                )
            except (UnavailableError, IntegrityError) as error:
                if following is None or not await told.find_hash(error):
                    raise
                logger.warning("%s %s is asked instead.", error, following.root_url)
                request.allow_list.check(following.url(request.file))
                reporter.restart()
        raise AssertionError  # the last address returns or raises

    async def _download_from(
        self,
        address: HubAddress,
        request: FileRequest,
        expected: ExpectedFile,
        reporter: Reporter,
        told: ExpectedDigest | None,
    ) -> CachedFile:
        async def may_store(size: int) -> bool:
            return await self._writer.reserve(request.key, size)

        source = TransferSource(
            url=address.url(request.file),
            file=request.file.file,
            expected=expected,
            check_redirect=request.allow_list.check_redirect,
            may_store=may_store,
            expect=request.check_size,
            require_hash=self._policy.require_hashes,
            learn=told.update if told else lambda _headers: None,
        )
        try:
            got = await self._transfer.run(request.key, source, reporter, required=not self._may_use_memory)
        except HttpError as error:
            if error.status not in (404, 410):
                raise
            raise not_found(source.url, error.status, request.file) from error
        origin = Provenance(got.headers, got.integrity, address.root_url)
        if request.branch and request.is_replacement:
            return request.branch.stage(await self._writer.stage(request.key, request.consumer, got.body, origin))
        return await self._writer.write(request.key, request.consumer, got.body, origin)
