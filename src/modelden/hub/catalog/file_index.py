"""The expected sizes and hashes of a hub's files: by a signed manifest, else by the hub's own list.

Hubs with the layout of Hugging Face's list a revision in one request (`repository`). It is sent before the first file
of a revision is downloaded. The hub of a published tree says in ``modelden.json`` that it has such lists, and is asked
when a response promises no hash. A list that fails checks nothing, and stops nothing.

The list also tells the commit of a branch or a tag. The files of a load are downloaded of the commit of its one list:
a branch may move between two requests.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple

from modelden.core.response_body import git_oid_of, read_text
from modelden.errors import UnavailableError
from modelden.hub.catalog.integrity import FIRST_SEEN, HUB, ExpectedFile
from modelden.hub.catalog.names import HubAddress, ModelFile, is_branch
from modelden.settings.json_text import parse_json

if TYPE_CHECKING:
    from modelden.hub.catalog.file_info import FileInfo, ManifestReader
    from modelden.hub.catalog.repository import RepositoryListing
    from modelden.ports import Blob, Clock, Fetcher

logger = logging.getLogger(__name__)

LIST_TIMEOUT = 10.0
"""Seconds that a hub has for each page of its list, while a download waits."""

_LIFETIME = 300_000
"""Milliseconds for which sizes come from the same list of a branch, and for which its failure is remembered."""

_FRESH = 10_000
"""Milliseconds for which the list of a branch tells its state: a load begins with a list of that age at most."""

_FACTS_LIMIT = 64 * 1024
"""Maximum bytes of ``modelden.json``."""


type Lists = dict[tuple[str, str], asyncio.Future[RepositoryListing]]
"""The lists that one load uses, by model and revision: all its files are of one commit."""


class _Listing(NamedTuple):
    """A request for a list.

    Attributes:
        task: The request.
        time: Its beginning, milliseconds since the epoch.
    """

    task: asyncio.Future[RepositoryListing]
    time: int


class FileIndex:
    """The files of the models of one hub."""

    def __init__(self, address: HubAddress, fetcher: Fetcher, manifests: ManifestReader | None, clock: Clock) -> None:
        """Create an index; the fetcher sends the requests for lists."""
        self._address = address
        self._fetcher = fetcher
        self._manifests = manifests
        self._clock = clock
        self._has_published_lists: asyncio.Future[bool] | None = None
        self._listings: dict[tuple[str, str], _Listing] = {}

    async def expected(self, file: ModelFile, lists: Lists | None = None, *, renew: bool = False) -> ExpectedFile:
        """Return the expected size and hash of a file, before its first response.

        Args:
            file: The file.
            lists: The lists that the load uses; None for a file alone. The first file of a revision adds its list.
            renew: The hub has changed the file: a list of the branch that the load does not use yet begins now.

        Raises:
            SignatureError, InvalidRecord: If the manifest cannot be trusted or understood.
        """
        signed = await self._manifests.expected(file) if self._manifests else ExpectedFile()
        if signed.sha256 is not None or not self._address.lists_files:
            return signed
        return _find(await self._listing_of_load(file, lists, 0 if renew else _FRESH), file.file)

    async def files(self, model: str, revision: str, *, signed_only: bool = False) -> tuple[FileInfo, ...] | None:
        """Return the files of a revision; None when neither a manifest nor the hub lists them. Errors as `expected`."""
        signed = await self._manifests.files(model, revision) if self._manifests else None
        if signed is not None or signed_only or not self._address.lists_files:
            return signed
        return (await self._listing(model, revision)).files

    async def list_repository(self, model: str, revision: str) -> RepositoryListing:
        """Return the newest list of a revision, of a manifest or else of any hub. Errors as `expected`."""
        signed = await self._manifests.files(model, revision) if self._manifests else None
        if signed is None:
            return await self._listing(model, revision, 0)
        from modelden.hub.catalog.repository import MANIFEST, RepositoryListing

        return RepositoryListing(signed, MANIFEST)

    async def listed(self, file: ModelFile, *, renew: bool = False) -> ExpectedFile:
        """Return the size and hash of a file in the hub's own list, which is requested of any hub.

        Args:
            file: The file.
            renew: Request a list that begins now.
        """
        listing = await self._listing(file.model, file.revision, 0 if renew else _LIFETIME)
        return _find(listing, file.file)

    async def published(self, file: ModelFile) -> ExpectedFile:
        """Return the size and hash of a file in the list of a published tree, whose host promises no hash.

        Only of a pinned revision: a host may serve the list and the files of a branch in different states.
        """
        if is_branch(file.revision) or self._address.lists_files or not self._address.is_in_tree:
            return ExpectedFile()
        if self._has_published_lists is None:
            self._has_published_lists = asyncio.ensure_future(self._read_tree_facts())
        return await self.listed(file) if await asyncio.shield(self._has_published_lists) else ExpectedFile()

    async def _read_tree_facts(self) -> bool:
        url = f"{self._address.root_url.rstrip('/')}/modelden.json"
        try:
            async with self._fetcher.fetch(url, timeout=LIST_TIMEOUT) as response:
                text = await read_text(response, url, _FACTS_LIMIT) if response.status == 200 else "{}"
            facts = parse_json(text)
        except (UnavailableError, ValueError) as error:
            logger.info("Nothing tells whether %s has lists of its files. %s", self._address.root_url, error)
            return False
        return isinstance(facts, dict) and facts.get("lists") is True

    async def is_current(self, file: ModelFile, lists: Lists | None, sha256: str, blob: Blob) -> bool | None:
        """Compare a stored file with the hub's list; None if that does not tell its hash.

        Hubs whose entity tags a page may not read can tell of a change in no other way.

        Args:
            file: The file.
            lists: The lists that the load uses; None for a file alone.
            sha256: SHA-256 of the stored bytes.
            blob: The stored bytes.
        """
        if not self._address.lists_files:
            return None
        return await is_listed(await self._listing_of_load(file, lists, _FRESH), file.file, sha256, blob)

    async def _listing_of_load(self, file: ModelFile, lists: Lists | None, max_age: int) -> RepositoryListing:
        key = file.model, file.revision
        if lists is None:
            return await self._listing(*key, max_age)
        if key not in lists:
            lists[key] = asyncio.ensure_future(self._listing(*key, max_age))
        return await asyncio.shield(lists[key])

    async def _listing(self, model: str, revision: str, max_age: int = _LIFETIME) -> RepositoryListing:
        """Return a list; files that are requested together share one.

        Args:
            model: ``organization/name``.
            revision: Branch or version.
            max_age: Milliseconds. The list of a pinned revision has no age.
        """
        key, now = (model, revision), self._clock.now()
        listing = self._listings.get(key)
        if listing is None or not (_is_lasting(listing, revision) or 0 <= now - listing.time < _age(listing, max_age)):
            from modelden.hub.catalog.repository import list_repository  # most hubs have no list

            request = list_repository(self._fetcher, self._address, model, revision, timeout=LIST_TIMEOUT)
            listing = self._listings[key] = _Listing(asyncio.ensure_future(request), now)
        result = await asyncio.shield(listing.task)
        if result.reason is not None:
            logger.info("The files of %s %s are not checked by a list. %s", model, revision, result.reason)
        return result


async def is_listed(listing: RepositoryListing, path: str, sha256: str, blob: Blob) -> bool | None:
    """Compare a stored file with a list; None if the list does not tell its hash.

    Args:
        listing: The list.
        path: Path in the repository.
        sha256: SHA-256 of the stored bytes.
        blob: The stored bytes.
    """
    expected = _find(listing, path)
    if expected.sha256 is not None:
        return expected.sha256 == sha256
    return None if expected.git_oid is None else expected.git_oid == await git_oid_of(blob)


def _age(listing: _Listing, max_age: int) -> int:
    """Return the milliseconds for which a list is used: a failure is not requested again for each file."""
    has_failed = listing.task.done() and listing.task.result().files is None
    return _LIFETIME if has_failed and max_age else max_age


def _is_lasting(listing: _Listing, revision: str) -> bool:
    if is_branch(revision):
        return False
    return not listing.task.done() or listing.task.result().files is not None


def _find(listing: RepositoryListing, path: str) -> ExpectedFile:
    for info in listing.files or ():
        if info.path == path:
            integrity = HUB if info.sha256 or info.git_oid else FIRST_SEEN
            return ExpectedFile(info.sha256, info.size, integrity, info.git_oid, listing.commit)
    return ExpectedFile(commit=listing.commit)
