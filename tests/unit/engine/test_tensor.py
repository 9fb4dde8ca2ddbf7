from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from modelden.engine.tensor import Tensor
from modelden.errors import InputError

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


def test_its_repr_shows_the_first_and_last_numbers() -> None:
    assert repr(tensor_of(np.zeros((2, 384), "float32"))) == (
        "Tensor([[0., 0., 0., ..., 0., 0., 0.],\n        [0., 0., 0., ..., 0., 0., 0.]], "
        "shape=(2, 384), dtype='float32')"
    )


KEYS = [
    *(
        0,
        -1,
        slice(1),
        slice(None, None, -1),
        slice(5, 1),
        ...,
        (0, 1),
        (0, 1, 2),
        (..., 0),
        (slice(None), 1),
        (1, ..., 0),
    ),
    *((slice(1), slice(0, 2), slice(1, 3)), (slice(None), slice(None), slice(None, None, 2)), (slice(None), -1, ...)),
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_indices_and_slices_are_numpys(key: Any) -> None:
    array = np.arange(24, dtype="float32").reshape(2, 3, 4)

    part = tensor_of(array)[key]

    assert np.array_equal(np.asarray(part), array[key])
    assert np.asarray(part).shape == array[key].shape


@pytest.mark.parametrize("key", [2, -3, (0, 0, 0, 0), "a", None, True, [0], (..., ...)], ids=str)
def test_other_indices_are_refused(key: Any) -> None:
    with pytest.raises(IndexError):
        tensor_of(np.zeros((2, 3, 4), "float32"))[key]


def test_a_row_shares_the_memory_of_its_tensor() -> None:
    array = np.zeros((2, 3), "float32")

    row = Tensor(memoryview(array), "float32", (2, 3))[1]
    array[1, 0] = 5

    assert row.tolist() == [5, 0, 0]


def test_a_tensor_is_iterated_over_by_rows_and_its_strings_are_indexed() -> None:
    assert [row.tolist() for row in tensor_of(np.arange(4, dtype="int64").reshape(2, 2))] == [[0, 1], [2, 3]]
    assert Tensor(["a", "b", "c", "d"], "string", (2, 2))[:, 1].tolist() == ["b", "d"]
    with pytest.raises(TypeError):
        list(tensor_of(np.array(1.0)))


def test_a_comparison_is_one_of_the_items() -> None:
    tensor = tensor_of(np.array([[1, 2], [3, 4]], "int64"))

    assert (tensor == tensor_of(np.array([[1, 0], [3, 4]], "int64"))).tolist() == [[True, False], [True, True]]
    assert (tensor != 2).tolist() == [[True, False], [True, True]]
    assert (tensor == np.array([[1, 2], [3, 4]], "float32")).dtype == "bool"
    assert tensor[0, :1] == 1
    with pytest.raises(ValueError, match="cannot be compared"):
        _ = tensor == tensor[0]
    with pytest.raises(ValueError, match="no truth"):
        bool(tensor == tensor[:])


@pytest.mark.parametrize(
    ("left", "right"),
    [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((2, 0), (0, 3)), ((0, 3), (3, 2))],
)
@pytest.mark.parametrize(
    "dtypes", [("float32", "float32"), ("int8", "int8"), ("float32", "float64"), ("int64", "float32")]
)
def test_matrix_products_are_numpys(left: tuple[int, ...], right: tuple[int, ...], dtypes: tuple[str, str]) -> None:
    first = np.arange(np.prod(left)).reshape(left).astype(dtypes[0])
    second = (np.arange(np.prod(right)).reshape(right) * 30).astype(dtypes[1])

    product, expected = tensor_of(first) @ tensor_of(second), first @ second

    assert np.allclose(np.asarray(product), expected)
    assert np.asarray(product).shape == expected.shape
    if expected.shape:
        assert product.dtype == str(expected.dtype)


def test_a_matrix_product_says_what_does_not_fit() -> None:
    tensor = tensor_of(np.zeros((2, 3), "float32"))

    with pytest.raises(ValueError, match=r"\(2, 3\) and \(2, 3\) have no matrix product"):
        tensor @ tensor
    assert (tensor @ tensor.T).shape == (2, 2)
    assert np.array_equal(np.asarray(tensor_of(np.arange(24).reshape(2, 3, 4)).T), np.arange(24).reshape(2, 3, 4).T)


PRINTED = [
    np.array([0.1, 0.25, 1, np.nan], "float32"),
    np.array([1e-5, 1.5, -1e10]),
    np.array([[True, False]]),
    np.arange(60).reshape(3, 4, 5) * 1000,
    np.array([1 / 3, -np.inf, 2.5, 0.0]),
    np.array([3.0, 0.1], "float16"),
    np.array([255], "uint8"),
]


@pytest.mark.parametrize("array", PRINTED, ids=lambda array: str(array.shape))
def test_numbers_are_printed_as_numpy_prints_them(array: np.ndarray[Any, Any]) -> None:
    expected = np.array2string(array, separator=", ", prefix="Tensor(")

    assert repr(tensor_of(array)) == f"Tensor({expected}, shape={array.shape}, dtype='{array.dtype}')"


@pytest.mark.parametrize("shape", [(101,), (3, 384), (20, 20), (8, 7, 9)])
def test_of_many_numbers_the_first_and_last_are_printed(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(1).normal(size=shape).astype("float32")
    expected = np.array2string(array, separator=", ", prefix="Tensor(", threshold=100)

    assert repr(tensor_of(array)) == f"Tensor({expected}, shape={shape}, dtype='float32')"


def test_empty_tensors_and_strings_are_printed() -> None:
    assert repr(Tensor(["a", "b"], "string", (2,))) == "Tensor(['a', 'b'], shape=(2,), dtype='string')"
    assert repr(tensor_of(np.zeros((0, 2), "float32"))) == "Tensor([], shape=(0, 2), dtype='float32')"
    assert repr(tensor_of(np.array(2.5))) == "Tensor(2.5, shape=(), dtype='float64')"


def test_a_shape_that_cannot_be_read_is_an_input_error() -> None:
    released = memoryview(bytes(4))
    released.release()

    with pytest.raises(InputError, match="shape: expected a tuple of lengths, got <released memory"):
        Tensor(memoryview(bytes(4)), "float32", released)  # type: ignore[arg-type]  # wrong on purpose
