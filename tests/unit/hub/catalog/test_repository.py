"""The lists of repositories, page by page. What becomes of them is tested in `test_remote_models`."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from modelden.errors import AccessDenied, FileNotFoundOnHub, HttpError
from modelden.host.serve.cors import AnyOrigin
from modelden.hub.catalog.file_info import FileInfo
from modelden.hub.catalog.names import HubAddress
from modelden.hub.catalog.repository import TREE, UNKNOWN, RepositoryListing, list_repository
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
        return await list_repository(self.fetcher, ADDRESS, "org/model", "v1")


def file(number: int) -> FileInfo:
    return FileInfo(f"{number}.onnx", number, DIGEST)


async def test_pages_are_followed_to_the_last() -> None:
    pages = Pages(f'<{ORIGIN}/api/models/org/model/tree/v1?page=1>; rel="next"', "<?page=2>; rel=next")
    assert await pages.list() == RepositoryListing((file(0), file(1), file(2)), TREE)


@pytest.mark.parametrize("root", ["http://other.example", "https://hub.example", "http://hub.example:81"])
async def test_a_list_that_goes_on_at_another_origin_is_no_list(root: str) -> None:
    pages = Pages(f'<{root}/?page=1>; rel="next"')
    listing = await pages.list()

    assert (listing.files, listing.source) == (None, UNKNOWN)
    assert "on the hub's own origin" in str(listing.reason)
    assert len(pages.fetcher.requests) == 1


async def test_a_link_to_the_page_before_is_not_followed() -> None:
    pages = Pages('<?page=1>; rel="prev"')
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


async def test_a_full_page_without_a_readable_link_is_no_list() -> None:
    """CORS hides the header ``Link`` unless the hub exposes it, and more pages may follow."""
    entries = [{"type": "file", "path": f"{number}.txt", "size": 1, "oid": "a" * 40} for number in range(1000)]
    route = Route("/api/models/org/model/tree/v1", AnyOrigin(Response(json.dumps(entries)), ()))
    listing = await list_repository(AsgiFetcher(Starlette(routes=[route])), ADDRESS, "org/model", "v1")
    assert "Link" in str(listing.reason)


async def test_a_small_file_has_the_name_of_its_git_blob_and_a_large_one_that_of_its_pointer() -> None:
    entries = [
        {"type": "file", "path": "config.json", "size": 2, "oid": "a" * 40},
        {"type": "file", "path": "odd.json", "size": 2, "oid": "A" * 40},
        {"type": "file", "path": "model.onnx", "size": 5, "oid": "b" * 40, "lfs": {"oid": DIGEST, "size": 5}},
    ]
    route = Route("/api/models/org/model/tree/v1", AnyOrigin(Response(json.dumps(entries)), ()))
    listing = await list_repository(AsgiFetcher(Starlette(routes=[route])), ADDRESS, "org/model", "v1")
    assert listing.files == (
        FileInfo("config.json", 2, None, "a" * 40),
        FileInfo("odd.json", 2),
        FileInfo("model.onnx", 5, DIGEST),
    )


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "file", "path": "a"},
        {"type": "file", "path": "a", "size": -1},
        {"type": "file", "path": "a", "size": True},
        {"type": "file", "path": 1, "size": 1},
        {"type": "file", "path": "a", "size": 1, "lfs": "oid"},
        "a",
        {},
    ],
)
async def test_an_entry_that_is_no_file_is_no_list(entry: Any) -> None:
    route = Route("/api/models/org/model/tree/v1", AnyOrigin(Response(json.dumps([entry])), ()))
    listing = await list_repository(AsgiFetcher(Starlette(routes=[route])), ADDRESS, "org/model", "v1")
    assert listing.files is None


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, "RepoNotFound", FileNotFoundOnHub),
        (404, "RevisionNotFound", FileNotFoundOnHub),
        (403, "", HttpError),
        (403, "GatedRepo", AccessDenied),
    ],
)
async def test_a_refused_list_has_its_error(status: int, code: str, expected: type[Exception]) -> None:
    answer = Response(status_code=status, headers={"X-Error-Code": code})
    route = Route("/api/models/org/model/tree/v1", AnyOrigin(answer, ("X-Error-Code",)))
    listing = await list_repository(AsgiFetcher(Starlette(routes=[route])), ADDRESS, "org/model", "v1")
    assert type(listing.error) is expected
    assert str(listing.error) in str(listing.reason)
