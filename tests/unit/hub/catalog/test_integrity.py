"""The expected bytes of a file."""

from __future__ import annotations

import pytest

from modelden.errors import IntegrityError
from modelden.hub.catalog.integrity import (
    FIRST_SEEN,
    HUB,
    SIGNED,
    ExpectedFile,
    hash_from_headers,
    headers_of_content,
    is_current,
)

URL = "https://hub.example/file"
A, B = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    ("headers", "sha256"),
    [
        ({"etag": f'"{A}"', "x-etag-digest": "sha-256"}, A),
        ({"etag": f'"{A}"', "x-etag-digest": " SHA-256"}, A),
        ({"x-linked-etag": f'"{A}"', "etag": f'"{B}"'}, A),
        ({"x-linked-etag": f'"{A}"', "etag": f'"{B}"', "x-etag-digest": "sha-256"}, A),
        ({"x-linked-etag": '"other"', "etag": f'"{B}"', "x-etag-digest": "sha-256"}, B),
        ({"x-linked-etag": '"other"', "etag": f'"{B}"'}, None),
        ({"etag": f'"{A}"'}, None),
        ({"etag": f'"{A}"', "x-etag-digest": "sha-512"}, None),
        ({"etag": f'W/"{A}"', "x-etag-digest": "sha-256"}, None),
        ({"etag": A, "x-etag-digest": "sha-256"}, None),
        ({"etag": f'"{A}-gzip"', "x-etag-digest": "sha-256"}, None),
        ({"etag": '"5f3e"', "x-etag-digest": "sha-256"}, None),
        ({"x-etag-digest": "sha-256"}, None),
        ({}, None),
    ],
)
def test_the_hash_in_a_response(headers: dict[str, str], sha256: str | None) -> None:
    assert hash_from_headers(headers) == sha256
    assert ExpectedFile().with_headers(headers).integrity == (FIRST_SEEN if sha256 is None else HUB)


PROMISED = {"etag": f'"{A}"', "x-etag-digest": "sha-256"}


@pytest.mark.parametrize(
    ("headers", "etag", "current"),
    [
        (PROMISED, '"another tag"', True),
        ({"x-linked-etag": f'"{A}"', "etag": '"its storage"'}, None, True),
        ({"x-linked-etag": f'"{B}"', "etag": '"tag"'}, '"tag"', False),
        ({"etag": '"tag"'}, '"tag"', True),
        ({"etag": 'W/"tag"'}, '"tag"', False),
        ({"etag": f'"{A}"'}, None, False),
        ({}, '"tag"', True),
    ],
)
def test_a_promised_hash_decides_alone_what_is_current(
    headers: dict[str, str], etag: str | None, *, current: bool
) -> None:
    assert is_current(headers, A, etag) is current


def test_bytes_from_elsewhere_have_the_hubs_tag_only_if_it_is_theirs() -> None:
    assert headers_of_content({**PROMISED, "content-type": "x"}, A) == {**PROMISED, "content-type": "x"}
    assert "etag" not in headers_of_content(PROMISED, B)
    assert headers_of_content({"etag": f'"{A}"', "content-type": "x"}, A) == {"content-type": "x"}


def test_a_signed_hash_takes_precedence_over_the_hubs() -> None:
    signed = ExpectedFile(A, 5, SIGNED)
    assert signed.with_headers({"x-linked-etag": f'"{B}"', "x-linked-size": "6"}) == signed


@pytest.mark.parametrize(("linked_size", "size"), [("7", 7), ("many", 5), ("-7", 5)])
def test_the_size_in_a_response(linked_size: str, size: int) -> None:
    assert ExpectedFile(size=5).with_headers({"x-linked-size": linked_size}).size == size


def test_only_what_is_known_is_compared() -> None:
    for expected in (ExpectedFile(), ExpectedFile(A), ExpectedFile(A, 5), ExpectedFile(size=5)):
        expected.check(URL, 5, A)
    with pytest.raises(IntegrityError, match="expected 5 bytes, got 6 bytes"):
        ExpectedFile(size=5).check(URL, 6, A)
    with pytest.raises(IntegrityError, match=f"expected SHA-256 {B}, got SHA-256 {A}"):
        ExpectedFile(B).check(URL, 5, A)
