"""The contract of `ports.Fetcher`. Runs over httpx on CPython and over the browser's fetch in a page.

Each of `CASES` is ``async def case(fetcher, base)``; it returns, or raises AssertionError.

- ``fetcher``: a `ports.Fetcher`.
- ``base``: the origin of a running `tests.simulators.fetch_app.fetch_app()`, without a slash at its end. On the host::

      with RunningServer(fetch_app()) as server:
          base = server.url

  In a page it has to be of another origin than the page: the cases tell what CORS lets through.

Only the standard library and modelden are imported: ship this file's text to the page and execute it there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from hashlib import sha256

from modelden.core.response_body import read_text
from modelden.errors import NetworkError, RedirectRefused, RequestTimeout, ResponseTooLarge
from modelden.ports import Fetcher

Case = Callable[[Fetcher, str], Awaitable[None]]

BIG_SIZE = 3_000_000
BIG_SHA256 = "4d3870d4655ed773027a713ea136507d22e076248e0e9cc920a996039653b76f"
"""Of ``/big``: the bytes 0, 1, ..., 250 again and again."""

LIMIT = 1_000_000


async def a_text_is_read_as_utf_8(fetcher: Fetcher, base: str) -> None:
    async with fetcher.fetch(f"{base}/text") as response:
        assert response.status == 200, response.status
        assert response.url == f"{base}/text", response.url
        assert await read_text(response, response.url, LIMIT) == "grüße €😀\n"


async def header_names_are_in_lower_case(fetcher: Fetcher, base: str) -> None:
    async with fetcher.fetch(f"{base}/text") as response:
        assert response.headers["content-type"] == "text/plain; charset=utf-8", dict(response.headers)
        assert response.headers["content-length"] == "16"
        assert response.headers.get("etag") == '"the tag"'
        assert all(name == name.lower() for name in response.headers)


async def headers_that_are_not_exposed_are_not_there(fetcher: Fetcher, base: str) -> None:
    async with fetcher.fetch(f"{base}/unexposed") as response:
        assert "etag" not in response.headers, dict(response.headers)
        assert response.headers["content-length"] == "16"


async def an_answer_without_cors_is_a_network_error(fetcher: Fetcher, base: str) -> None:
    error = await _raised(NetworkError, _text(fetcher, f"{base}/private"))
    assert error.url == f"{base}/private"
    assert f"{base}/private" in str(error)


async def a_closed_connection_is_a_network_error(fetcher: Fetcher, base: str) -> None:
    error = await _raised(NetworkError, _text(fetcher, f"{base}/closed"))
    assert error.url == f"{base}/closed"


async def an_error_status_is_an_answer(fetcher: Fetcher, base: str) -> None:
    for status in (404, 500, 503):
        async with fetcher.fetch(f"{base}/status/{status}") as response:
            assert response.status == status
            assert await read_text(response, response.url, LIMIT) == f"error {status}"


async def a_head_has_headers_and_no_body(fetcher: Fetcher, base: str) -> None:
    async with fetcher.fetch(f"{base}/text", method="HEAD") as response:
        assert response.status == 200
        assert response.headers["content-length"] == "16"
        assert response.headers["etag"] == '"the tag"'
        assert await read_text(response, response.url, LIMIT) == ""


async def a_redirect_is_followed(fetcher: Fetcher, base: str) -> None:
    async with fetcher.fetch(f"{base}/redirect") as response:
        assert response.status == 200
        assert response.url == f"{base}/text", response.url
        assert await read_text(response, response.url, LIMIT) == "grüße €😀\n"


async def a_redirect_is_refused_where_it_is_not_wanted(fetcher: Fetcher, base: str) -> None:
    error = await _raised(RedirectRefused, _text(fetcher, f"{base}/redirect", follow_redirects=False))
    assert f"{base}/redirect" in str(error)
    assert await _text(fetcher, f"{base}/text", follow_redirects=False) == "grüße €😀\n"


async def a_token_does_not_follow_a_redirect_to_another_origin(fetcher: Fetcher, base: str) -> None:
    async with fetcher.fetch(f"{base}/sent", headers={"Authorization": "Bearer secret"}) as response:
        assert json.loads(await read_text(response, response.url, LIMIT))["authorization"] == "Bearer secret"
    async with fetcher.fetch(f"{base}/away", headers={"Authorization": "Bearer secret"}) as response:
        sent = json.loads(await read_text(response, response.url, LIMIT))
        assert not response.url.startswith(base)
    assert "authorization" not in sent, sent


async def a_query_is_sent_as_it_is(fetcher: Fetcher, base: str) -> None:
    async with fetcher.fetch(f"{base}/query?download=true&x=%22a%22&y=1+2") as response:
        assert await read_text(response, response.url, LIMIT) == "download=true&x=%22a%22&y=1+2"


async def chunks_are_the_whole_body(fetcher: Fetcher, base: str) -> None:
    digest, size = sha256(), 0
    async with fetcher.fetch(f"{base}/big") as response:
        assert response.headers["content-length"] == str(BIG_SIZE)
        async for chunk in response.chunks():
            pieces = list(chunk.buffers())
            assert chunk.size == sum(len(piece) for piece in pieces)
            assert chunk.size > 0
            size += chunk.size
            for piece in pieces:
                digest.update(piece)
    assert size == BIG_SIZE, size
    assert digest.hexdigest() == BIG_SHA256, digest.hexdigest()


async def an_empty_body_has_no_chunks(fetcher: Fetcher, base: str) -> None:
    async with fetcher.fetch(f"{base}/empty") as response:
        assert [chunk.size async for chunk in response.chunks()] == []
    async with fetcher.fetch(f"{base}/empty") as response:
        assert await read_text(response, response.url, LIMIT) == ""


async def a_text_of_exactly_the_limit_is_read(fetcher: Fetcher, base: str) -> None:
    async with fetcher.fetch(f"{base}/text") as response:
        assert len(await read_text(response, response.url, 16)) == 9


async def a_text_over_the_limit_is_refused(fetcher: Fetcher, base: str) -> None:
    # An endless body: whoever reads it to its end never returns.
    for path, limit in (("/text", 15), ("/endless/limit", 100_000)):
        error = await _raised(ResponseTooLarge, _text(fetcher, base + path, limit))
        assert error.limit == limit
        assert str(limit) in str(error)


async def headers_that_take_too_long_are_a_timeout(fetcher: Fetcher, base: str) -> None:
    for timeout in (0.2, 0.8, 3.2, 12.8):
        name = f"timeout-{timeout}"
        error = await _raised(RequestTimeout, _text(fetcher, f"{base}/hanging/{name}", timeout=timeout))
        assert error.url == f"{base}/hanging/{name}"
        assert error.seconds == timeout
        async with fetcher.fetch(f"{base}/reached/{name}") as response:
            reached = response.status == 200
        if reached:  # a busy machine may give up before the server has the request
            await _server_saw_the_end(fetcher, base, name)
            return
    raise AssertionError("no request reached the server")


async def the_timeout_does_not_limit_the_body(fetcher: Fetcher, base: str) -> None:
    for timeout in (0.4, 1.6, 6.4, 25.6):  # a busy machine needs a longer one for the headers
        try:
            async with fetcher.fetch(f"{base}/slow-body/{2 * timeout}", timeout=timeout) as response:
                assert await read_text(response, response.url, LIMIT) == "slow" * 4
        except RequestTimeout:
            continue
        return
    raise AssertionError("the headers came late, or the body was limited")


async def a_cut_body_is_a_network_error(fetcher: Fetcher, base: str) -> None:
    sizes: list[int] = []

    async def download() -> None:
        async with fetcher.fetch(f"{base}/cut") as response:
            async for chunk in response.chunks():
                sizes.append(chunk.size)  # noqa: PERF401  what came before the cut counts

    error = await _raised(NetworkError, download())
    assert error.url == f"{base}/cut"
    assert sum(sizes) < BIG_SIZE


async def a_cut_text_is_a_network_error(fetcher: Fetcher, base: str) -> None:
    await _raised(NetworkError, _text(fetcher, f"{base}/cut", 10 * LIMIT))


async def what_came_is_handed_on_while_the_rest_is_waited_for(fetcher: Fetcher, base: str) -> None:
    async with fetcher.fetch(f"{base}/begun-body") as response:
        chunks = response.chunks()
        assert (await anext(chunks)).size == 10_000


async def leaving_the_context_stops_the_download(fetcher: Fetcher, base: str) -> None:
    async with fetcher.fetch(f"{base}/endless/left") as response:
        chunks = response.chunks()
        assert (await anext(chunks)).size > 0
    # The iterator is still there: leaving alone has to stop it.
    await _server_saw_the_end(fetcher, base, "left")
    del chunks


async def cancelling_the_wait_for_headers_stops_the_request(fetcher: Fetcher, base: str) -> None:
    task = asyncio.ensure_future(_text(fetcher, f"{base}/hanging/cancelled"))
    await _server_saw(fetcher, base, "begun", "cancelled")
    task.cancel()
    await _raised(asyncio.CancelledError, task)
    await _server_saw_the_end(fetcher, base, "cancelled")


async def requests_run_side_by_side(fetcher: Fetcher, base: str) -> None:
    async def size(path: str) -> int:
        async with fetcher.fetch(base + path) as response:
            return sum([chunk.size async for chunk in response.chunks()])

    # Each of the two is answered when the other has come.
    assert sum(await asyncio.gather(size("/meet"), size("/meet"))) == 6


CASES: list[Case] = [
    a_text_is_read_as_utf_8,
    header_names_are_in_lower_case,
    headers_that_are_not_exposed_are_not_there,
    an_answer_without_cors_is_a_network_error,
    a_closed_connection_is_a_network_error,
    an_error_status_is_an_answer,
    a_head_has_headers_and_no_body,
    a_redirect_is_followed,
    a_redirect_is_refused_where_it_is_not_wanted,
    a_token_does_not_follow_a_redirect_to_another_origin,
    a_query_is_sent_as_it_is,
    chunks_are_the_whole_body,
    an_empty_body_has_no_chunks,
    a_text_of_exactly_the_limit_is_read,
    a_text_over_the_limit_is_refused,
    headers_that_take_too_long_are_a_timeout,
    the_timeout_does_not_limit_the_body,
    a_cut_body_is_a_network_error,
    a_cut_text_is_a_network_error,
    what_came_is_handed_on_while_the_rest_is_waited_for,
    leaving_the_context_stops_the_download,
    cancelling_the_wait_for_headers_stops_the_request,
    requests_run_side_by_side,
]


async def _text(
    fetcher: Fetcher,
    url: str,
    limit: int = LIMIT,
    *,
    timeout: float | None = None,  # noqa: ASYNC109  as in the port
    follow_redirects: bool = True,
) -> str:
    async with fetcher.fetch(url, timeout=timeout, follow_redirects=follow_redirects) as response:
        return await read_text(response, response.url, limit)


async def _raised[E: BaseException](kind: type[E], action: Awaitable[object]) -> E:
    try:
        result = await action
    except kind as error:
        return error
    raise AssertionError(f"expected {kind.__name__}, got {result!r}")


async def _server_saw_the_end(fetcher: Fetcher, base: str, name: str) -> None:
    await _server_saw(fetcher, base, "ended", name)


async def _server_saw(fetcher: Fetcher, base: str, what: str, name: str) -> None:
    """Answered when the server knows it: 200, or 504 if it never does."""
    async with fetcher.fetch(f"{base}/{what}/{name}") as response:
        assert response.status == 200, f"the server still waits for {what}/{name}"
