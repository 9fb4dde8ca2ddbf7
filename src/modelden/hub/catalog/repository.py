"""Lists the files of a model's revision, by a signed manifest or else by the hub itself; reads the owner's picture.

Hugging Face's hub lists a repository at ``/api/models/{model}/tree/{revision}?recursive=true``, in pages linked by
``Link: <...>; rel="next"`` (RFC 8288). Hubs that are plain folders, such as Mozilla's, have no list.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from modelden.core import urls
from modelden.core.response_body import TIMEOUT, read_bytes, read_text
from modelden.errors import HttpError, InvalidResponse, UnavailableError
from modelden.hub.catalog.file_info import FileInfo, ManifestReader
from modelden.hub.catalog.integrity import HUB, ExpectedFile
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.ports import Fetcher
from modelden.settings.json_text import parse_json
from modelden.settings.records import is_sha256

MANIFEST = "manifest"
TREE = "tree"
UNKNOWN = "unknown"

_PAGE_SIZE_LIMIT = 8 * 1024 * 1024
"""Maximum bytes of one page of the list."""

_PAGE_LIMIT = 50
"""Maximum number of pages; Hugging Face lists a thousand files on each."""

_NEXT_LINK = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')


class RepositoryListing(NamedTuple):
    """The files of a revision, and the source of the list.

    Attributes:
        files: The files; None when there is no list.
        source: `MANIFEST`, `TREE` for the hub, or `UNKNOWN` for none.
        reason: The reason why there is no list, in words.
    """

    files: tuple[FileInfo, ...] | None
    source: str
    reason: str | None = None


async def list_repository(
    fetcher: Fetcher, address: HubAddress, manifests: ManifestReader | None, model: str, revision: str
) -> RepositoryListing:
    """List the files of a revision.

    Args:
        fetcher: Sends the requests.
        address: The hub.
        manifests: Takes precedence over the hub's list, if given.
        model: ``organization/name``.
        revision: Branch or version.

    Raises:
        SignatureError, InvalidRecord: If the manifest cannot be trusted or understood.
    """
    signed = await manifests.files(model, revision) if manifests else None
    if signed is not None:
        return RepositoryListing(signed, MANIFEST)
    url: str | None = f"{address.root_url.rstrip('/')}/api/models/{model}/tree/{revision}?recursive=true"
    files: list[FileInfo] = []
    try:
        for _ in range(_PAGE_LIMIT):
            page, url = await _fetch_page(fetcher, str(url))
            files += page
            if url is None:
                return RepositoryListing(tuple(files), TREE)
    except UnavailableError as error:
        return RepositoryListing(None, UNKNOWN, f"{address.root_url} does not list its files. {error}")
    reason = f"{address.root_url} lists more than {_PAGE_LIMIT} pages of files for {model}."
    return RepositoryListing(None, UNKNOWN, reason)


async def _fetch_page(fetcher: Fetcher, url: str) -> tuple[list[FileInfo], str | None]:
    """Return the files of a page, and the URL of the next one."""
    async with fetcher.fetch(url, timeout=TIMEOUT) as response:
        if response.status != 200:
            raise HttpError(url, response.status)
        text = await read_text(response, url, _PAGE_SIZE_LIMIT)
        link = _NEXT_LINK.search(response.headers.get("link", ""))
    return _parse_page(url, text), _resolve_link(url, link[1]) if link else None


def _resolve_link(url: str, reference: str) -> str | None:
    """Return the absolute URL of the next page; None if it has another origin."""
    try:
        next_url = urls.join(url, reference)
        return next_url if urls.origin(next_url) == urls.origin(url) else None
    except ValueError as error:
        raise InvalidResponse(url, "the URL of the list's next page", repr(reference)) from error


def _parse_page(url: str, text: str) -> list[FileInfo]:
    try:
        return [_parse_file(entry) for entry in parse_json(text) if entry["type"] == "file"]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidResponse(url, "the list of a repository's files", f"{text[:80]!r}...") from error


def _parse_file(entry: dict[str, Any]) -> FileInfo:
    path, size = entry["path"], entry["size"]
    if not isinstance(path, str) or type(size) is not int:
        raise TypeError(f"a file has a path and a size, not {entry!r}")
    sha256 = (entry.get("lfs") or {}).get("oid")
    return FileInfo(path, size, sha256 if is_sha256(sha256) else None)


async def listed_digest(fetcher: Fetcher, address: HubAddress, file: ModelFile) -> ExpectedFile:
    """Return the size and SHA-256 of a file in the hub's own list; both are None when the list does not tell them."""
    listing = await list_repository(fetcher, address, None, file.model, file.revision)
    for info in listing.files or ():
        if info.path == file.file and info.sha256 is not None:
            return ExpectedFile(info.sha256, info.size, HUB)
    return ExpectedFile()


_PICTURE_HOST = "https://huggingface.co"
_HUBS_WITH_PICTURES = ("huggingface.co", "model-hub.mozilla.org")

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
