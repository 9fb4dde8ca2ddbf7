"""Models whose weights are in files beside them, as those of 2 GB and more have to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.pyodide.servers import TASK, offer_runtime_6
from tests.tiny_models import EXTERNAL, REVISION, model_name

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

DATA = f"GET /hub/{model_name(EXTERNAL)}/{REVISION}/onnx/model.onnx_data"


@pytest.fixture(params=[5, 6])
def config(request: pytest.FixtureRequest, site: Site) -> dict[str, Any]:
    """A page's, for either runtime."""
    offer_runtime_6(site)
    return {**site.config, "runtime_major": request.param}


def request(name: str) -> dict[str, Any]:
    """The options for `create_engine`."""
    return {"task_name": TASK, "model_id": model_name(name), "model_revision": REVISION, "dtype": "fp32"}


def test_weights_beside_the_model_come_with_it(page: Page, site: Site, config: dict[str, Any]) -> None:
    whole = page.visit(config, **request("feature-extraction"))
    site.requests()

    external = page.visit(config, **request(EXTERNAL), use_external_data_format={"model.onnx": 1})

    assert external["vectors"] == whole["vectors"]
    assert DATA in site.requests()
    page.is_clean()


def test_who_does_not_ask_for_them_is_told_to(page: Page, site: Site, config: dict[str, Any]) -> None:
    error = page.failed_visit(config, **request(EXTERNAL))

    assert error.name == "EngineError"
    assert DATA not in site.requests()
    assert "weights in the file model.onnx_data beside it" in error.message
    assert "use_external_data_format=True" in error.message
    page.is_clean()
