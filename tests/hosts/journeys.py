"""The main job in a host: a model for a task, downloaded by the first visit and by no other one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.pyodide.servers import MODEL, REVISION
from tests.tiny_model import tiny_model

if TYPE_CHECKING:
    from tests.hosts.conftest import Hosts, Visitor

HUB = f"GET /hub/{MODEL}/{REVISION}/"
RUNTIME = "GET /attachments/runtime/ort-wasm-simd-threaded.jsep.wasm"
RESULT = "float32"
"""In the text of each start's result."""


def assert_all_was_downloaded(requests: list[str]) -> None:
    """Each file of the model and the runtime was asked for once, as the server counts."""
    assert sorted(each for each in requests if each.startswith(HUB)) == sorted(
        HUB + name for name in tiny_model(REVISION)
    )
    assert requests.count(RUNTIME) == 1


def cold_and_warm(
    visitor: Visitor, hosts: Hosts, path: str, *, picture: str, within: str = "#result", cells: int = 0
) -> None:
    """Visit a page twice; the second visit has the same result, and asks for nothing.

    Args:
        visitor: The browser.
        hosts: The sites.
        path: The page's path.
        picture: Name of the picture of the second visit.
        within: Selector of the elements that may hold the result.
        cells: Cells of a Jupyter notebook that the visitor runs.
    """
    visitor.open(path)
    visitor.run_cells(cells)
    result = visitor.wait_for(RESULT, within).inner_text()
    assert_all_was_downloaded(hosts.requests())

    visitor.open(path)
    visitor.run_cells(cells)
    assert visitor.wait_for(RESULT, within).inner_text() == result
    assert hosts.requests() == []
    visitor.picture(picture)
