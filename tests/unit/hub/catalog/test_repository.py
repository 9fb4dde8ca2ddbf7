"""The lists of repositories, page by page. What becomes of them is tested in `test_remote_models`."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from modelden.host.serve.cors import AnyOrigin
from modelden.hub.catalog.file_info import FileInfo
from modelden.hub.catalog.integrity import HUB, ExpectedFile
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.hub.catalog.repository import TREE, UNKNOWN, RepositoryListing, list_repository, listed_digest
from tests.simulators.fetcher import AsgiFetcher

ORIGIN = "http://hub.example"
ADDRESS = HubAddress(f"{ORIGIN}/", "{model}/{revision}")
DIGEST = hashlib.sha256(b"bytes").hexdigest()


class Pages:
    """A hub that lists one file on each page, linked by what a test says."""

    def __init__(self, *links: str) -> None:
        self.links = links
        self.fetcher = AsgiFetcher(Starlette(routes=[Route("/api/models/org/model/tree/v1", self._page)]))

    async def _page(self, request: Any) -> Any:
        number = int(request.query_params.get("page", "0"))
        entry = {"type": "file", "path": f"{number}.onnx", "size": number, "lfs": {"oid": DIGEST}}
        headers = {"Link": self.links[number]} if number < len(self.links) else {}
        return AnyOrigin(Response(json.dumps([entry, {"type": "directory", "path": "x"}]), headers=headers), ("Link",))

    async def list(self) -> RepositoryListing:
        return await list_repository(self.fetcher, ADDRESS, None, "org/model", "v1")


def file(number: int) -> FileInfo:
    return FileInfo(f"{number}.onnx", number, DIGEST)


async def test_pages_are_followed_to_the_last() -> None:
    pages = Pages(f'<{ORIGIN}/api/models/org/model/tree/v1?page=1>; rel="next"', "<?page=2>; rel=next")
    assert await pages.list() == RepositoryListing((file(0), file(1), file(2)), TREE)


@pytest.mark.parametrize(
    "link",
    [
        '<http://other.example/?page=1>; rel="next"',
        '<https://hub.example/?page=1>; rel="next"',
        '<http://hub.example:81/?page=1>; rel="next"',
        '<?page=1>; rel="prev"',
    ],
)
async def test_a_link_to_another_origin_is_not_followed(link: str) -> None:
    pages = Pages(link)
    assert (await pages.list()).files == (file(0),)
    assert len(pages.fetcher.requests) == 1


async def test_a_link_that_is_no_url_is_no_list() -> None:
    listing = await Pages('<http://[>; rel="next"').list()
    assert (listing.files, listing.source) == (None, UNKNOWN)
    assert "the URL of the list's next page" in str(listing.reason)


async def test_a_list_that_does_not_end_is_given_up() -> None:
    pages = Pages('<?page=0>; rel="next"')
    assert "more than 50 pages" in str((await pages.list()).reason)
    assert len(pages.fetcher.requests) == 50


async def test_the_hash_of_a_listed_file() -> None:
    fetcher = Pages().fetcher
    assert await listed_digest(fetcher, ADDRESS, ModelFile("org/model", "v1", "0.onnx")) == ExpectedFile(DIGEST, 0, HUB)
    assert await listed_digest(fetcher, ADDRESS, ModelFile("org/model", "v1", "1.onnx")) == ExpectedFile()
    assert await listed_digest(fetcher, ADDRESS, ModelFile("org/model", "v2", "0.onnx")) == ExpectedFile()
