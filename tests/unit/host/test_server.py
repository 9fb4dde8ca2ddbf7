from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.responses import JSONResponse

from modelden.host.errors import ServeError, TreeError
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application, RunningServer
from tests.unit.host.conftest import MODEL_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

MODEL = "/hub/acme/minilm/v1.0.0/onnx/model.onnx"

TYPES = [
    ("/", "text/html; charset=utf-8"),
    ("/index.html", "text/html; charset=utf-8"),
    ("/page.mjs", "text/javascript; charset=utf-8"),
    ("/pyodide/pyodide.asm.wasm", "application/wasm"),
    ("/pyodide/modelden-0.1.0-py3-none-any.whl", "application/zip"),
]


@pytest.mark.parametrize(("path", "content_type"), TYPES)
def test_the_site_has_its_content_types(client: httpx.Client, path: str, content_type: str) -> None:
    response = client.get(path)

    assert response.status_code == 200
    assert response.headers["content-type"] == content_type
    assert response.headers["cache-control"] == "no-cache"
    again = client.get(path, headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


def test_config_tells_the_page_whom_to_trust(client: httpx.Client, application: Application) -> None:
    assert client.get("/config.json").json() == {
        "settingsServer": f"{client.base_url}/v1",
        "rootHash": application.root_hash,
        "hubRootUrl": f"{client.base_url}/hub",
    }


def test_a_tree_can_be_served_without_a_site(tree: Path) -> None:
    with RunningServer(Application(Tree(tree))) as server:
        assert httpx.get(f"{server.url}/").status_code == 404
        assert httpx.get(f"{server.url}/v1/").status_code == 200


def test_the_log_keeps_requests_in_order(client: httpx.Client, application: Application) -> None:
    host = f"localhost:{client.base_url.port}"
    client.head(MODEL)
    client.get(f"{MODEL}?download=true")
    client.get(MODEL, headers={"Range": "bytes=0-9"})
    client.get("/hub/acme/%C3%A9")

    found = [(each.method, each.path, each.status, each.bytes) for each in application.log.entries()]
    assert found == [
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


def test_a_server_can_come_back_at_its_port(application: Application) -> None:
    server = RunningServer(application)
    with server:
        first = server.url
        assert httpx.get(f"{first}/v1/").status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{first}/v1/")
    with server:
        assert server.url == first
        assert httpx.get(f"{first}/v1/").status_code == 200


def test_a_taken_port_is_an_error_in_words(application: Application) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServeError, match=f"Cannot listen at 127.0.0.1, port {port}"):
            RunningServer(application, port=port).start()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "is not a collection"),
        (json.dumps({"timestamp": "1", "records": []}), "is not a collection"),
        (json.dumps({"timestamp": 1, "records": [{"name": "no id"}]}), "is not a collection"),
        ('{"timestamp": 1, "records": [{"id": "a", "x": "\\ud800"}]}', "cannot be signed"),
    ],
)
def test_a_bad_collection_is_named(tree: Path, content: str, message: str) -> None:
    (tree / "settings/main/options.json").write_text(content)

    with pytest.raises(TreeError, match=f"options.json {message}"):
        Application(Tree(tree))


def test_a_folder_that_is_no_tree_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(TreeError, match="not a modelden tree"):
        Tree(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_a_tree_that_is_no_folder_is_named(tree: Path) -> None:
    (tree / "attachments/main-workspace/runtime.wasm").unlink()
    (tree / "attachments/main-workspace").rmdir()
    (tree / "attachments").rmdir()
    (tree / "attachments").write_text("")

    with pytest.raises(TreeError, match="attachments is missing and cannot be made"):
        Tree(tree)


def test_a_missing_site_is_an_error_in_words(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(ServeError, match="There is no folder"):
        Application(Tree(tree), tmp_path / "nothing")


def test_answers_do_not_wait_for_acknowledgements() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        connection = scope["state"]["transport"].get_extra_info("socket")
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        await JSONResponse(bool(told))(scope, receive, send)

    with RunningServer(app) as server:
        assert httpx.get(server.url).json() is True
