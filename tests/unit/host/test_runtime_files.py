"""The runtimes' files as this repository has them, and those that belong to no bundle."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from modelden.host.errors import HostError
from modelden.host.runtimes import bundle_of, bundles, runtime_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("major", [5, 6])
def test_the_file_of_a_major_is_found_by_its_hash(major: int) -> None:
    # Other builds with files of the same name lie beside it.
    with runtime_file(bundle_of(major), None) as file:
        assert sha256(file.read_bytes()).hexdigest() == bundle_of(major).sha256


def test_a_folder_without_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=f"{tmp_path}.*{bundle_of(6).name}"), runtime_file(bundle_of(6), tmp_path):
        raise AssertionError


def test_the_majors_of_this_wheel() -> None:
    assert sorted(bundles()) == [5, 6]
    with pytest.raises(HostError, match="no JavaScript for runtime 7, it has 5, 6"):
        bundle_of(7)
