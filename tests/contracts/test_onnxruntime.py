"""onnxruntime itself keeps the contract, so that it is one, and so does modelden's; its page is in ring 2."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from modelden import onnxruntime as ours
from tests.contracts import onnxruntime_probes
from tests.contracts.onnxruntime_api import CASES, Case, Subject
from tests.simulators.native_sessions import native_page
from tests.tiny_models.raw import raw_models


def array(dtype: str, shape: tuple[int, ...], values: list[Any]) -> Any:
    return np.array(values, dtype=object if dtype == "string" else dtype).reshape(shape)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_onnxruntime_keeps_the_contract(case: Case) -> None:
    await case(Subject(onnxruntime, raw_models(), array, lambda x: x[::2]))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_modelden_keeps_it_too(tmp_path: Path, case: Case) -> None:
    with native_page(tmp_path):
        await case(Subject(ours, raw_models(), array, lambda x: x[::2]))


def native_outcomes() -> dict[str, Any]:
    """The outcomes of onnxruntime itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of providers that do not exist
        return onnxruntime_probes.outcomes(Subject(onnxruntime, raw_models(), array, lambda x: x[::2], np.float32))


def test_probes_have_the_same_outcomes_but_for_those_that_are_named(tmp_path: Path) -> None:
    with native_page(tmp_path), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what a browser cannot honour
        outcomes = onnxruntime_probes.outcomes(Subject(ours, raw_models(), array, lambda x: x[::2], np.float32))

    theirs = native_outcomes()
    assert len(theirs) >= 200
    assert theirs.keys() == outcomes.keys()
    different = {name for name in theirs if not onnxruntime_probes.same(theirs[name], outcomes[name])}
    assert different == set(onnxruntime_probes.DIFFERENCES)
    text = (Path(__file__).parents[2] / "docs/onnxruntime.md").read_text("utf-8")
    assert f"has {len(theirs)} probes of the API" in text
    assert f"\n{len(theirs) - len(different)} have the same value" in text
