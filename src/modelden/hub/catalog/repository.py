"""Lists the files of a model's revision, as the hub has them; reads the owner's picture.

Hugging Face's hub lists a repository at ``/api/models/{model}/tree/{revision}?recursive=true``, in pages linked by
``Link: <...>; rel="next"`` (RFC 8288). A large file has its SHA-256 as ``lfs.oid``; ``oid`` is a git blob, a SHA-1, of
the file or of the pointer to it. The commit of a revision, and its files on one page, are asked for first
(`revision_info`). Hubs that are plain folders, such as Mozilla's, have no list.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, NamedTuple

from modelden.core import urls
from modelden.core.event_loop import run_in_turns
from modelden.core.response_body import TIMEOUT, read_bytes, read_text
from modelden.errors import InvalidResponse, UnavailableError
from modelden.hub.catalog.file_info import FileInfo, checked_info
from modelden.hub.catalog.names import MOZILLA_HOST, HubAddress, ModelFile
from modelden.hub.catalog.refusal import refusal
from modelden.hub.catalog.revision_info import RevisionInfo, fetch_revision, is_commit
from modelden.ports import Fetcher
from modelden.settings.json_reader import parse_in_steps

MANIFEST = "manifest"
TREE = "tree"
UNKNOWN = "unknown"

_PAGE_SIZE_LIMIT = 8 * 1024 * 1024
"""Maximum bytes of one page of the list."""

_PAGE_LIMIT = 50
"""Maximum number of pages."""

_FULL_PAGE = 1000
"""Entries of a page of Hugging Face's list, if another one follows."""

_ANY_FILE = "config.json"
"""The file in the error of a list that is refused."""

_NEXT_LINK = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')


class RepositoryListing(NamedTuple):
    """The files of a revision, and the source of the list.

    Attributes:
        files: The files; None when there is no list.
        source: `MANIFEST`, `TREE` for the hub, or `UNKNOWN` for none.
        reason: The reason why there is no list, in words.
        error: The error behind the reason.
        commit: The commit whose files these are; None when the hub resolves no revisions.
    """

    files: tuple[FileInfo, ...] | None
    source: str
    reason: str | None = None
    error: UnavailableError | None = None
    commit: str | None = None


async def list_repository(
    fetcher: Fetcher,
    address: HubAddress,
    model: str,
    revision: str,
    *,
    timeout: float = TIMEOUT,  # noqa: ASYNC109  passed to the fetcher
) -> RepositoryListing:
    """List the files of a revision, by its hub.

    Args:
        fetcher: Sends the requests.
        address: The hub.
        model: ``organization/name``.
        revision: Branch or version.
        timeout: Seconds that the hub has for each page of its list.
    """
    file, info = ModelFile(model, revision, _ANY_FILE), RevisionInfo()
    try:
        if address.lists_files and not is_commit(revision):
            info = await fetch_revision(fetcher, address, file, timeout)
        files = info.files
        if files is None:
            files = await _fetch_pages(fetcher, address, replace(file, revision=info.commit or revision), timeout)
    except UnavailableError as error:
        reason = f"{address.root_url} does not list its files. {error}"
        return RepositoryListing(None, UNKNOWN, reason, error, info.commit)
    if files is None:
        reason = f"{address.root_url} lists more than {_PAGE_LIMIT} pages of files for {model}."
        return RepositoryListing(None, UNKNOWN, reason, commit=info.commit)
    return RepositoryListing(files, TREE, commit=info.commit)


async def _fetch_pages(
    fetcher: Fetcher,
    address: HubAddress,
    file: ModelFile,
    timeout: float,  # noqa: ASYNC109  passed to the fetcher
) -> tuple[FileInfo, ...] | None:
    """Return the files on all pages of the list; None when there are more than `_PAGE_LIMIT`."""
    revision = urls.quote(file.revision, safe="")
    url: str | None = f"{address.root_url.rstrip('/')}/api/models/{file.model}/tree/{revision}?recursive=true"
    files: list[FileInfo] = []
    for _ in range(_PAGE_LIMIT):
        page, url = await _fetch_page(fetcher, str(url), file, timeout)
        files += page
        if url is None:
            return tuple(files)
    return None


async def _fetch_page(
    fetcher: Fetcher,
    url: str,
    file: ModelFile,
    timeout: float,  # noqa: ASYNC109  passed to the fetcher
) -> tuple[list[FileInfo], str | None]:
    """Return the files of a page, and the URL of the next one."""
    async with fetcher.fetch(url, timeout=timeout) as response:
        if response.status != 200:
            raise refusal(url, response.status, response.headers, **file.names())
        text = await read_text(response, url, _PAGE_SIZE_LIMIT)
        link = _NEXT_LINK.search(response.headers.get("link", ""))
    files, entries = await _parse_page(url, text)
    if link is None and entries >= _FULL_PAGE:
        raise InvalidResponse(url, "the header Link, which pages may read", "a full page of the list without it")
    return files, _next_page(url, link[1]) if link else None


def _next_page(url: str, reference: str) -> str:
    """Return the absolute URL of the next page.

    Raises:
        InvalidResponse: It is no URL, or has another origin. Without that page the list would seem to be whole.
    """
    try:
        next_url = urls.join(url, reference)
        is_own = urls.origin(next_url) == urls.origin(url)
    except ValueError as error:
        raise InvalidResponse(url, "the URL of the list's next page", repr(reference)) from error
    if not is_own:
        raise InvalidResponse(url, "a next page of the list on the hub's own origin", repr(reference))
    return next_url


async def _parse_page(url: str, text: str) -> tuple[list[FileInfo], int]:
    """Return the files of a page, and its number of entries."""
    try:
        entries = await run_in_turns(parse_in_steps(text))
        return [_parse_file(entry) for entry in entries if entry["type"] == "file"], len(entries)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidResponse(url, "the list of a repository's files", f"{text[:80]!r}...") from error


def _parse_file(entry: dict[str, Any]) -> FileInfo:
    lfs = entry.get("lfs")
    if lfs is None:
        return checked_info(entry["path"], entry["size"], None, entry.get("oid"))
    return checked_info(entry["path"], entry["size"], lfs.get("oid"), None)


_PICTURE_HOST = "https://huggingface.co"
_HUBS_WITH_PICTURES = ("huggingface.co", MOZILLA_HOST)

_PICTURE_SIZE_LIMIT = 1024 * 1024
"""Maximum bytes of a picture."""


async def owner_icon(fetcher: Fetcher, model: str) -> bytes | None:
    """Return the picture of a model's owner; None if there is none, or its hub is not Hugging Face's or Mozilla's.

    Args:
        fetcher: Sends the request.
        model: ``hostname/organization/name``.
    """
    host, _, name = model.partition("/")
    if host not in _HUBS_WITH_PICTURES:
        return None
    for kind in ("organizations", "users"):
        url = f"{_PICTURE_HOST}/api/{kind}/{name.partition('/')[0]}/avatar?redirect=true"
        try:
            async with fetcher.fetch(url, timeout=10) as response:
                if response.status != 200:
                    continue
                return await read_bytes(response, url, _PICTURE_SIZE_LIMIT)
        except UnavailableError:
            continue
    return None
