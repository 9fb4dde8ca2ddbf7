"""The node tests of ONNX itself through modelden, beside onnxruntime-web alone in the same page.

``node_differences.json`` has those that fail, by reason. It may only shrink.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.hosting.conftest import ROOT
from tests.hosting.model_pack import write_pack
from tests.hosting.model_page import model_page
from tests.hosting.node_cases import NodeTest, node_tests

SAMPLE = 200
"""Number of the tests that run in Firefox."""

DIFFERENCES: dict[str, list[str]] = json.loads(Path(__file__).with_name("node_differences.json").read_bytes())


@pytest.fixture(scope="module")
def tests() -> dict[str, NodeTest]:
    """All tests by name."""
    (wheel,) = (ROOT / ".cache/packages").glob("onnx-*.whl")
    return {test.case.name: test for test in node_tests(wheel)}


@pytest.mark.parametrize("browser", ["chrome", "firefox"])
def test_node_tests_pass_but_for_those_that_are_named(tests: dict[str, NodeTest], tmp_path: Path, browser: str) -> None:
    step = 1 if browser == "chrome" else len(tests) // SAMPLE
    sample = list(tests.values())[::step]
    write_pack(tmp_path, [test.case for test in sample])
    with model_page(browser, tmp_path) as page:
        ours, theirs = page.modelden(), page.alone()

    faults = {test.case.name: test.fault(ours[test.case.name]) for test in sample}
    passed_alone = {test.case.name for test in sample if test.fault(theirs[test.case.name]) is None}
    passed = {name for name, fault in faults.items() if fault is None}
    print(  # noqa: T201  the figures of this run
        f"\n{browser}: of {len(sample)} node tests {len(passed)} pass through modelden, {len(passed_alone)} through "
        f"onnxruntime-web alone, {len(passed & passed_alone)} through both"
    )
    named = {name for names in DIFFERENCES.values() for name in names}
    assert {name: fault for name, fault in faults.items() if fault is not None and name not in named} == {}
    assert passed & named == set(), "these pass: remove them from node_differences.json"
    assert passed_alone - passed == set()
