from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application, RunningServer

if TYPE_CHECKING:
    from pathlib import Path


MODEL = "/hub/acme/minilm/v1.0.0/onnx/model.onnx"


OPTIONS = "/v1/buckets/main/collections/options/changeset?_expected=0"


def test_the_log_can_be_read_and_cleared_over_http(client: httpx.Client) -> None:
    client.get("/v1/")
    entry = {"method": "GET", "host": f"localhost:{client.base_url.port}", "path": "/v1/"}

    (logged,) = client.get("/__log__").json()
    assert logged.items() >= {**entry, "status": 200, "complete": True}.items()
    assert client.post("/__log__/clear").is_success
    assert client.get("/__log__").json() == []


def test_switches_are_off_by_default(tree: Path) -> None:
    with RunningServer(Application(Tree(tree))) as server:
        assert httpx.get(f"{server.url}/__log__").status_code == 404
        assert httpx.put(f"{server.url}/__faults__", json=[{"path": "*", "status": 500}]).status_code == 404
        assert httpx.get(f"{server.url}/v1/").status_code == 200


def test_faults_are_set_over_http(client: httpx.Client) -> None:
    assert client.put("/__faults__", json=[{"path": "/hub/*.onnx", "status": 404, "times": 1}]).is_success

    assert [client.get(MODEL).status_code for _ in range(2)] == [404, 200]


@pytest.mark.parametrize("rules", [[{"pathh": "*"}], [{"path": "*", "stat": 1}], [1], {"path": "*"}, 7])
def test_faults_that_are_none_are_refused(client: httpx.Client, rules: object) -> None:
    response = client.put("/__faults__", json=rules)

    assert response.status_code == 400
    assert "cut_after" in response.text


def test_text_that_is_no_json_is_refused(client: httpx.Client) -> None:
    assert client.put("/__faults__", content=b"{").status_code == 400


def test_a_collection_is_replaced_over_http(client: httpx.Client) -> None:
    before = client.get(OPTIONS).json()
    answer = client.put("/__collections__/main/options", json={"records": [{"id": "new", "x": 1}]}).json()
    after = client.get(OPTIONS).json()

    assert after["timestamp"] == answer["timestamp"] > before["timestamp"]
    assert after["changes"] == [{"id": "new", "x": 1, "last_modified": answer["timestamp"]}]
    assert after["metadata"]["signature"]["signature"] != before["metadata"]["signature"]["signature"]


def test_a_new_collection_is_added_over_http(client: httpx.Client) -> None:
    answer = client.put("/__collections__/main/new", json={"records": [{"id": "a"}], "timestamp": 77})

    assert answer.json() == {"timestamp": 77}
    assert client.get(OPTIONS.replace("options", "new")).json()["timestamp"] == 77


def test_a_collection_may_keep_its_old_signature(client: httpx.Client) -> None:
    before = client.get(OPTIONS).json()["metadata"]["signature"]["signature"]
    client.put("/__collections__/main/options", json={"records": [{"id": "evil"}], "sign": False})

    assert client.get(OPTIONS).json()["metadata"]["signature"]["signature"] == before


@pytest.mark.parametrize(
    "content", ["{}", '{"records": 1}', '{"records": [{}]}', "[]", '{"records": [{"id": "\\ud800"}]}']
)
def test_a_collection_that_is_none_is_refused(client: httpx.Client, content: str) -> None:
    before = client.get(OPTIONS).json()

    assert client.put("/__collections__/main/options", content=content).status_code == 400
    assert client.get(OPTIONS).json() == before
