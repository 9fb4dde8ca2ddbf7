from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from modelden.engine.tensor import Tensor

DTYPES = [
    *("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("float16", "float32", "float64"),
]

ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: npst.arrays(np.dtype(dtype), npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3))
)


def tensor_of(array: np.ndarray[Any, Any]) -> Tensor:
    return Tensor(memoryview(array.tobytes()), array.dtype.name, array.shape)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_data_type_gives_numpys_numbers(dtype: str) -> None:
    array = np.array([[0, 1, 1], [1, 0, 1]], dtype=dtype)
    tensor = tensor_of(array)

    assert tensor.dtype == dtype
    assert tensor.shape == (2, 3)
    assert tensor.tolist() == array.tolist()
    assert np.asarray(tensor).dtype == np.dtype(dtype)
    assert memoryview(tensor).tolist() == array.tolist()


@given(ARRAYS)
def test_numpy_sees_the_array_that_it_was(array: np.ndarray[Any, Any]) -> None:
    seen = np.asarray(tensor_of(array))

    assert seen.shape == array.shape
    assert seen.dtype == array.dtype
    assert seen.tobytes() == array.tobytes()


@given(ARRAYS)
def test_lists_are_numpys_lists(array: np.ndarray[Any, Any]) -> None:
    assert repr(tensor_of(array).tolist()) == repr(array.tolist())


@pytest.mark.parametrize("shape", [(), (6,), (2, 3), (1, 2, 3)])
def test_numpy_adopts_the_memory_without_a_copy(shape: tuple[int, ...]) -> None:
    memory = bytearray(4 * math.prod(shape))
    tensor = Tensor(memoryview(memory), "float32", shape)
    array = np.asarray(tensor)
    memory[:4] = np.float32(7).tobytes()

    assert array.flat[0] == 7
    assert np.shares_memory(array, np.frombuffer(memory, "float32"))
    assert not np.shares_memory(np.array(tensor), array)
    # NumPy prefers the buffer; older ones, and other libraries, ask for an array.
    assert np.shares_memory(tensor.__array__(), array)
    assert not np.shares_memory(tensor.__array__(copy=True), array)
    assert np.asarray(tensor, dtype="float64").dtype == "float64"


@pytest.mark.parametrize("shape", [(0,), (0, 384), (2, 0), (2, 0, 3)])
def test_an_empty_tensor_keeps_its_shape(shape: tuple[int, ...]) -> None:
    tensor = Tensor(memoryview(b""), "float32", shape)

    assert np.asarray(tensor).shape == shape
    assert tensor.tolist() == np.empty(shape).tolist()
    assert len(tensor) == shape[0]


def test_a_memoryview_of_what_it_cannot_show_says_so() -> None:
    assert memoryview(Tensor(memoryview(b""), "float32", (0,))).tolist() == []
    with pytest.raises(BufferError, match=r"\(0, 384\)"):
        memoryview(Tensor(memoryview(b""), "float32", (0, 384)))


def test_a_scalar_is_one_number() -> None:
    tensor = Tensor(memoryview(np.float32(0.5).tobytes()), "float32", ())

    assert tensor.tolist() == 0.5
    assert memoryview(tensor)[()] == 0.5
    assert float(np.asarray(tensor)) == 0.5
    with pytest.raises(TypeError, match="no length"):
        len(tensor)


def test_its_length_is_that_of_its_first_dimension() -> None:
    assert len(tensor_of(np.zeros((3, 2), "int8"))) == 3


def test_the_buffer_may_come_in_any_format() -> None:
    array = np.arange(6, dtype="float32")

    assert Tensor(memoryview(array), "float32", (2, 3)).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert Tensor(memoryview(array).cast("B"), "float32", (6,)).tolist() == array.tolist()


@pytest.mark.parametrize(
    ("size", "dtype", "shape", "words"),
    [
        (4, "string", (1,), "data type 'string'"),
        (4, "int4", (8,), "data type 'int4'"),
        (8, "float32", (3,), r"2 numbers do not fill the shape \(3,\)"),
        (8, "float32", (), r"2 numbers do not fill the shape \(\)"),
        (0, "float32", (1,), "0 numbers do not fill"),
    ],
)
def test_a_buffer_that_does_not_fit_is_refused(size: int, dtype: str, shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Tensor(memoryview(bytes(size)), dtype, shape)


def test_its_repr_shows_no_numbers() -> None:
    assert repr(tensor_of(np.zeros((2, 384), "float32"))) == "Tensor(shape=(2, 384), dtype='float32')"
