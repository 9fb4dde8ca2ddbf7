from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from modelden.host.keys.certificates import SigningChain
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application, RunningServer
from modelden.host.verify.target import verify_server
from tests.hosting.nginx import nginx

WEIGHTS = "/hub/acme/tiny/v1/onnx/model_quantized.onnx"


@pytest.fixture(scope="module")
def origin(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with nginx(published, tmp_path_factory.mktemp("nginx")) as origin:
        yield origin


async def test_a_client_accepts_the_tree_from_nginx(origin: str, chain: SigningChain) -> None:
    report = await verify_server(f"{origin}/v1", root_hash=chain.root_hash)

    assert report.faults == []
    assert (len(report.collections), report.files) == (4, 5)


def test_nginx_and_serve_say_the_same(origin: str, published: Path) -> None:
    with RunningServer(Application(Tree(published))) as server:
        for path in ("/v1/buckets/main/collections/ml-inference-options/changeset?_expected=0", WEIGHTS):
            theirs, ours = httpx.get(origin + path), httpx.get(server.url + path)
            assert theirs.status_code == ours.status_code == 200
            if path == WEIGHTS:
                assert theirs.content == ours.content
            else:
                assert theirs.json()["changes"] == ours.json()["changes"]
                assert theirs.json()["timestamp"] == ours.json()["timestamp"]


def test_nothing_else_of_the_tree_is_served(origin: str) -> None:
    for path in (
        "/",
        "/settings/main/ml-inference-options.json",
        "/modelden.json",
        "/.modelden/lock",
        "/keys/root.pem",
    ):
        assert httpx.get(origin + path).status_code == 404


def test_the_documented_headers_are_there(origin: str) -> None:
    changeset = httpx.get(f"{origin}/v1/buckets/main/collections/ml-model-manifests/changeset?_expected=1&_since=1")
    assert changeset.headers["access-control-allow-origin"] == "*"
    assert changeset.headers["cache-control"] == "public, max-age=60"
    assert changeset.headers["content-type"] == "application/json"
    assert changeset.headers["content-encoding"] == "gzip"
    assert httpx.get(f"{origin}/v1/").headers["content-type"] == "application/json"

    file = httpx.get(f"{origin}{WEIGHTS}?download=true")
    assert file.headers["access-control-allow-origin"] == "*"
    assert "Content-Range" in file.headers["access-control-expose-headers"]
    assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert file.headers["content-length"] == str(len(file.content))


def test_a_page_may_resume_a_download(origin: str) -> None:
    full = httpx.get(origin + WEIGHTS)
    preflight = httpx.options(
        origin + WEIGHTS, headers={"Origin": "https://page.example", "Access-Control-Request-Headers": "range,if-range"}
    )
    partial = httpx.get(origin + WEIGHTS, headers={"Range": "bytes=100-", "If-Range": full.headers["etag"]})
    other = httpx.get(origin + WEIGHTS, headers={"Range": "bytes=100-", "If-Range": '"another"'})

    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert preflight.headers["access-control-allow-headers"] == "Range, If-Range"
    assert (partial.status_code, partial.content) == (206, full.content[100:])
    assert (other.status_code, other.content) == (200, full.content)
