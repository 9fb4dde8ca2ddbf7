"""Whatever goes wrong has its own error, in words; it leaves nothing half-made, and the next try works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from modelden.host.testing import Fault
from tests.pyodide.servers import (
    BROKEN_MODEL,
    JSEP,
    LARGE_MODEL,
    MODEL,
    REVISION,
    TASK,
    WEIGHTS,
    attach,
    runtime_record,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

TINY = {"feature_id": "tiny"}


@pytest.fixture
def next_try_works(page: Page, site: Site) -> object:
    """After each test of this file: nothing half-made, and with the cause removed an engine can be had."""
    yield
    page.is_clean()
    site.fault()
    page.visit(site.config, **TINY)
    page.is_clean()


pytestmark = pytest.mark.usefixtures("next_try_works")


def test_unknown_task(page: Page, site: Site) -> None:
    error = page.failed_visit(site.config, task_name="feature-extracting")

    assert error.name == "UnknownTask"
    assert "InputError" in error.bases
    assert "'feature-extracting'" in error.message
    assert TASK in error.message  # one of those it could have been
    assert site.requests() == []


def test_model_that_is_not_on_the_hub(page: Page, site: Site) -> None:
    error = page.failed_visit(site.config, task_name=TASK, model_id="test/absent", model_revision="v9")

    assert error.name == "FileNotFoundOnHub"
    assert error.facts["model"] == "test/absent"
    assert error.facts["revision"] == "v9"
    assert error.facts["status"] == 404
    assert error.facts["url"].startswith(f"{site.hub.url}/hub/test/absent/v9/")
    for part in (site.hub.url, "test/absent", "v9", "404", "check both names"):
        assert part in error.message
    assert page.call("models") == []


def test_hub_that_is_down(page: Page, site: Site) -> None:
    site.hub.stop()

    error = page.failed_visit(site.config, **TINY)

    site.hub.start()
    assert error.name == "NetworkError"
    assert error.facts["url"].startswith(f"{site.hub.url}/hub/{MODEL}/{REVISION}/")
    assert error.facts["url"] in error.message
    assert "Check the connection, that the server is up" in error.message
    assert page.call("models") == []


def test_settings_server_that_is_down_on_a_cold_visit(page: Page, site: Site) -> None:
    site.settings.stop()

    error = page.failed_visit(site.config, **TINY)

    site.settings.start()
    assert error.name == "NetworkError"
    assert error.facts["url"].startswith(f"{site.settings.url}/v1/")
    assert error.facts["url"] in error.message
    assert all(rows == [] for rows in page.stored()["remote-settings"].values())


def test_settings_server_that_is_down_on_a_warm_visit_is_not_missed(page: Page, site: Site) -> None:
    page.visit(site.config, **TINY)
    site.settings.stop()

    page.visit(site.config, **TINY)

    site.settings.start()


def test_records_that_were_changed_without_signing(page: Page, site: Site) -> None:
    options = site.collection("ml-inference-options")
    signed = list(options.state.records.values())
    options.replace([{**record, "modelId": "evil/model"} for record in signed], sign=False)

    error = page.failed_visit(site.config, **TINY)

    options.replace(signed)
    assert error.name == "SignatureError"
    assert error.facts["collection"] == "main/ml-inference-options"
    assert error.facts["url"].startswith(f"{site.settings.url}/v1/buckets/main/collections/ml-inference-options/")
    assert error.facts["reason"] == "the signature does not fit the records"
    for part in (error.facts["collection"], error.facts["url"], error.facts["reason"], "root_hash"):
        assert part in error.message
    assert all(rows == [] for rows in page.stored()["remote-settings"].values())


def test_settings_of_another_root(page: Page, site: Site) -> None:
    error = page.failed_visit({**site.config, "root_hash": "AB" * 32}, **TINY)

    assert error.name == "SignatureError"
    assert site.app.root_hash in error.message  # found
    assert "AB:AB" in error.message  # expected
    assert all(rows == [] for rows in page.stored()["remote-settings"].values())


def test_runtime_that_does_not_belong_to_the_bundle(page: Page, site: Site, tiny_tree: Path) -> None:
    attach(tiny_tree, "other.wasm", b"\0asm\1\0\0\0")
    record = runtime_record(tiny_tree / "attachments/runtime/other.wasm")
    site.collection("ml-onnx-runtime").replace([record])

    error = page.failed_visit(site.config, **TINY)

    site.collection("ml-onnx-runtime").replace([runtime_record(JSEP)])
    page.wipe()  # or the other record would be used for a day
    assert error.name == "RuntimeMismatch"
    assert record["attachment"]["hash"] in error.message  # found
    assert runtime_record(JSEP)["attachment"]["hash"] in error.message  # expected
    assert "update modelden" in error.message
    assert not any("/attachments/" in request for request in site.requests())


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda data: b"\1" + data[1:], "SHA-256"),
        (lambda data: data[:-1], "21596019 bytes"),
        (lambda data: data + b"\0", "21596019 bytes"),
    ],
    ids=["changed", "short", "long"],
)
def test_runtime_that_is_not_the_announced_one(
    page: Page, site: Site, tiny_tree: Path, damage: object, expected: str
) -> None:
    attach(tiny_tree, "damaged.wasm", damage(JSEP.read_bytes()))  # type: ignore[operator]  # a callable fixture
    record = runtime_record(JSEP)
    location = "runtime/damaged.wasm"
    runtimes = site.collection("ml-onnx-runtime")
    runtimes.replace([{**record, "attachment": {**record["attachment"], "location": location}}])

    error = page.failed_visit(site.config, **TINY)

    attach(tiny_tree, "damaged.wasm", JSEP.read_bytes())
    assert error.name == "IntegrityError"
    assert error.facts["url"] == f"{site.settings.url}/attachments/{location}"
    assert error.facts["expected"].startswith(expected)
    for part in (error.facts["url"], error.facts["expected"], error.facts["actual"], "try again"):
        assert part in error.message
    assert page.stored()["remote-settings"]["attachments"] == []


def test_model_file_that_ends_early(page: Page, site: Site) -> None:
    site.fault(Fault(path=f"/hub/{MODEL}/*/{WEIGHTS}", cut_after=100))

    error = page.failed_visit(site.config, **TINY)

    assert error.name == "DownloadInterrupted"
    assert error.facts["url"] == site.hub_url(WEIGHTS)
    assert error.facts["url"] in error.message
    assert "before the end" in error.message
    assert WEIGHTS not in [row["file"] for row in page.stored()["modelFiles"]["headers"]]


def test_large_model_file_that_ends_early_is_resumed(page: Page, site: Site) -> None:
    site.fault(Fault(path=f"/hub/{LARGE_MODEL}/*/{WEIGHTS}", cut_after=3_000_000, times=1))

    page.visit(site.config, task_name=TASK, model_id=LARGE_MODEL, model_revision=REVISION)

    ranges = [entry for entry in site.app.log.entries() if entry.status == 206]
    assert len(ranges) == 1
    assert ranges[0].bytes < (site.folder / "hub" / LARGE_MODEL / REVISION / WEIGHTS).stat().st_size
    page.is_clean()


def test_hub_without_cors(page: Page, site: Site) -> None:
    site.fault(Fault(path="/hub/*", drop_cors=True))

    error = page.failed_visit(site.config, **TINY)

    assert error.name == "NetworkError"
    assert "Access-Control-Allow-Origin" in error.message


def test_web_page_in_place_of_a_model(page: Page, site: Site) -> None:
    site.fault(Fault(path=f"/hub/{MODEL}/*/{WEIGHTS}", body="<html>a proxy says hello</html>"))

    error = page.failed_visit(site.config, **TINY)

    assert error.name == "IntegrityError"
    assert error.facts["url"] == site.hub_url(WEIGHTS)
    assert "web page" in error.message
    assert WEIGHTS not in [row["file"] for row in page.stored()["modelFiles"]["headers"]]


def test_model_that_is_no_model(page: Page, site: Site) -> None:
    error = page.failed_visit(site.config, task_name=TASK, model_id=BROKEN_MODEL, model_revision=REVISION)

    page.call("delete", model=f"localhost/{BROKEN_MODEL}", revision=REVISION)  # the hub said it is the model
    assert error.name == "EngineError"
    damage = f"{BROKEN_MODEL}/{REVISION}/{WEIGHTS} is damaged: there is a field of wire type 6: it is no ONNX model"
    for part in (damage, "was checked, and is what came from the hub"):
        assert part in error.message


NESTED = """
import modelden
from in_page import configure

async def refused(config):
    configure(config)
    deep = []
    for _ in range(5000):
        deep = [deep]
    names = []
    for call in (
        lambda: modelden.create_engine(task_name="feature-extraction", model_revision=deep),
        lambda: modelden.create_engine(task_name="feature-extraction", static_embeddings_options={"a": deep}),
        lambda: modelden.hub_download(deep, "config.json"),
        lambda: modelden.load_session(deep),
    ):
        try:
            await call()
        except modelden.ModelDenError as error:
            names.append(type(error).__name__)
    return names
"""


def test_arguments_that_would_overflow_the_stack(page: Page, site: Site) -> None:
    """`repr` of them ends Python in a page: nothing of it answers any more."""
    page.add_module("in_page_nested.py", NESTED)

    names = page.call("refused", module="in_page_nested", config=site.config)

    assert names == ["InvalidOption", "InvalidOption", "InputError", "InvalidType"]
