"""The runtimes' files as this repository has them, and those that belong to no bundle."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from modelden.host.errors import HostError
from modelden.host.publish.runtimes import bundles, bundles_of, runtime_files

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("major", "number"), [(5, 1), (6, 2)])
def test_the_files_of_a_major_are_found_by_their_hashes(major: int, number: int) -> None:
    # Other builds with files of the same name lie beside them.
    with runtime_files(major, None) as found:
        hashes = [sha256(file.read_bytes()).hexdigest() for _, file in found]
    assert hashes == [bundle.sha256 for bundle in bundles_of(major)]
    assert len(hashes) == number


def test_a_folder_without_one_of_the_files_is_named(tmp_path: Path) -> None:
    small, large = bundles_of(6)
    (tmp_path / small.name).write_bytes(b"small")

    with pytest.raises(HostError, match=f"{tmp_path} has no {large.name}"), runtime_files(6, tmp_path):
        raise AssertionError


def test_one_file_of_a_major_may_be_given_alone(tmp_path: Path) -> None:
    with runtime_files(6, None) as found:
        for bundle, file in found:
            with runtime_files(6, file) as alone:
                assert alone == [(bundle, file)]
    with pytest.raises(HostError, match=f"no file {tmp_path / 'none'}"), runtime_files(6, tmp_path / "none"):
        raise AssertionError


def test_the_majors_of_this_wheel() -> None:
    assert [(bundle.major, bundle.devices) for bundle in bundles()] == [
        (5, ("wasm", "webgpu")),
        (6, ("wasm",)),
        (6, ("webgpu",)),
    ]
    with pytest.raises(HostError, match="no JavaScript for runtime 7, it has 5, 6"):
        bundles_of(7)
