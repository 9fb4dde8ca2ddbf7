from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application, RunningServer
from tests.unit.host.conftest import MODEL_FILE

if TYPE_CHECKING:
    from pathlib import Path


MODEL = "/hub/acme/minilm/v1.0.0/onnx/model.onnx"


def test_the_log_keeps_requests_in_order(client: httpx.Client, application: Application) -> None:
    host = f"localhost:{client.base_url.port}"
    client.head(MODEL)
    client.get(f"{MODEL}?download=true")
    client.get(MODEL, headers={"Range": "bytes=0-9"})
    client.get("/hub/acme/%C3%A9")

    entries = [(each.method, each.path, each.status, each.bytes) for each in application.log.entries()]
    assert entries == [
        ("HEAD", MODEL, 200, 0),
        ("GET", f"{MODEL}?download=true", 200, len(MODEL_FILE)),
        ("GET", MODEL, 206, 10),
        ("GET", "/hub/acme/%C3%A9", 404, 9),
    ]
    assert all(each.complete and each.host == host for each in application.log.entries())


def test_a_client_that_goes_away_leaves_an_incomplete_entry(tree: Path) -> None:
    (tree / "hub/acme/minilm/v1.0.0/large.bin").write_bytes(bytes(50_000_000))
    application = Application(Tree(tree))
    with (
        RunningServer(application) as server,
        httpx.stream("GET", f"{server.url}/hub/acme/minilm/v1.0.0/large.bin") as response,
    ):
        next(response.iter_raw(1000))
    # the server has stopped, and with it every request
    (entry,) = application.log.entries()
    assert entry.status == 200
    assert not entry.complete
    assert 0 < entry.bytes < 50_000_000
