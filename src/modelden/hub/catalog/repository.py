"""Which files a hub has of a model's revision, as far as anybody tells: a signed manifest, else the hub itself.

Hugging Face's hub lists a repository at ``/api/models/{model}/tree/{revision}?recursive=true``, in pages linked by
``Link: <...>; rel="next"`` (RFC 8288). Hubs that are plain folders, such as Mozilla's, list nothing.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from modelden.core import urls
from modelden.core.download import TIMEOUT
from modelden.errors import HttpError, InvalidResponse, ResponseTooLarge, UnavailableError
from modelden.hub.catalog.names import HubAddress
from modelden.hub.policy import ManifestReader
from modelden.ports import Fetcher
from modelden.settings.json_text import parse_json

MANIFEST = "manifest"
TREE = "tree"
UNKNOWN = "unknown"

_LIMIT = 8 * 1024 * 1024
"""Bytes of a page of the list."""

_PAGES = 50
"""Pages of the list that are read; Hugging Face has a thousand files on each."""

_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


class RemoteFile(NamedTuple):
    """A file that a hub has.

    Attributes:
        path: Path in the repository.
        size: In bytes.
        sha256: SHA-256 in lower-case hexadecimal, or None when nobody tells it.
    """

    path: str
    size: int
    sha256: str | None


class RepositoryListing(NamedTuple):
    """What a hub has of a revision.

    Attributes:
        files: The files; None when nobody tells.
        source: Who tells: `MANIFEST`, `TREE`, or `UNKNOWN` for nobody.
        reason: Why nobody tells, in words.
    """

    files: tuple[RemoteFile, ...] | None
    source: str
    reason: str | None = None


async def list_repository(
    fetcher: Fetcher, address: HubAddress, manifests: ManifestReader | None, model: str, revision: str
) -> RepositoryListing:
    """Find out which files a hub has.

    Args:
        fetcher: Does the requests.
        address: The hub.
        manifests: Asked first, if there are any.
        model: ``organization/name``.
        revision: Branch or version.

    Raises:
        SignatureError, InvalidRecord: If the manifest cannot be trusted or understood.
    """
    signed = await manifests.files(model, revision) if manifests else None
    if signed is not None:
        return RepositoryListing(tuple(RemoteFile(each.path, each.size, each.sha256) for each in signed), MANIFEST)
    url = f"{address.root_url.rstrip('/')}/api/models/{model}/tree/{revision}?recursive=true"
    files: list[RemoteFile] = []
    following: str | None = url
    try:
        for _ in range(_PAGES):
            page, following = await _page(fetcher, str(following))
            files += page
            if following is None:
                return RepositoryListing(tuple(files), TREE)
    except UnavailableError as error:
        return RepositoryListing(None, UNKNOWN, f"{address.root_url} does not list its files. {error}")
    return RepositoryListing(None, UNKNOWN, f"{address.root_url} lists more than {_PAGES} pages of files for {model}.")


async def _page(fetcher: Fetcher, url: str) -> tuple[list[RemoteFile], str | None]:
    async with fetcher.fetch(url, timeout=TIMEOUT) as response:
        if response.status != 200:
            raise HttpError(url, response.status)
        text = await response.text(_LIMIT)
        following = _NEXT.search(response.headers.get("link", ""))
    return _files(url, text), _same_origin(url, following[1]) if following else None


def _same_origin(url: str, reference: str) -> str | None:
    """Return what a reference means on a page of the list; None if that is elsewhere."""
    try:
        following = urls.join(url, reference)
        return following if urls.split(following)[:4] == urls.split(url)[:4] else None
    except ValueError as error:
        raise InvalidResponse(url, "the URL of the list's next page", repr(reference)) from error


def _files(url: str, text: str) -> list[RemoteFile]:
    try:
        return [_file(each) for each in parse_json(text) if each["type"] == "file"]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidResponse(url, "the list of a repository's files", f"{text[:80]!r}...") from error


def _file(listed: dict[str, Any]) -> RemoteFile:
    path, size = listed["path"], listed["size"]
    if not isinstance(path, str) or type(size) is not int:
        raise TypeError(f"a file has a path and a size, not {listed!r}")
    sha256 = str((listed.get("lfs") or {}).get("oid", ""))
    return RemoteFile(path, size, sha256 if _SHA256.match(sha256) else None)


_HOST = "https://huggingface.co"
_HUBS = ("huggingface.co", "model-hub.mozilla.org")

_LIMIT = 1024 * 1024
"""Bytes of a picture that are read."""


async def owner_icon(fetcher: Fetcher, model: str) -> bytes | None:
    """Return the picture of a model's owner; None if there is none, or its hub is not Hugging Face's or Mozilla's.

    Args:
        fetcher: Does the requests.
        model: ``hostname/organization/name``.
    """
    host, _, rest = model.partition("/")
    if host not in _HUBS:
        return None
    for kind in ("organizations", "users"):
        url = f"{_HOST}/api/{kind}/{rest.partition('/')[0]}/avatar?redirect=true"
        try:
            async with fetcher.fetch(url, timeout=10) as response:
                if response.status != 200:
                    continue
                picture = bytearray()
                async for chunk in response.chunks():
                    for part in chunk.buffers():
                        picture += part
                    if len(picture) > _LIMIT:
                        raise ResponseTooLarge(url, _LIMIT)
                return bytes(picture)
        except UnavailableError:
            continue
    return None
