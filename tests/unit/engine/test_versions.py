from __future__ import annotations

from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelden.engine.runtime_selection import compare_versions, version_key

# "Toolkit version format", from old to new; those of one row are equal.
MOZILLAS = [
    ("1.-1",),
    ("1", "1.", "1.0", "1.0.0"),
    ("1.1a",),
    ("1.1aa",),
    ("1.1ab",),
    ("1.1b",),
    ("1.1c",),
    ("1.1pre", "1.1pre0", "1.0+"),
    ("1.1pre1a",),
    ("1.1pre1aa",),
    ("1.1pre1b",),
    ("1.1pre1",),
    ("1.1pre2",),
    ("1.1pre10",),
    ("1.1.-1",),
    ("1.1", "1.1.0", "1.1.00"),
    ("1.10",),
    ("1.*",),
    ("1.*.1",),
    ("2.0",),
]

VERSIONS = st.text("0123456789.ab*+-", max_size=8)


@pytest.mark.parametrize(("older", "newer"), combinations(MOZILLAS, 2), ids=lambda row: row[0])
def test_mozillas_examples_are_ordered(older: tuple[str, ...], newer: tuple[str, ...]) -> None:
    for one, other in product(older, newer):
        assert compare_versions(one, other) < 0
        assert compare_versions(other, one) > 0


@pytest.mark.parametrize("equal", MOZILLAS, ids=lambda row: row[0])
def test_mozillas_examples_of_a_row_are_equal(equal: tuple[str, ...]) -> None:
    for one, other in product(equal, equal):
        assert compare_versions(one, other) == 0


def test_majors_are_parted_before_their_alphas() -> None:
    assert compare_versions("5.0a", "5.0") < 0
    assert compare_versions("5.0a", "5.0a1") < 0
    assert compare_versions("5.99", "6.0a") < 0
    assert compare_versions("5.1", "5.2beta") < 0
    assert compare_versions("5.9", "5.10") < 0


def test_the_key_sorts_from_old_to_new() -> None:
    assert sorted(["6.0", "5.2beta", "5.10", "5.0a", "5.2"], key=version_key) == [
        "5.0a",
        "5.2beta",
        "5.2",
        "5.10",
        "6.0",
    ]


@given(VERSIONS, VERSIONS, VERSIONS)
def test_it_is_an_order(one: str, two: str, three: str) -> None:
    assert compare_versions(one, one) == 0
    assert compare_versions(one, two) == -compare_versions(two, one)
    if compare_versions(one, two) <= 0 and compare_versions(two, three) <= 0:
        assert compare_versions(one, three) <= 0
