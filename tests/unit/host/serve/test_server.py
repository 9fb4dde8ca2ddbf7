"""The server and the options of its application."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, cast

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.types import ASGIApp

from modelden.host.errors import ServeError
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application, RunningServer

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Receive, Scope, Send


def test_config_tells_the_page_whom_to_trust(client: httpx.Client, application: Application) -> None:
    assert client.get("/config.json").json() == {
        "settingsServer": f"{client.base_url}/v1",
        "rootHash": application.root_hash,
        "hubRootUrl": f"{client.base_url}/hub",
    }


def test_a_site_with_a_configuration_of_its_own_is_served_as_it_is(tree: Path, site: Path) -> None:
    (site / "config.json").write_text('{"hubRootUrl": "https://models.example/hub"}')
    with RunningServer(Application(Tree(tree), site)) as server:
        assert httpx.get(f"{server.url}/config.json").json() == {"hubRootUrl": "https://models.example/hub"}


def test_a_tree_can_be_served_without_a_site(tree: Path) -> None:
    with RunningServer(Application(Tree(tree))) as server:
        assert httpx.get(f"{server.url}/").status_code == 404
        assert httpx.get(f"{server.url}/v1/").status_code == 200


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


def test_answers_do_not_wait_for_acknowledgements() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        connection = scope["state"]["transport"].get_extra_info("socket")
        no_delay = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        await JSONResponse(bool(no_delay))(scope, receive, send)

    with RunningServer(app) as server:
        assert httpx.get(server.url).json() is True


CHANGESET = "/v1/buckets/main/collections/{}/changeset?_expected=0"


def test_changesets_are_compressed_and_model_files_are_not(published: Path) -> None:
    with (
        RunningServer(Application(Tree(published), compress=True)) as server,
        httpx.Client(base_url=server.url) as client,
    ):
        changeset = client.get(CHANGESET.format("ml-model-manifests"))
        file = client.get("/hub/acme/tiny/v1/tokenizer.json")
        plain = client.get(CHANGESET.format("ml-model-manifests"), headers={"Accept-Encoding": "identity"})

    assert changeset.headers["content-encoding"] == "gzip"
    assert changeset.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in plain.headers
    assert plain.json() == changeset.json()
    assert "content-encoding" not in file.headers
    assert file.headers["content-length"] == str(len(file.content))


def test_a_cdn_may_keep_revisions_for_a_year_and_changesets_as_long_as_told(published: Path) -> None:
    with RunningServer(Application(Tree(published), max_age=60)) as server:
        headers = [
            httpx.get(f"{server.url}{path}").headers["cache-control"]
            for path in (CHANGESET.format("ml-inference-options"), "/hub/acme/tiny/v1/config.json")
        ]

    assert headers == ["public, max-age=60", "public, max-age=31536000, immutable"]


def test_a_server_that_records_nothing_does_not_grow(published: Path) -> None:
    application = Application(Tree(published), record=False)
    with RunningServer(application) as server:
        assert httpx.get(f"{server.url}/v1/").status_code == 200

    assert application.log.entries() == []


def test_a_server_that_cannot_start_is_an_error_and_frees_its_port() -> None:
    server = RunningServer(cast("ASGIApp", "no_such_module:app"))
    with pytest.raises(ServeError, match="did not start: SystemExit"):
        server.start()

    with RunningServer(Starlette(), port=server.port) as other:
        assert httpx.get(other.url).status_code == 404
