"""NumPy's arrays, where NumPy is installed. Apart from `tensor`, which engines need: only raw models give arrays."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from modelden.engine.tensor import Tensor


class NumpySearch:
    """Looks for NumPy, which a page may install at any time, at most once a second.

    A search of all folders takes as long as a run of a small model.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Create a search.

        Args:
            clock: Returns seconds.
        """
        self._clock = clock
        self._next = -math.inf

    def finds(self) -> bool:
        """Tell whether NumPy can be imported."""
        if "numpy" in sys.modules:
            return True
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + 1
        return find_spec("numpy") is not None


_numpy = NumpySearch()


def to_array(tensor: Tensor) -> Any:
    """Return a tensor as a NumPy array if NumPy is installed, else as it is."""
    if not _numpy.finds():
        return tensor
    import numpy as np

    return np.asarray(tensor)
