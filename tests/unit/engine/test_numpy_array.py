from __future__ import annotations

import sys
from itertools import count

import numpy as np
import pytest

from modelden.engine import numpy_array
from modelden.engine.numpy_array import NumpySearch, to_array
from modelden.engine.tensor import Tensor


def test_numpy_is_searched_for_once_a_second_until_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    searches: list[str] = []
    tenths = count()
    search = NumpySearch(lambda: next(tenths) / 10)
    with monkeypatch.context() as page:
        page.delitem(sys.modules, "numpy")
        page.setattr(numpy_array, "find_spec", searches.append)
        assert not any(search.finds() for _ in range(30))

    assert searches == ["numpy"] * 3
    assert search.finds()


def test_a_tensor_becomes_an_array_where_numpy_is() -> None:
    y = to_array(Tensor(memoryview(bytes(8)), "float32", (2,)))

    assert isinstance(y, np.ndarray)
    assert y.tolist() == [0.0, 0.0]
