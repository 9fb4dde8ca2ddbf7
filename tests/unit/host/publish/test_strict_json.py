from __future__ import annotations

import pytest

from modelden.host.publish.strict_json import parse_strict


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"a": NaN}', "NaN is no JSON"),
        (b"[Infinity]", "Infinity is no JSON"),
        (b"[-Infinity]", "-Infinity is no JSON"),
        (b"[1e999]", "too large"),
        (b"[-1e999]", "too large"),
        (b'{"a": 1, "a": 1}', "the name 'a' is there twice"),
        (b'[{"x": {"b": 1, "c": 2, "b": 3}}]', "the name 'b' is there twice"),
        ('{"a": 1}'.encode("utf-16"), "utf-8"),
        (b'{"a": "\xff"}', "utf-8"),
        (b"[" * 100_000, "nested"),
        (b"", "Expecting value"),
    ],
)
def test_what_readers_read_differently_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_strict(data)


def test_json_is_json() -> None:
    assert parse_strict(b'\xef\xbb\xbf{"a": [1, 2.5, 1e300, null, "\\ud83d"], "b": {"a": 1}}') == {
        "a": [1, 2.5, 1e300, None, "\ud83d"],
        "b": {"a": 1},
    }
