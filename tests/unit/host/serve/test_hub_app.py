from __future__ import annotations

import hashlib
import http.client
import os
from typing import TYPE_CHECKING

import pytest

from tests.unit.host.conftest import MODEL_FILE

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from modelden.host.serve.server import RunningServer


MODEL = "/hub/acme/minilm/v1.0.0/onnx/model.onnx"


CONFIG = "/hub/acme/minilm/v1.0.0/config.json"


BRANCH = "/hub/acme/minilm/main/config.json"


ETAG = f'"{hashlib.sha256(MODEL_FILE).hexdigest()}"'


def test_a_file_has_length_type_and_the_hash_of_its_content(client: httpx.Client) -> None:
    response = client.get(MODEL, params={"download": "true"})

    assert response.content == MODEL_FILE
    assert response.headers["content-length"] == str(len(MODEL_FILE))
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["etag"] == ETAG
    assert response.headers["accept-ranges"] == "bytes"


def test_json_is_json(client: httpx.Client) -> None:
    assert client.get(CONFIG).headers["content-type"] == "application/json"


def test_head_says_what_get_would(client: httpx.Client) -> None:
    head, get = client.head(MODEL), client.get(MODEL)
    varying = {"date"}

    assert head.content == b""
    assert {**head.headers} | {"date": ""} == {**get.headers} | {"date": ""}
    assert varying <= set(get.headers)


def test_the_etag_follows_the_content_not_the_date(client: httpx.Client, tree: Path) -> None:
    path = tree / MODEL.removeprefix("/")
    os.utime(path, (1, 1))
    assert client.head(MODEL).headers["etag"] == ETAG
    path.write_bytes(MODEL_FILE + b"!")
    assert client.head(MODEL).headers["etag"] == f'"{hashlib.sha256(MODEL_FILE + b"!").hexdigest()}"'


RANGES = [("bytes=0-99", 0, 100), ("bytes=1000-", 1000, len(MODEL_FILE)), ("bytes=-7", len(MODEL_FILE) - 7, None)]


@pytest.mark.parametrize(("value", "start", "end"), RANGES)
def test_a_range_is_206(client: httpx.Client, value: str, start: int, end: int | None) -> None:
    response = client.get(MODEL, headers={"Range": value})
    expected = MODEL_FILE[start:end]

    assert (response.status_code, response.content) == (206, expected)
    assert response.headers["content-range"] == f"bytes {start}-{start + len(expected) - 1}/{len(MODEL_FILE)}"
    assert response.headers["content-length"] == str(len(expected))
    assert response.headers["etag"] == ETAG


def test_a_range_behind_the_end_is_416(client: httpx.Client) -> None:
    response = client.get(MODEL, headers={"Range": f"bytes={len(MODEL_FILE)}-"})

    assert response.status_code == 416
    assert response.headers["content-range"] == f"bytes */{len(MODEL_FILE)}"
    assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(("etag", "status"), [(ETAG, 206), ('"other"', 200), (f"W/{ETAG}", 200)])
def test_if_range_gives_the_rest_only_of_the_same_file(client: httpx.Client, etag: str, status: int) -> None:
    response = client.get(MODEL, headers={"Range": "bytes=1000-", "If-Range": etag})

    assert response.status_code == status
    assert response.content == (MODEL_FILE[1000:] if status == 206 else MODEL_FILE)


@pytest.mark.parametrize("value", [ETAG, f'"other", {ETAG}', "*"])
def test_if_none_match_is_304(client: httpx.Client, value: str) -> None:
    response = client.get(MODEL, headers={"If-None-Match": value})

    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == ETAG
    assert response.headers["access-control-allow-origin"] == "*"


def test_if_none_match_of_another_file_is_200(client: httpx.Client) -> None:
    assert client.get(MODEL, headers={"If-None-Match": '"other"'}).status_code == 200


def test_pages_may_read_what_a_download_needs(client: httpx.Client) -> None:
    exposed = {name.strip() for name in client.get(MODEL).headers["access-control-expose-headers"].split(",")}

    assert exposed == {"ETag", "X-ETag-Digest", "Content-Length", "Content-Range", "Accept-Ranges"}


def test_preflight_for_a_range(client: httpx.Client) -> None:
    origin_headers = {"Origin": "http://page.example", "Access-Control-Request-Method": "GET"}
    response = client.options(MODEL, headers={**origin_headers, "Access-Control-Request-Headers": "range, if-range"})

    assert response.is_success
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["access-control-allow-headers"] == "range, if-range"
    assert "GET" in response.headers["access-control-allow-methods"]


@pytest.mark.parametrize(
    ("revision", "long"),
    [("v1.0.0", True), ("1.2", True), ("v2.0-rc.1", True), ("a" * 40, True), ("main", False), ("dev-2", False)],
)
def test_only_pinned_revisions_are_kept_long(client: httpx.Client, tree: Path, revision: str, *, long: bool) -> None:
    path = tree / "hub/acme/other" / revision / "config.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    cache = client.get(f"/hub/acme/other/{revision}/config.json").headers["cache-control"]

    assert cache == ("public, max-age=31536000, immutable" if long else "no-cache")


@pytest.mark.parametrize(
    "path",
    [
        "/hub/../keys/leaf.pem",
        "/hub/%2e%2e/keys/leaf.pem",
        "/hub/..%2fkeys%2fleaf.pem",
        "/hub/acme/minilm/v1.0.0/../../../../keys/leaf.pem",
        "/hub//etc/passwd",
        "/hub/%2fetc%2fpasswd",
        "/hub/..%5ckeys%5cleaf.pem",
        "/hub/acme%00/minilm",
        "/attachments/..%2fkeys%2fleaf.pem",
        "/attachments/../settings/main/options.json",
        "/..%2ftree%2fkeys%2fleaf.pem",
        "/hub/acme/minilm/v1.0.0",
        "/hub/acme/minilm/v1.0.0/",
        "/hub/" + "x" * 300,
    ],
)
def test_what_is_not_a_file_of_the_tree_is_not_found(server: RunningServer, path: str) -> None:
    # http.client sends the path as it is; others tidy it up
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", path)
    response = connection.getresponse()

    assert response.status == 404
    assert b"PRIVATE" not in response.read()
    connection.close()


def test_a_link_out_of_the_tree_is_not_followed(client: httpx.Client, tree: Path) -> None:
    (tree / "hub/acme/minilm/v1.0.0/key.pem").symlink_to(tree / "keys/leaf.pem")
    (tree / "hub/acme/keys").symlink_to(tree / "keys")

    assert client.get("/hub/acme/minilm/v1.0.0/key.pem").status_code == 404
    assert client.get("/hub/acme/keys/leaf.pem").status_code == 404


def test_a_link_inside_the_tree_is_followed(client: httpx.Client, tree: Path) -> None:
    (tree / "hub/acme/minilm/v1.0.1").symlink_to(tree / "hub/acme/minilm/v1.0.0")

    assert client.get("/hub/acme/minilm/v1.0.1/config.json").status_code == 200


def test_an_empty_file_is_served(client: httpx.Client, tree: Path) -> None:
    (tree / "hub/acme/minilm/main/empty.txt").write_bytes(b"")
    response = client.get("/hub/acme/minilm/main/empty.txt")

    assert (response.status_code, response.headers["content-length"]) == (200, "0")


def test_a_branch_is_asked_for_each_time(client: httpx.Client) -> None:
    assert client.get(BRANCH).headers["cache-control"] == "no-cache"
