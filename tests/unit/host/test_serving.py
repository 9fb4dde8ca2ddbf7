"""What `modelden serve` does beyond answering: compression, caches, isolation, its log, watching, stopping."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from modelden.host.publish.allow_list import change_list
from modelden.host.publish.collections import Collections
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application, RunningServer
from modelden.host.serve.watcher import Watcher
from tests.unit.host.publishing import publish_tiny

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelden.host.keys.certificates import SigningChain

CHANGESET = "/v1/buckets/main/collections/{}/changeset?_expected=0"


@pytest.fixture
def published(tmp_path: Path, chain: SigningChain) -> Path:
    publish_tiny(tmp_path / "tree", chain, tmp_path / "model")
    return tmp_path / "tree"


@contextmanager
def serving(*options: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`modelden serve` as a process of its own, and its origin."""
    with subprocess.Popen(  # noqa: S603  our own command
        [sys.executable, "-m", "modelden", "serve", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        try:
            yield process, lines[0].split()[1].removesuffix("/v1")
        finally:
            process.kill()


def accepts(origin: str) -> bool:
    try:
        httpx.get(f"{origin}/v1/")
    except httpx.TransportError:
        return False
    return True


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


def test_pages_are_isolated_on_demand(published: Path, site: Path) -> None:
    with RunningServer(Application(Tree(published), site, isolate=True)) as server:
        for path in ("/", "/hub/acme/tiny/v1/config.json", "/nothing"):
            headers = httpx.get(f"{server.url}{path}").headers
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert headers["cross-origin-embedder-policy"] == "require-corp"
            assert headers["cross-origin-resource-policy"] == "cross-origin"


def test_a_server_that_records_nothing_does_not_grow(published: Path) -> None:
    application = Application(Tree(published), record=False)
    with RunningServer(application) as server:
        assert httpx.get(f"{server.url}/v1/").status_code == 200

    assert application.log.entries() == []


def test_the_access_log_has_a_line_for_each_request(published: Path) -> None:
    with serving(published, "--access-log") as (process, origin):
        httpx.get(f"{origin}/hub/acme/tiny/v1/config.json?download=true")
        httpx.get(f"{origin}/hub/no%0aSuch%22")
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=20)

    first, second = log.splitlines()
    line = r'127\.0\.0\.1 - - \[.+\] "GET {} HTTP/1.1" {} \d+ \d+\.\d'
    assert re.fullmatch(line.format(r"/hub/acme/tiny/v1/config\.json\?download=true", 200), first), first
    assert re.fullmatch(line.format("/hub/no%0aSuch%22", 404), second), second


def test_what_is_published_meanwhile_is_served_when_watched(published: Path, chain: SigningChain) -> None:
    with serving(published, "--watch") as (process, origin):
        url = origin + CHANGESET.format("ml-model-allow-deny-list")
        assert httpx.get(url).json()["changes"] == []
        with Publisher.open(published, chain) as publisher:
            change_list(publisher, "DENY", "https://bad.example/")
            publisher.commit()
        until = time.monotonic() + 20
        while not (changes := httpx.get(url).json()["changes"]):
            assert time.monotonic() < until
        process.send_signal(signal.SIGTERM)
        _, words = process.communicate(timeout=20)

    assert changes[0]["urlPrefix"] == "https://bad.example/"
    assert "the tree has changed, and is served as it is now" in words


def test_a_broken_edit_leaves_what_was_served(published: Path) -> None:
    tree, told = Tree(published), list[str]()
    collections: Collections = tree.collections()
    watcher = Watcher(tree, collections, told.append)
    assert watcher.poll() is False
    (published / "settings/main/ml-inference-options.json").write_text("{")

    assert watcher.poll() is False
    assert "cannot be served" in told[0]
    assert len(collections["main", "ml-inference-options"].state.records) == 1


def test_a_download_under_way_ends_before_the_server_does(published: Path) -> None:
    size = 40_000_000
    (published / "hub/acme/tiny/v1/large.bin").write_bytes(bytes(size))
    with serving(published) as (process, origin):
        with httpx.stream("GET", f"{origin}/hub/acme/tiny/v1/large.bin") as response:
            chunks = response.iter_raw(1024)
            received = len(next(chunks))
            process.send_signal(signal.SIGTERM)
            until = time.monotonic() + 20
            while accepts(origin):  # it has the signal when it lets nobody in
                assert time.monotonic() < until
            received += sum(map(len, chunks))
        # uvicorn stops in peace, then lets the signal have its way, as those who sent it expect
        assert process.wait(20) == -signal.SIGTERM

    assert received == size


def test_tombstones_are_told_from_a_published_tree(published: Path, chain: SigningChain) -> None:
    prefix = "https://bad.example/"
    for remove in (False, True):
        with Publisher.open(published, chain) as publisher:
            change_list(publisher, "DENY", prefix, remove=remove)
            publisher.commit()
    source = json.loads((published / "settings/main/ml-model-allow-deny-list.json").read_bytes())
    with RunningServer(Application(Tree(published))) as server:
        url = server.url + CHANGESET.format("ml-model-allow-deny-list")
        changes = httpx.get(f"{url}&_since={source['timestamp'] - 1}").json()["changes"]

    assert changes == source["deleted"]
    assert changes[0]["deleted"] is True
