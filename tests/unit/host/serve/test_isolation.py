from __future__ import annotations

from pathlib import Path

import httpx

from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application, RunningServer


def test_pages_are_isolated_on_demand(published: Path, site: Path) -> None:
    with RunningServer(Application(Tree(published), site, isolate=True)) as server:
        for path in ("/", "/hub/acme/tiny/v1/config.json", "/nothing"):
            headers = httpx.get(f"{server.url}{path}").headers
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert headers["cross-origin-embedder-policy"] == "require-corp"
            assert headers["cross-origin-resource-policy"] == "cross-origin"
