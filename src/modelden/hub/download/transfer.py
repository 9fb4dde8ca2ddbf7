"""Transfers one file from one URL into storage: resumed, retried and verified.

The rules are those of `resume`, `retry` and `catalog.integrity`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from random import random
from typing import TYPE_CHECKING

from modelden.core.response_body import TIMEOUT, git_oid_of
from modelden.errors import (
    DownloadInterrupted,
    IntegrityError,
    NetworkError,
    NoHash,
    QuotaExceeded,
    UnavailableError,
)
from modelden.hub.catalog.file_format import SNIFFED_SIZE, check_format, check_json_size, refuse_page
from modelden.hub.catalog.integrity import FIRST_SEEN, ExpectedFile
from modelden.hub.download.chunk_writer import ChunkWriter
from modelden.hub.download.resume import ResponseKind, interpret, range_headers
from modelden.hub.store.records import Provenance
from modelden.hub.store.writer import AHEAD

if TYPE_CHECKING:
    from modelden.core.events import Reporter
    from modelden.hub.catalog.names import HubAddress, ModelFile
    from modelden.hub.download.request import FileRequest
    from modelden.hub.download.retry import Retry
    from modelden.hub.store.contents import ReceivedBody
    from modelden.hub.store.store import Store
    from modelden.ports import Blob, Fetcher, Ports, Response

logger = logging.getLogger(__name__)

MAX_GROWTH = 10
"""Times the announced size to which a body may grow at the cost of other models: a compressed one unfolds. Without that
limit an endless body would evict all models, and be refused itself."""

MAX_FAILED_RANGES = 2
"""Range requests that fail on a server that answers others. Then CORS refuses their headers."""


class FileTransfer:
    """The transfer of one file from one hub.

    Attributes:
        expected: Expected size and hash, by the last response that brought some of the file.
        headers: The headers of that response.
    """

    def __init__(
        self,
        request: FileRequest,
        address: HubAddress,
        expected: ExpectedFile,
        reporter: Reporter,
        fetcher: Fetcher,
        store: Store,
        ports: Ports,
        published: Callable[[ModelFile], Awaitable[ExpectedFile]],
        *,
        require_hash: bool,
    ) -> None:
        """Create a transfer.

        Args:
            request: The request for the file.
            address: The hub, or a mirror of it.
            expected: Expected size and hash, as far as they are known without a response.
            reporter: Reports each chunk.
            fetcher: Sends the requests.
            store: Stores the bytes as they arrive.
            ports: Blobs and clock.
            published: Returns what a list of the hub says of a file, if no response promises its hash.
            require_hash: Refuse the file if its hash is unknown.
        """
        self.expected = expected
        self.headers: Mapping[str, str] = {}
        file, commit = request.file, expected.commit
        self._url = address.url(file)
        self._location = self._url if commit is None else address.url(replace(file, revision=commit))
        self._request = request
        self._address = address
        self._known = expected
        self._reporter = reporter
        self._fetcher = fetcher
        self._store = store
        self._clock = ports.clock
        self._published = published
        self._require_hash = require_hash
        self._failed_ranges = 0
        self._announced = 0
        self._reserved = 0
        """Bytes that the file may have by the space that is reserved for it."""
        self._writer = ChunkWriter(request.key, store.partials, ports.blobs, ports.clock, store.policy.allows_memory)

    async def run(self) -> tuple[ReceivedBody, Provenance]:
        """Download the file, beginning with the bytes that an earlier download stored.

        Raises:
            FileNotFoundOnHub: If the hub does not have it.
            AccessDenied: If the hub does not give it to this page.
            HttpError: For another error status that is not temporary.
            NetworkError, RequestTimeout: After repeated failures of the connection.
            IntegrityError, NoHash: If the file is not the expected one. Nothing of it stays stored.
            StorageError: If storage refuses bytes, and memory is not allowed.
        """
        try:
            return await self._run(is_resumed=await self._resume())
        except BaseException:
            await self._writer.close()
            raise

    async def _run(self, *, is_resumed: bool) -> tuple[ReceivedBody, Provenance]:
        resumed_size = self._writer.received if is_resumed else 0
        retry: Retry | None = None
        while True:
            try:
                return await self._verify(await self._attempt())
            except IntegrityError as error:
                await self._writer.discard()
                if not is_resumed:
                    raise
                logger.warning("%s It was resumed, and is downloaded again from its first byte.", error)
                is_resumed = False
            except UnavailableError as error:
                retry = retry or _new_retry(resumed_size)
                delay = retry.delay(error, self._writer.received)
                if delay is None:
                    raise
                logger.info("Trying again in %.1f s: %s", delay, error)
                await self._writer.flush()
                await self._clock.sleep(delay)
                is_resumed = is_resumed or self._writer.received > 0

    async def _resume(self) -> bool:
        partials, key = self._store.partials, self._request.key
        partial = await partials.get(key)
        if partial is None:
            return False
        if partial.url == self._url and range_headers(partial) and await self._writer.resume(partial):
            self._reporter.catch_up(partial.received, partial.total)
            return True
        await partials.delete(key)
        return False

    async def _attempt(self) -> Mapping[str, str]:
        """Send one request and store its body; returns the headers as those of the whole file."""
        headers: Mapping[str, str] = {}
        if self._writer.received and self._failed_ranges < MAX_FAILED_RANGES:
            await self._writer.flush()
            headers = range_headers(self._writer.partial)
        try:
            async with self._fetcher.fetch(self._location, timeout=TIMEOUT, headers=headers) as response:
                return await self._receive(headers, response)
        except DownloadInterrupted:
            raise
        except NetworkError:
            if headers and await self._is_reachable():
                self._failed_ranges += 1
            raise

    async def _receive(self, request_headers: Mapping[str, str], response: Response) -> Mapping[str, str]:
        self._request.allow_list.check_redirect(response.url)
        headers = response.headers
        kind, validator, total = interpret(self._writer.partial, request_headers, response.status, headers)
        if kind is ResponseKind.ERROR:
            raise self._request.refusal(self._url, response.status, headers)
        if kind is ResponseKind.UNUSABLE:
            self._failed_ranges = MAX_FAILED_RANGES
            raise NetworkError(self._url, f"a response ({response.status}) that is not the rest of the file")
        self.expected, self.headers = self._known.with_headers(headers), headers
        if self.expected.integrity == FIRST_SEEN:
            published = await self._published(self._request.file)
            self.expected = published if published.sha256 else self.expected
        if kind is ResponseKind.FULL:
            total = total if self.expected.size is None else self.expected.size
            await self._writer.restart(self._url, validator, total)
            self._reporter.restart()
        await self._admit(total)
        await self._read(response, headers.get("content-type", ""), total)
        if kind is ResponseKind.FULL:
            return headers
        if self._writer.received != total:
            raise DownloadInterrupted(self._url, "the response is too short", self._writer.received, total)
        return {**headers, "content-length": str(total)}

    async def _admit(self, total: int | None) -> None:
        """Check what is known of a file before its first byte, and reserve its space."""
        if self._require_hash and self.expected.integrity == FIRST_SEEN:
            raise NoHash(self._url)
        check_json_size(self._url, self._request.file.file, total or 0)
        if total is not None and self._request.check_size is not None:
            self._request.check_size(total)
        self._announced = total or 0
        remaining = max((total or 0) - self._writer.received, 0)
        self._reserved = self._writer.received + remaining
        if not await self._store.writer.reserve(self._request.key, remaining):
            await self._writer.use_memory()

    async def _read(self, response: Response, content_type: str, total: int | None) -> None:
        limit = self.expected.size
        received = self._writer.received
        is_sniffed = received > 0
        try:
            async for chunk in response.chunks():
                await self._writer.write(chunk)
                self._reporter.advance(chunk.size, total)
                received += chunk.size
                if limit is not None and received > limit:
                    raise IntegrityError(self._url, f"{limit} bytes", f"more than {received - 1} bytes")
                if received > self._reserved:
                    await self._admit_more(received)
                if not is_sniffed and received >= SNIFFED_SIZE:
                    self._sniff(content_type)
                    is_sniffed = True
        except NetworkError as error:
            raise DownloadInterrupted(self._url, error.reason, received, total) from error
        if total is None or received > total:
            check_json_size(self._url, self._request.file.file, received)
        if not is_sniffed:
            self._sniff(content_type)

    async def _admit_more(self, received: int) -> None:
        """Check a file that has more bytes than were announced: its length is that of compressed bytes, or missing."""
        request = self._request
        check_json_size(self._url, request.file.file, received)
        if request.check_size is not None:
            request.check_size(received)
        self._reserved = received + AHEAD
        if self._writer.is_in_memory:
            return
        try:
            limit = max(MAX_GROWTH * self._announced, AHEAD)
            is_limited = request.file.file.endswith(".json") or received <= limit
            reserved = await self._store.writer.extend(request.key, received, may_evict=is_limited)
        except QuotaExceeded:
            await self._writer.discard()  # what cannot be completed is not resumed either
            raise
        if reserved is None:
            await self._writer.use_memory()
        else:
            self._reserved = reserved

    def _sniff(self, content_type: str) -> None:
        refuse_page(self._url, self._request.file.file, content_type, self._writer.beginning)

    async def _verify(self, headers: Mapping[str, str]) -> tuple[ReceivedBody, Provenance]:
        path = self._request.file.file
        body = await self._writer.finish(headers.get("content-type", ""))
        self.expected.check(self._url, body.size, body.sha256)
        if self.expected.git_oid is not None:
            await _check_git_oid(self._url, self.expected.git_oid, body.blob)
        if path.endswith(".json") and not await body.blob.is_json():
            actual = f"{body.size} bytes that are no JSON ({headers.get('content-type', 'no content type')})"
            raise IntegrityError(self._url, f"the JSON file {path}", actual)
        if self.expected.sha256 is None:
            await check_format(self._url, path, body.blob)
        return body, Provenance(headers, self.expected.integrity, self._address.root_url)

    async def _is_reachable(self) -> bool:
        # HEAD needs no CORS preflight. If the server answers it, the headers of the range were refused.
        try:
            async with self._fetcher.fetch(self._location, method="HEAD", timeout=TIMEOUT) as response:
                return response.status < 500
        except UnavailableError:
            return False


async def _check_git_oid(url: str, expected: str, blob: Blob) -> None:
    actual = await git_oid_of(blob)
    if actual != expected:
        raise IntegrityError(url, f"the git blob {expected}", f"{actual} ({blob.size} bytes)")


def _new_retry(received: int) -> Retry:
    from modelden.hub.download.retry import Retry  # most downloads succeed at once

    return Retry(received, random)
