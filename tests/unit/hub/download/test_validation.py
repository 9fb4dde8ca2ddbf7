"""The comparison of stored files with a hub's headers. Its consequences are in `test_load_retry`."""

from __future__ import annotations

import pytest

from modelden.hub.download.validation import SMALL_SIZE, may_differ
from modelden.hub.store.records import CachedFile
from tests.simulators.blobs import MemoryBlob

SMALL, LARGE = MemoryBlob(bytes(100)), MemoryBlob(bytes(SMALL_SIZE + 1))


@pytest.mark.parametrize(
    ("blob", "etag", "headers", "differs"),
    [
        (SMALL, '"1"', None, False),
        (SMALL, '"1"', {}, False),
        (SMALL, '"1"', {"etag": '"1"', "content-length": "100"}, False),
        (SMALL, '"1"', {"etag": '"1"'}, False),
        (SMALL, '"1"', {"etag": '"2"', "content-length": "100"}, True),
        (SMALL, '"1"', {"etag": '"1"', "content-length": "101"}, True),
        (LARGE, "NO_ETAG", {"content-length": str(LARGE.size)}, False),
        (LARGE, "NO_ETAG", {"etag": '"2"', "content-length": str(LARGE.size)}, True),
        (LARGE, "NO_ETAG", {"content-length": "101"}, True),
        (LARGE, "NO_ETAG", {"content-type": "text/html"}, True),
        (SMALL, "NO_ETAG", {"content-length": "100"}, True),
    ],
)
def test_what_the_hub_tells_is_compared(
    blob: MemoryBlob, etag: str, headers: dict[str, str] | None, *, differs: bool
) -> None:
    assert may_differ(CachedFile(blob, "", "first-seen", {"ETag": etag}), headers) is differs
