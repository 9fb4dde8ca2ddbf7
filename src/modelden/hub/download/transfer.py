"""One file from a URL into storage: resumed, tried again, checked.

The decisions are those of `resume`, `retry` and `integrity`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from random import random
from typing import NamedTuple

from modelden.core.download import TIMEOUT, content_length
from modelden.core.progress import Reporter
from modelden.errors import (
    DownloadInterrupted,
    HttpError,
    IntegrityError,
    NetworkError,
    NoHash,
    UnavailableError,
)
from modelden.hub.catalog.integrity import SNIFFED_SIZE, ExpectedFile, refuse_html
from modelden.hub.download.chunk_writer import ChunkWriter
from modelden.hub.download.resume import ResponseKind, classify, range_headers, total_size, validator
from modelden.hub.download.retry import Retry
from modelden.hub.store.contents import ReceivedBody
from modelden.hub.store.partials import PartialDownloads
from modelden.hub.store.records import FileKey
from modelden.ports import Blobs, Clock, Fetcher, Response

logger = logging.getLogger(__name__)

RANGES_WITHOUT_ANSWER = 2
"""Requests for a range that fail while the server answers others: then CORS refuses the headers."""


class TransferSource(NamedTuple):
    """Where a file comes from, and what it has to be.

    Attributes:
        url: Its URL.
        file: Its path in the repository.
        expected: What is known of it beforehand.
        check_redirect: Called with the URL that answered; what it raises ends the download.
        may_store: Called with the number of bytes to come, before the first of them; False collects them in memory.
        expect: Called with its size, where that is known before the first byte; what it raises ends the download.
        require_hash: Refuse it when nobody tells its hash.
        learn: Called with the headers of each answer that brings some of the file, before its body.
    """

    url: str
    file: str
    expected: ExpectedFile
    check_redirect: Callable[[str], None]
    may_store: Callable[[int], Awaitable[bool]]
    expect: Callable[[int], None] | None = None
    require_hash: bool = False
    learn: Callable[[Mapping[str, str]], None] = lambda _headers: None


class Transferred(NamedTuple):
    """A file that is complete and right.

    Attributes:
        body: Its bytes.
        headers: The hub's response headers, names in lower case, as for the whole file.
        integrity: Who vouches for it, as in `integrity.ExpectedFile`.
    """

    body: ReceivedBody
    headers: Mapping[str, str]
    integrity: str


class FileTransfer:
    """Downloads files of hubs."""

    def __init__(self, fetcher: Fetcher, partials: PartialDownloads, blobs: Blobs, clock: Clock) -> None:
        """Nothing is fetched yet.

        Args:
            fetcher: Does the requests.
            partials: Where bytes are stored as they come.
            blobs: Collects bytes.
            clock: Waits between tries.
        """
        self._fetcher = fetcher
        self._partials = partials
        self._blobs = blobs
        self._clock = clock

    async def run(self, key: FileKey, source: TransferSource, reporter: Reporter, *, required: bool) -> Transferred:
        """Download a file; what an earlier download stored is used if it can be.

        Args:
            key: Which file.
            source: Where from.
            reporter: Told of each piece.
            required: Fail when storage refuses the bytes; otherwise go on from memory.

        Raises:
            HttpError: For an error status that does not pass.
            NetworkError, RequestTimeout: If there is no answer, or if it ends early, again and again.
            IntegrityError, NoHash: If the file is not the right one; nothing of it stays stored.
            StorageError: If storage refuses, and it is required.
        """
        body = ChunkWriter(key, self._partials, self._blobs, self._clock, required=required)
        attempt = _Attempt(self._fetcher, source, body, reporter)
        resumed = await self._resume(key, source, body, reporter)
        retry = Retry(body.received, random)
        try:
            while True:
                try:
                    return await self._checked(source, await attempt.run(), body)
                except IntegrityError as error:
                    await self._discard(key, body)
                    if not resumed:
                        raise
                    logger.warning("%s What was resumed is fetched again from its first byte.", error)
                    resumed = False
                except UnavailableError as error:
                    await body.flush()
                    pause = retry.delay(error, body.received)
                    if pause is None:
                        raise
                    logger.info("Trying again in %.1f s: %s", pause, error)
                    await self._clock.sleep(pause)
                    resumed = resumed or body.received > 0
        finally:
            await body.close()

    async def _resume(self, key: FileKey, source: TransferSource, body: ChunkWriter, reporter: Reporter) -> bool:
        partial = await self._partials.get(key)
        if partial is None:
            return False
        if partial.url == source.url and range_headers(partial) and await body.resume(partial):
            reporter.catch_up(partial.received, partial.total)
            return True
        await self._partials.delete(key)
        return False

    async def _checked(self, source: TransferSource, headers: Mapping[str, str], body: ChunkWriter) -> Transferred:
        expected = source.expected.with_headers(headers)
        received = await body.finish(headers.get("content-type", ""))
        expected.check(source.url, received.size, received.sha256)
        if source.file.endswith(".json") and not await received.blob.is_json():
            found = f"{received.size} bytes that are no JSON ({headers.get('content-type', 'no content type')})"
            raise IntegrityError(source.url, f"the JSON file {source.file}", found)
        return Transferred(received, headers, expected.integrity)

    async def _discard(self, key: FileKey, body: ChunkWriter) -> None:
        await body.restart("", None, None)
        await self._partials.delete(key)


class _Attempt:
    """Requests for one file; each `run` goes on where the last one broke off, if that can be."""

    def __init__(self, fetcher: Fetcher, source: TransferSource, body: ChunkWriter, reporter: Reporter) -> None:
        self._fetcher = fetcher
        self._source = source
        self._body = body
        self._reporter = reporter
        self._ranges_without_answer = 0

    async def run(self) -> Mapping[str, str]:
        """Make one request and take its whole body; returns the headers as for the whole file."""
        asked: Mapping[str, str] = {}
        if self._ranges_without_answer < RANGES_WITHOUT_ANSWER:
            await self._body.flush()
            asked = range_headers(self._body.partial)
        try:
            async with self._fetcher.fetch(self._source.url, timeout=TIMEOUT, headers=asked) as response:
                return await self._receive(asked, response)
        except DownloadInterrupted:
            raise
        except NetworkError:
            if asked and await self._is_reachable():
                self._ranges_without_answer += 1
            raise

    async def _receive(self, asked: Mapping[str, str], response: Response) -> Mapping[str, str]:
        self._source.check_redirect(response.url)
        answer = classify(self._body.partial, asked, response.status, response.headers)
        if answer is ResponseKind.ERROR:
            raise _http_error(self._source.url, response)
        if answer is ResponseKind.USELESS:
            self._ranges_without_answer = RANGES_WITHOUT_ANSWER
            raise NetworkError(self._source.url, f"an answer ({response.status}) that is not the rest of the file")
        self._source.learn(response.headers)
        total = total_size(response.headers) if answer is ResponseKind.REST else self._whole_size(response)
        if answer is ResponseKind.WHOLE:
            await self._body.restart(self._source.url, validator(response.headers), total)
            self._reporter.restart()
        if self._source.require_hash and self._source.expected.with_headers(response.headers).sha256 is None:
            raise NoHash(self._source.url)
        if total is not None and self._source.expect is not None:
            self._source.expect(total)
        if not await self._source.may_store(max((total or 0) - self._body.received, 0)):
            await self._body.use_memory()
        await self._read(response, total)
        if answer is ResponseKind.REST and self._body.received != total:
            raise DownloadInterrupted(self._source.url, "the answer is too short", self._body.received, total)
        if answer is ResponseKind.REST:
            return {**response.headers, "content-length": str(total)}
        return response.headers

    async def _read(self, response: Response, total: int | None) -> None:
        limit = self._source.expected.size
        checked = self._body.received > 0
        try:
            async for chunk in response.chunks():
                await self._body.write(chunk)
                self._reporter.advance(chunk.size, total)
                if limit is not None and self._body.received > limit:
                    raise IntegrityError(
                        self._source.url, f"{limit} bytes", f"more than {self._body.received - 1} bytes"
                    )
                if not checked and self._body.received >= SNIFFED_SIZE:
                    self._check_beginning(response)
                    checked = True
        except NetworkError as error:
            raise DownloadInterrupted(self._source.url, error.reason, self._body.received, total) from error
        if not checked:
            self._check_beginning(response)

    def _check_beginning(self, response: Response) -> None:
        content_type = response.headers.get("content-type", "")
        refuse_html(self._source.url, self._source.file, content_type, self._body.beginning)

    def _whole_size(self, response: Response) -> int | None:
        """Return the file's size: what its publisher tells, else the length on the wire, which may be compressed."""
        known = self._source.expected.with_headers(response.headers).size
        return content_length(response) if known is None else known

    async def _is_reachable(self) -> bool:
        # A HEAD needs no permission: if it is answered, the server is there, and it is the range that is refused.
        try:
            async with self._fetcher.fetch(self._source.url, method="HEAD", timeout=TIMEOUT) as response:
                return response.status < 500
        except UnavailableError:
            return False


def _http_error(url: str, response: Response) -> HttpError:
    after = response.headers.get("retry-after", "")
    return HttpError(url, response.status, retry_after=float(after) if after.isdecimal() else None)
