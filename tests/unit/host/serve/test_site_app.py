from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from modelden.host.errors import ServeError
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application

if TYPE_CHECKING:
    from pathlib import Path


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
    second = client.get(path, headers={"If-None-Match": response.headers["etag"]})
    assert second.status_code == 304


def test_a_missing_site_is_an_error_in_words(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(ServeError, match="There is no folder"):
        Application(Tree(tree), tmp_path / "nothing")
