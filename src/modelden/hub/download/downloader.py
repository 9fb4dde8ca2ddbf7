"""Gets files that are not stored: by linking equal stored bytes, else by download from the hub or a mirror."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from modelden.errors import FileNotFoundOnHub, IntegrityError, ModelDenError, UnavailableError
from modelden.hub.catalog.integrity import HUB, SIGNED, ExpectedFile, hash_from_headers, headers_of_content
from modelden.hub.catalog.names import is_branch
from modelden.hub.download.freshness import fetch_headers
from modelden.hub.download.transfer import FileTransfer
from modelden.hub.store.records import UNKNOWN_ROOT, CachedFile, Provenance

if TYPE_CHECKING:
    from modelden.core.events import Reporter
    from modelden.hub.catalog.file_index import FileIndex
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
        open_index: Callable[[], FileIndex],
        store: Store,
        fetcher: Fetcher,
        ports: Ports,
        *,
        announces_files: bool,
    ) -> None:
        """Create a downloader.

        Args:
            address: The hub.
            policy: Its mirrors, and whether hashes are required.
            open_index: Opens the index of the hub's files.
            store: Stored files.
            fetcher: Sends the requests.
            ports: The browser.
            announces_files: The index may know a file before it is requested.
        """
        self._address = address
        self._policy = policy
        self._open_index = open_index
        self._announces_files = announces_files
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
        expected, is_staged = ExpectedFile(), _staging_branch(request) is not None
        if self._announces_files:
            expected = await self._open_index().expected(request.file, request.lists, renew=is_staged)
        if not is_staged and not request.no_cache:
            linked, expected = await self._link_equal(request, expected, headers)
            if linked is None:
                linked = await self._claim(request, expected, headers)
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
    ) -> tuple[CachedFile | None, ExpectedFile]:
        """Return the file if its bytes are stored for another file; and what it is expected to be by now.

        Bytes are found by a hash that was promised for this name, never by a tag: the tag of another URL is opaque
        (RFC 9110, section 8.8.3). Many servers make tags of size and date, which are those of other bytes too.
        """
        if expected.sha256 is None and not headers and await self._has_hashes(request):
            headers = await fetch_headers(self._fetcher, request.url) or {}
        if headers:
            expected = expected.with_headers(headers)
        source = await self._source(expected)
        if source is None:
            return None, expected
        hub_headers = headers_of_content(headers, expected.sha256 or "")
        is_listed = expected.integrity == HUB and hash_from_headers(headers) is None
        if is_listed and is_branch(request.file.revision):
            # The list may be older than the headers, whose tag is stored with the bytes.
            newest = await self._open_index().listed(request.file, renew=True)
            if newest.sha256 == expected.sha256:
                hub_headers = dict(headers)
            elif expected.commit is None or request.lists is None:
                expected, hub_headers, source = newest, dict(headers), await self._source(newest)
        if source is None:
            return None, expected
        provenance = Provenance(hub_headers, expected.integrity, self._address.root_url)
        return await self._store.writer.link(request.key, request.consumer, source, provenance), expected

    async def _claim(
        self, request: FileRequest, expected: ExpectedFile, headers: Mapping[str, str]
    ) -> CachedFile | None:
        """Return a stored file of which only the host of its hub is known, if it belongs to this hub."""
        if expected.sha256 is not None or self._policy.require_hashes:
            return None
        stored = await self._store.cache.get(request.key._replace(root=UNKNOWN_ROOT), None)
        if stored is None:
            return None
        from modelden.hub.download.claim import claim  # once for each file

        headers = headers or await fetch_headers(self._fetcher, request.url) or {}
        return await claim(self._store, request, stored, headers)

    async def _source(self, expected: ExpectedFile) -> FileKey | None:
        return await self._store.cache.with_hash(expected.sha256) if expected.sha256 else None

    async def _has_hashes(self, request: FileRequest) -> bool:
        """Return True if the hub promised the hash of another revision of the file."""
        others = await self._store.cache.other_revisions(request.key)
        return any(file.integrity == HUB for file in others.values())

    async def _download(
        self, request: FileRequest, expected: ExpectedFile, headers: Mapping[str, str], reporter: Reporter
    ) -> CachedFile:
        """Download the file from the hub, else from the first mirror that has it."""
        transfer = self._transfer(self._address, request, expected, reporter)
        try:
            return await self._save(request, *await _run(transfer))
        except IntegrityError as error:
            newer = await self._newer_list(request, expected)
            if newer is None:
                return await self._mirrored(request, transfer, headers, reporter, error)
            logger.info("The list of the hub was older than the file. %s", error)
        except UnavailableError as error:
            return await self._mirrored(request, transfer, headers, reporter, error)
        reporter.restart()
        transfer = self._transfer(self._address, request, newer, reporter)
        try:
            return await self._save(request, *await _run(transfer))
        except (UnavailableError, IntegrityError) as error:
            return await self._mirrored(request, transfer, headers, reporter, error)

    async def _mirrored(
        self,
        request: FileRequest,
        failed: FileTransfer,
        headers: Mapping[str, str],
        reporter: Reporter,
        error: UnavailableError | IntegrityError,
    ) -> CachedFile:
        """Download the file from the first mirror that has it; raises the last error if none has.

        A mirror is not trusted: it brings bytes, if their SHA-256 is known, and the facts stored with them are the
        hub's.

        Args:
            request: The request for the file.
            failed: The transfer from the hub.
            headers: The hub's response to HEAD; empty if there is none.
            reporter: Reports the progress.
            error: The error of that transfer.
        """
        if not self._policy.mirrors:
            raise error
        expected = await self._find_hash(request, failed.expected.with_headers(headers), error)
        for mirror in self._policy.mirrors if expected.sha256 is not None else ():
            logger.warning("%s Trying the mirror %s.", error, mirror.root_url)
            request.allow_list.check(mirror.url(request.file))
            reporter.restart()
            try:
                body, provenance = await _run(self._transfer(mirror, request, expected, reporter))
            except (UnavailableError, IntegrityError) as next_error:
                error = next_error
                continue
            hub_headers = headers_of_content(failed.headers or headers, body.sha256)
            hub_headers["content-length"] = str(body.size)
            return await self._save(request, body, provenance._replace(headers=hub_headers))
        raise error

    def _transfer(
        self, address: HubAddress, request: FileRequest, expected: ExpectedFile, reporter: Reporter
    ) -> FileTransfer:
        return FileTransfer(
            request,
            address,
            expected if address is self._address else expected._replace(commit=None),
            reporter,
            self._fetcher,
            self._store,
            self._ports,
            lambda file: self._open_index().published(file),
            require_hash=self._policy.require_hashes,
        )

    async def _newer_list(self, request: FileRequest, expected: ExpectedFile) -> ExpectedFile | None:
        """Return what a new list of the hub says of a file, if the one in use said something else.

        The files of a commit never change.
        """
        if not self._address.lists_files or expected.integrity == SIGNED or expected.commit is not None:
            return None
        newer = await self._open_index().listed(request.file, renew=True)
        return None if newer in (expected, ExpectedFile()) else newer

    async def _save(self, request: FileRequest, body: ReceivedBody, provenance: Provenance) -> CachedFile:
        writer = self._store.writer
        if (branch := _staging_branch(request)) is None:
            return await writer.write(request.key, request.consumer, body, provenance)
        return branch.stage(await writer.stage(request.key, request.consumer, body, provenance))

    async def _find_hash(self, request: FileRequest, expected: ExpectedFile, error: ModelDenError) -> ExpectedFile:
        """Return the expected file with its hash, by the hub's list if no response had it."""
        if expected.sha256 is not None or isinstance(error, FileNotFoundOnHub):
            return expected
        return await self._open_index().listed(request.file)


def _staging_branch(request: FileRequest) -> BranchUpdate | None:
    """Return the branch update that stores the file at its end; None if the file is stored at once."""
    branch = request.branch
    return branch if branch is not None and request.key in branch.changed else None


async def _run(transfer: FileTransfer) -> tuple[ReceivedBody, Provenance]:
    # A task of its own: each chunk resumes the transfer, and not all who wait for it.
    return await asyncio.create_task(transfer.run())
