"""Reads the commit of a revision and its files from the hub, in one request.

Hugging Face's hub resolves a branch or a tag at ``/api/models/{model}/revision/{revision}``: ``sha`` is the commit.
With ``blobs=true`` (``HfApi.model_info(files_metadata=True)`` of huggingface_hub) the answer has all files too, with
the SHA-256 of large ones and the git blob of each, on one page.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from modelden.core import urls
from modelden.core.event_loop import run_in_turns
from modelden.core.response_body import read_text
from modelden.errors import FileNotFoundOnHub, InvalidResponse
from modelden.hub.catalog.file_info import FileInfo, checked_info
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.hub.catalog.refusal import refusal
from modelden.ports import Fetcher
from modelden.settings.json_reader import parse_in_steps

_SIZE_LIMIT = 16 * 1024 * 1024
"""Maximum bytes of the answer. A file has about 200."""

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class RevisionInfo(NamedTuple):
    """A revision, as its hub resolves it.

    Attributes:
        commit: Hash of the commit; None when the hub does not resolve revisions.
        files: The files of the commit; None when they are listed elsewhere.
    """

    commit: str | None = None
    files: tuple[FileInfo, ...] | None = None


def is_commit(revision: str) -> bool:
    """Return True if a revision is the hash of a commit, which never changes."""
    return _COMMIT.fullmatch(revision) is not None


async def fetch_revision(
    fetcher: Fetcher,
    address: HubAddress,
    file: ModelFile,
    timeout: float,  # noqa: ASYNC109  passed to the fetcher
) -> RevisionInfo:
    """Return the commit of a revision; nothing for a hub that resolves none.

    Args:
        fetcher: Sends the request.
        address: The hub.
        file: Any file of the revision, for errors.
        timeout: Seconds that the hub has to send headers.

    Raises:
        UnavailableError: If the hub does not answer, or has no such revision.
    """
    revision = urls.quote(file.revision, safe="")
    url = f"{address.root_url.rstrip('/')}/api/models/{file.model}/revision/{revision}?blobs=true"
    async with fetcher.fetch(url, timeout=timeout) as response:
        if response.status != 200:
            error = refusal(url, response.status, response.headers, **file.names())
            if response.status in (405, 501) or (isinstance(error, FileNotFoundOnHub) and error.code is None):
                return RevisionInfo()  # of hubs that copy a part of the layout, or whose codes a page cannot read
            raise error
        text = await read_text(response, url, _SIZE_LIMIT)
    try:
        return _parse(await run_in_turns(parse_in_steps(text)))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidResponse(url, "the commit of a revision", f"{text[:80]!r}...") from error


def _parse(info: dict[str, Any]) -> RevisionInfo:
    commit, siblings = info["sha"], info.get("siblings")
    if not is_commit(commit):
        raise ValueError(f"{commit!r} is no commit")
    if not isinstance(siblings, list) or not all("size" in sibling for sibling in siblings):
        return RevisionInfo(commit)
    return RevisionInfo(commit, tuple(_parse_sibling(sibling) for sibling in siblings))


def _parse_sibling(sibling: dict[str, Any]) -> FileInfo:
    lfs = sibling.get("lfs")
    sha256 = None if lfs is None else lfs.get("sha256")
    return checked_info(sibling["rfilename"], sibling["size"], sha256, None if lfs else sibling.get("blobId"))
