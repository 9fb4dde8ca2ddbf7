from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from modelden.engine.streaming import Chunk, Stream
from modelden.errors import InputError

CHUNK = Chunk("a", None, is_prompt=False)


async def one_chunk(receive: Callable[[Chunk], None]) -> str:
    receive(CHUNK)
    await asyncio.sleep(0)
    return "a"


async def test_a_stream_has_a_result_after_its_loop_alone() -> None:
    stream = Stream(one_chunk)
    with pytest.raises(InputError, match="has not begun"):
        _ = stream.result

    async for chunk in stream:
        assert chunk == CHUNK
        with pytest.raises(InputError, match="has not ended"):
            _ = stream.result

    assert stream.result == "a"


async def test_a_loop_that_was_left_has_no_result_and_cancels_nobody_who_asks() -> None:
    async with Stream(one_chunk) as stream:
        async for _ in stream:
            break
    await asyncio.sleep(0)

    with pytest.raises(InputError, match="left before the end"):
        _ = stream.result
