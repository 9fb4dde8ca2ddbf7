"""onnxruntime itself keeps the contract, so that it is one; the page's is held to it in ring 2."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest

from tests.contracts.onnxruntime_api import CASES, Case, Subject
from tests.tiny_models.raw import raw_models


def array(dtype: str, shape: tuple[int, ...], values: list[Any]) -> Any:
    return np.array(values, dtype=object if dtype == "string" else dtype).reshape(shape)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_onnxruntime_keeps_the_contract(case: Case) -> None:
    await case(Subject(onnxruntime, raw_models(), array, lambda x: x[::2]))
