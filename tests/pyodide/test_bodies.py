"""Bodies that are no byte streams, as Safari's: they are read all the same."""

from __future__ import annotations

from pytest_pyodide import run_in_pyodide


@run_in_pyodide(packages=["modelden"])
async def test_a_body_that_is_no_byte_stream_is_read_to_its_end(selenium: object) -> None:
    from pyodide.code import run_js

    from modelden._js.fetch import JsResponse

    made = run_js("""
        new Response(new ReadableStream({
            start(controller) {
                for (const piece of [[1, 2], [3], [4, 5, 6]]) controller.enqueue(new Uint8Array(piece));
                controller.close();
            },
        }))
    """)
    pieces = [buffer async for chunk in JsResponse("url", made, 30).chunks() for buffer in chunk.buffers()]
    assert pieces == [bytes([1, 2]), bytes([3]), bytes([4, 5, 6])]


@run_in_pyodide(packages=["modelden"])
async def test_a_body_that_is_no_byte_stream_and_breaks_is_an_error(selenium: object) -> None:
    from pyodide.code import run_js

    import modelden
    from modelden._js.fetch import JsResponse

    made = run_js("""
        new Response(new ReadableStream({
            pull(controller) {
                if (this.begun) controller.error(new TypeError("network error"));
                else controller.enqueue(new Uint8Array([1]));
                this.begun = true;
            },
        }))
    """)
    received = 0
    try:
        async for chunk in JsResponse("http://hub.example/file", made, 30).chunks():
            received += chunk.size
    except modelden.NetworkError as error:
        assert "http://hub.example/file" in str(error)  # noqa: PT017  what is left of the error
    else:
        raise AssertionError(received)
    assert received == 1
