from __future__ import annotations

from typing import Any

import pytest

from modelden.errors import InvalidRecord
from modelden.settings.records import Attachment, is_sha256

HASH = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (HASH, True),
        (HASH.upper(), False),
        (HASH[1:], False),
        (HASH + "0", False),
        (HASH[:-1] + "\n", False),
        (HASH[:-1] + "g", False),
        (HASH[:32] + "-" + HASH[33:], False),
        (HASH.encode(), False),
        (None, False),
    ],
)
def test_a_sha256_has_64_digits_in_lower_case(value: object, *, expected: bool) -> None:
    assert is_sha256(value) is expected


@pytest.mark.parametrize(
    "attachment",
    [None, {}, {"location": "a", "size": 1}, {"location": "a", "size": "1", "hash": HASH}, {"hash": HASH.upper()}],
)
def test_an_attachment_with_missing_or_wrong_fields_is_refused(attachment: Any) -> None:
    with pytest.raises(InvalidRecord, match="record runtime of Remote Settings"):
        Attachment.of({"id": "runtime", "attachment": attachment})
