"""huggingface_hub's calls and mirrors, over a hub whose files a signed manifest names."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from modelden.host.serve.server import RunningServer
from tests.faults.hub import Fault, FaultyHub
from tests.pyodide.browser_page import HERE, assert_whole_files
from tests.pyodide.servers import MODEL, REVISION, WEIGHTS
from tests.tiny_model import tiny_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

FILES = tiny_model(REVISION)
DIGESTS = {path: hashlib.sha256(data).hexdigest() for path, data in FILES.items()}
TINY = {"repo_id": MODEL, "revision": REVISION}


@pytest.fixture
def call(page: Page, site: Site) -> Callable[..., Any]:
    listed = [{"path": path, "size": len(data), "sha256": DIGESTS[path]} for path, data in FILES.items()]
    manifest = {"id": "tiny", "modelId": MODEL, "revision": REVISION, "files": listed}
    site.app.collections.add("main", "ml-model-manifests", [manifest], 1_700_000_000_000)
    page.add_module("in_page_hub.py", (HERE / "in_page_hub.py").read_text("utf-8"))
    page.call("configure", config={**site.config, "manifests": True})
    return partial(page.call, module="in_page_hub")


def test_a_snapshot_is_downloaded_once(page: Page, site: Site, call: Callable[..., Any]) -> None:
    some = call("snapshot", patterns="*onfig.json", **TINY)
    assert some == [[path, DIGESTS[path], "signed"] for path in sorted(FILES) if path.endswith("onfig.json")]
    whole = call("snapshot", **TINY)
    assert whole == [[path, DIGESTS[path], "signed"] for path in sorted(FILES)]
    asked = [each for each in site.requests() if "/hub/" in each]
    assert sorted(asked) == [f"GET /hub/{MODEL}/{REVISION}/{path}" for path in sorted(FILES)]

    assert call("written", folder="snapshot", **TINY) == DIGESTS
    assert [each for each in site.requests() if "/hub/" in each] == []
    assert_whole_files(page.stored()["modelFiles"])


FAULTS = {
    "gone": Fault(close=True),
    "down": Fault(status=503, retry_after=0),
    "without the file": Fault(status=404),
    "with other bytes": Fault(body=b"other"),
    "of web pages": Fault(html=True),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mirror_is_asked_and_believed_only_with_the_signed_hash(
    page: Page, site: Site, call: Callable[..., Any], fault: str
) -> None:
    path = f"/{MODEL}/{REVISION}/{WEIGHTS}"
    hub = FaultyHub({path: FILES[WEIGHTS]}, always=FAULTS[fault])
    forged = FaultyHub({path: FILES[WEIGHTS][::-1]})
    right = f"{site.hub.url}/hub"
    with RunningServer(hub) as server, RunningServer(forged) as mirror:
        config = {**site.config, "manifests": True, "hub_root_url": server.url}
        page.call("configure", config={**config, "hubs": [mirror.url]})
        error = call("downloaded", filename=WEIGHTS, **TINY)["error"]
        assert error["name"] == "IntegrityError"
        assert page.stored()["modelFiles"]["headers"] == []

        page.call("configure", config={**config, "hubs": [mirror.url, right]})
        got = call("downloaded", filename=WEIGHTS, **TINY)
    assert got == {
        "error": None,
        "sha256": DIGESTS[WEIGHTS],
        "integrity": "signed",
        "hubs": {WEIGHTS: right},
        "foreign": [],
    }
    assert_whole_files(page.stored()["modelFiles"])
    page.call("configure", config={})
