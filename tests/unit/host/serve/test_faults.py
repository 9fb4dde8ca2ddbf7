from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from modelden.host.serve.faults import Fault, Faults
from tests.unit.host.conftest import MODEL_FILE

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from modelden.host.serve.server import Application


MODEL = "/hub/acme/minilm/v1.0.0/onnx/model.onnx"


CONFIG = "/hub/acme/minilm/v1.0.0/config.json"


OPTIONS = "/v1/buckets/main/collections/options/changeset?_expected=0"


def request(path: str) -> dict[str, Any]:
    return {"type": "http", "method": "GET", "path": path}


async def receive() -> Message:
    raise AssertionError("no body is read")


async def send(_message: Message) -> None:
    raise AssertionError("nothing is sent")


def test_a_status(client: httpx.Client, application: Application) -> None:
    application.faults.set(Fault(path=MODEL, status=503))
    response = client.get(MODEL)

    assert (response.status_code, response.text) == (503, "error 503")
    assert response.headers["access-control-allow-origin"] == "*"
    assert client.get(CONFIG).status_code == 200


def test_a_status_with_a_body(client: httpx.Client, application: Application) -> None:
    application.faults.set(Fault(path="/v1/*", status=400, body="{}"))

    assert client.get("/v1/").text == "{}"


def test_close_before_the_response(client: httpx.Client, application: Application) -> None:
    application.faults.set(Fault(path="/hub/*", close=True))

    with pytest.raises(httpx.RemoteProtocolError):
        client.get(MODEL)
    (entry,) = application.log.entries()
    assert (entry.status, entry.complete) == (None, False)


@pytest.mark.parametrize("after", [0, 1, 100_000, len(MODEL_FILE) - 1])
def test_a_cut_body_keeps_its_announced_length(client: httpx.Client, application: Application, after: int) -> None:
    application.faults.set(Fault(path=MODEL, cut_after=after))
    with client.stream("GET", MODEL) as response:
        assert response.headers["content-length"] == str(len(MODEL_FILE))
        with pytest.raises(httpx.RemoteProtocolError, match=f"received {after} bytes"):
            response.read()

    (entry,) = application.log.entries()
    assert (entry.status, entry.bytes, entry.complete) == (200, after, False)


def test_a_body_shorter_than_the_cut_is_whole(client: httpx.Client, application: Application) -> None:
    application.faults.set(Fault(path=MODEL, cut_after=len(MODEL_FILE)))

    assert client.get(MODEL).content == MODEL_FILE


def test_a_cut_range(client: httpx.Client, application: Application) -> None:
    application.faults.set(Fault(path=MODEL, cut_after=10))

    with pytest.raises(httpx.RemoteProtocolError):
        client.get(MODEL, headers={"Range": "bytes=100-199"})


def test_another_body_under_the_real_headers(client: httpx.Client, application: Application) -> None:
    before = client.get(MODEL)
    application.faults.set(Fault(path=MODEL, body="wrong"))
    response = client.get(MODEL)

    assert response.content == b"wrong"
    assert response.headers["content-length"] == "5"
    assert response.headers["etag"] == before.headers["etag"]


def test_what_is_wrong_is_not_cached(client: httpx.Client, application: Application) -> None:
    application.faults.set(Fault(path="*", body="wrong"))

    assert client.get(MODEL).headers["cache-control"] == "no-store"


async def test_a_delay_comes_before_everything_else_and_ends() -> None:
    served: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        served.append(scope["path"])

    faults = Faults()
    faulty = faults.wrap(app)
    faults.set(Fault(path="/delayed", delay_ms=3_600_000))
    delayed = asyncio.ensure_future(faulty(request("/delayed"), receive, send))
    await faulty(request("/other"), receive, send)
    assert served == ["/other"]
    delayed.cancel()

    faults.set(Fault(path="/delayed", delay_ms=1))
    await faulty(request("/delayed"), receive, send)
    assert served == ["/other", "/delayed"]


def test_no_cors(client: httpx.Client, application: Application) -> None:
    application.faults.set(Fault(path="*", drop_cors=True), Fault(path=MODEL, status=500))

    for path in (MODEL, OPTIONS):
        assert not [name for name in client.get(path).headers if name.startswith("access-control-")]


def test_a_redirect_that_a_page_may_follow(client: httpx.Client, application: Application) -> None:
    application.faults.set(Fault(path=MODEL, redirect="http://elsewhere.localhost/x"))
    response = client.get(MODEL)

    assert (response.status_code, response.headers["location"]) == (302, "http://elsewhere.localhost/x")
    assert response.headers["access-control-allow-origin"] == "*"


def test_a_limited_fault_ends(client: httpx.Client, application: Application) -> None:
    application.faults.set(Fault(path=MODEL, status=500, times=2))

    assert [client.get(MODEL).status_code for _ in range(3)] == [500, 500, 200]


def test_a_fault_of_one_method(client: httpx.Client, application: Application) -> None:
    application.faults.set(Fault(path="/hub/*", method="HEAD", status=500))

    assert client.head(MODEL).status_code == 500
    assert client.get(MODEL).status_code == 200


def test_new_faults_replace_old_ones(client: httpx.Client, application: Application) -> None:
    application.faults.set(Fault(path=MODEL, status=500))
    application.faults.set()

    assert client.get(MODEL).status_code == 200
