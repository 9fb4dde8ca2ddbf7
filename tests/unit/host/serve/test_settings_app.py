"""Responses of Kinto, by the notes of our own run of it: statuses, bodies, headers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.host.conftest import RECORDS

if TYPE_CHECKING:
    import httpx

    from modelden.host.serve.server import Application


MONITOR = "/v1/buckets/monitor/collections/changes/changeset"


OPTIONS = "/v1/buckets/main/collections/options/changeset"


FIRST = 1_700_000_000_002


def get(client: httpx.Client, url: str, **params: str) -> Any:
    response = client.get(url, params={"_expected": "0", **params})
    response.raise_for_status()
    return response.json()


def test_root_page_names_the_attachments_with_a_final_slash(client: httpx.Client) -> None:
    root = client.get("/v1/").json()

    assert root["capabilities"]["attachments"]["base_url"] == f"{client.base_url}/attachments/"
    assert root["url"] == f"{client.base_url}/v1/"


def test_version_without_a_slash_is_redirected(client: httpx.Client) -> None:
    response = client.get("/v1")

    assert (response.status_code, response.headers["location"]) == (307, "/v1/")
    assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "page.localhost"])
def test_urls_follow_the_host_of_the_request(client: httpx.Client, host: str) -> None:
    origin = f"{host}:{client.base_url.port}"
    headers = {"Host": origin}
    root = client.get("/v1/", headers=headers).json()
    metadata = client.get(OPTIONS, params={"_expected": "0"}, headers=headers).json()["metadata"]
    config = client.get("/config.json", headers=headers).json()

    assert root["capabilities"]["attachments"]["base_url"] == f"http://{origin}/attachments/"
    assert metadata["signature"]["x5u"].startswith(f"http://{origin}/chains/")
    assert config["settingsServer"] == f"http://{origin}/v1"
    assert config["hubRootUrl"] == f"http://{origin}/hub"


def test_the_monitor_lists_collections_newest_first(client: httpx.Client, application: Application) -> None:
    application.collections.add("main-preview", "later", timestamp=FIRST + 1)
    answer = get(client, MONITOR)

    assert answer["metadata"] == {"bucket": "monitor"}
    assert answer["timestamp"] == FIRST + 1
    assert answer["changes"][0]["bucket"] == "main-preview"
    assert set(answer["changes"][0]) == {"id", "last_modified", "bucket", "collection", "host"}


def test_the_monitor_filters_by_bucket_and_collection(client: httpx.Client, application: Application) -> None:
    application.collections.add("main-preview", "options", timestamp=FIRST)

    def names(**params: str) -> list[tuple[str, str]]:
        return [(each["bucket"], each["collection"]) for each in get(client, MONITOR, **params)["changes"]]

    assert names(collection="options", bucket="main") == [("main", "options")]
    assert sorted(names(collection="options")) == [("main", "options"), ("main-preview", "options")]
    assert sorted(names(bucket="main")) == [("main", "empty"), ("main", "options")]
    assert names(collection="nothing", bucket="main") == []


def test_the_monitor_with_since_lists_only_newer_ones(client: httpx.Client, application: Application) -> None:
    timestamp = application.collections["main", "options"].publish({"id": "c"})

    assert [each["collection"] for each in get(client, MONITOR, _since=f'"{timestamp - 1}"')["changes"]] == ["options"]
    assert get(client, MONITOR, _since=str(timestamp))["changes"] == []


def test_the_monitor_is_204_when_expected_is_older_than_since(client: httpx.Client) -> None:
    now = int(time.time() * 1000)
    response = client.get(MONITOR, params={"_expected": str(now - 1), "_since": f'"{now}"'})

    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["cache-control"] == "max-age=86400"


def test_the_monitor_redirects_a_quoted_expected(client: httpx.Client) -> None:
    response = client.get(MONITOR, params={"_expected": '"42"', "bucket": "main"})

    assert response.status_code == 307
    assert response.headers["location"] == f"{client.base_url}{MONITOR}?_expected=42&bucket=main"


def test_the_monitor_drops_a_since_of_more_than_21_days(client: httpx.Client) -> None:
    response = client.get(MONITOR, params={"_expected": "0", "_since": '"1700000000000"'})

    assert response.status_code == 307
    assert response.headers["location"] == f"{client.base_url}{MONITOR}?_expected=0"


def test_a_changeset_is_whole_and_newest_first(client: httpx.Client) -> None:
    answer = get(client, OPTIONS)

    assert answer["timestamp"] == FIRST
    assert answer["changes"] == [RECORDS[1], RECORDS[0]]
    assert (answer["metadata"]["id"], answer["metadata"]["bucket"]) == ("options", "main")
    assert answer["metadata"]["last_modified"] > answer["timestamp"]


@pytest.mark.parametrize("quote", ["", '"'])
def test_since_gives_changes_and_tombstones(client: httpx.Client, application: Application, quote: str) -> None:
    options = application.collections["main", "options"]
    deleted = options.delete("A")
    updated = options.update("b", modelRevision="v2")

    assert get(client, OPTIONS, _since=f"{quote}{FIRST}{quote}")["changes"] == [
        {**RECORDS[0], "modelRevision": "v2", "last_modified": updated},
        {"id": "A", "last_modified": deleted, "deleted": True},
    ]
    assert get(client, OPTIONS, _since=f"{quote}{updated}{quote}")["changes"] == []
    assert [each["id"] for each in get(client, OPTIONS)["changes"]] == ["b"]


def test_a_record_that_comes_back_has_no_tombstone(client: httpx.Client, application: Application) -> None:
    options = application.collections["main", "options"]
    options.delete("A")
    options.publish({"id": "A"})

    assert [each.get("deleted") for each in get(client, OPTIONS, _since="0")["changes"]] == [None, None]


def test_a_since_ahead_of_the_collection_is_empty(client: httpx.Client) -> None:
    assert get(client, OPTIONS, _since=str(FIRST + 10**6))["changes"] == []


def test_conditional_requests_are_answered_in_full(client: httpx.Client) -> None:
    first = client.get(OPTIONS, params={"_expected": "0"})
    headers = {"If-None-Match": f'"{FIRST}"', "If-Modified-Since": first.headers["last-modified"]}
    second = client.get(OPTIONS, params={"_expected": "0"}, headers=headers)

    assert "etag" not in first.headers
    assert (second.status_code, second.json()) == (200, first.json())


def test_head_has_the_headers_of_get(client: httpx.Client) -> None:
    get = client.get(OPTIONS, params={"_expected": "0"})
    head = client.head(OPTIONS, params={"_expected": "0"})

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


ERRORS = [
    ("GET", OPTIONS, 400, 107),
    ("GET", MONITOR, 400, 107),
    ("GET", f"{OPTIONS}?_expected=0&_since=abc", 400, 107),
    ("GET", f"{OPTIONS}?_expected=0&_since=-1", 400, 107),
    ("GET", f"{OPTIONS}?_expected=0&_since=%221", 400, 107),
    ("GET", "/v1/buckets/nope/collections/options/changeset?_expected=0", 401, 104),
    ("GET", "/v1/buckets/main/collections/nope/changeset?_expected=0", 404, 111),
    ("GET", "/v1/nothing-here", 404, 111),
    ("POST", f"{OPTIONS}?_expected=0", 405, 115),
]


@pytest.mark.parametrize(("method", "url", "status", "errno"), ERRORS)
def test_errors_are_kintos(client: httpx.Client, method: str, url: str, status: int, errno: int) -> None:
    response = client.request(method, url)
    error = response.json()

    assert (response.status_code, error["code"], error["errno"]) == (status, status, errno)
    assert error["error"]
    assert error["message"]
    assert response.headers["access-control-allow-origin"] == "*"


def test_a_wrong_parameter_is_named(client: httpx.Client) -> None:
    assert client.get(OPTIONS).json() == {
        "code": 400,
        "errno": 107,
        "error": "Invalid parameters",
        "message": "_expected in querystring: Required",
        "details": [{"location": "querystring", "name": "_expected", "description": "Required"}],
    }


@pytest.mark.parametrize("url", ["/v1/", f"{MONITOR}?_expected=0", f"{OPTIONS}?_expected=0", OPTIONS])
@pytest.mark.parametrize("headers", [{}, {"Origin": "http://page.example"}])
def test_pages_may_read_kintos_headers(client: httpx.Client, url: str, headers: dict[str, str]) -> None:
    response = client.get(url, headers=headers)
    exposed = {name.strip() for name in response.headers["access-control-expose-headers"].split(",")}

    assert response.headers["access-control-allow-origin"] == "*"
    assert exposed == {"Backoff", "Retry-After", "Alert", "Content-Length", "Content-Type"}


def test_preflights_allow_any_header(client: httpx.Client) -> None:
    preflight = {"Origin": "http://page.example", "Access-Control-Request-Method": "GET"}
    response = client.options(OPTIONS, headers={**preflight, "Access-Control-Request-Headers": "x-anything, range"})

    assert response.is_success
    assert response.headers["access-control-allow-headers"] == "x-anything, range"
    assert response.headers["access-control-max-age"] == "3600"


def test_changesets_are_asked_for_each_time(client: httpx.Client) -> None:
    for url in (MONITOR, OPTIONS):
        assert client.get(url, params={"_expected": "0"}).headers["cache-control"] == "no-cache"


def test_attachments_are_bytes_with_a_length_and_a_hash(client: httpx.Client) -> None:
    response = client.get("/attachments/main-workspace/runtime.wasm")

    assert response.content == b"\0asm"
    assert response.headers["content-type"] == "application/wasm"
    assert response.headers["content-length"] == "4"
    assert response.headers["access-control-allow-origin"] == "*"
    missing = client.get("/attachments/main-workspace/nothing.wasm")
    assert (missing.status_code, missing.headers["access-control-allow-origin"]) == (404, "*")


def test_an_unknown_chain_is_not_found(client: httpx.Client) -> None:
    assert client.get("/chains/nothing.chain").status_code == 404


def test_a_chain_is_readable_from_other_origins(client: httpx.Client) -> None:
    x5u = get(client, OPTIONS)["metadata"]["signature"]["x5u"]
    response = client.get(x5u)

    assert response.text.count("BEGIN CERTIFICATE") == 3
    assert response.headers["access-control-allow-origin"] == "*"
