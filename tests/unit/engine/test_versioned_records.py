from __future__ import annotations

from typing import Any

import pytest

from modelden.engine.versioned_records import newest_record
from modelden.errors import InvalidRecord


def record(version: Any, name: str = "a") -> dict[str, Any]:
    return {"id": f"{name}-{version}", "name": name, "version": version}


@pytest.mark.parametrize(
    ("versions", "newest"),
    [
        (["1.0", "1.10", "1.9"], "1.10"),
        (["1.0a", "0.9", "2.0a"], "1.0a"),
        (["1.2beta", "1.1", "2.0"], "1.2beta"),
        (["2.0", "0.1"], None),
        ([], None),
    ],
)
def test_the_highest_version_within_the_major_counts(versions: list[str], newest: str | None) -> None:
    found = newest_record([record(version) for version in versions], 1, "words", "a list")

    assert (found and found["version"]) == newest


def test_records_of_two_names_are_an_error() -> None:
    with pytest.raises(InvalidRecord, match="Found more than one record in 'words' for a list: records named 'a', 'b'"):
        newest_record([record("1.0"), record("1.1", "b")], 1, "words", "a list")


@pytest.mark.parametrize("version", [None, "", 1.0])
def test_a_record_without_a_version_is_an_error(version: object) -> None:
    with pytest.raises(InvalidRecord, match=r"should have a version such as '1\.0'"):
        newest_record([record(version)], 1, "words", "a list")
