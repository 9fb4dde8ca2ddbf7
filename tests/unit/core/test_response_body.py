from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest

from modelden.core.response_body import read_bytes, read_text
from modelden.errors import ResponseTooLarge
from tests.simulators.blobs import MemoryChunk

URL = "https://models.example/list"


class Response:
    """A response of given chunks."""

    url = f"{URL}/redirected"
    status = 200
    headers: Mapping[str, str] = {}

    def __init__(self, *chunks: bytes) -> None:
        self.remaining = list(chunks)

    async def chunks(self) -> AsyncIterator[MemoryChunk]:
        while self.remaining:
            yield MemoryChunk(self.remaining.pop(0))


async def test_a_text_may_be_cut_anywhere() -> None:
    body = "grüße €😀".encode()

    assert await read_text(Response(*(bytes([byte]) for byte in body)), URL, len(body)) == "grüße €😀"


async def test_bytes_that_are_no_text_are_replaced() -> None:
    assert await read_text(Response(b"a\xff"), URL, 2) == "a\N{REPLACEMENT CHARACTER}"


async def test_reading_stops_at_the_first_byte_over_the_limit() -> None:
    response = Response(b"1234", b"5", b"6")

    with pytest.raises(ResponseTooLarge) as caught:
        await read_bytes(response, URL, 4)

    assert (caught.value.url, caught.value.limit) == (URL, 4)
    assert response.remaining == [b"6"]
