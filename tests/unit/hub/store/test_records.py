from __future__ import annotations

import pytest

from modelden.hub.catalog.integrity import is_current
from modelden.hub.store.records import FileKey, etag_of, header_record


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("", "application/octet-stream"),
        (" ; charset=utf-8", "application/octet-stream"),
        ("application/json; charset=utf-8", "application/json"),
    ],
)
def test_an_empty_content_type_is_that_of_bytes(sent: str, stored: str) -> None:
    assert header_record({"content-type": sent}, 1, 2)["Content-Type"] == stored
    assert header_record({}, 1, 2)["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("stored", "sent", "same"),
    [
        ({"etag": "NO_ETAG"}, {"etag": "NO_ETAG"}, True),
        ({"etag": "NO_ETAG"}, {"etag": '"1"'}, False),
        ({}, {"etag": '"1"'}, False),
        ({"etag": '"1"'}, {"etag": "NO_ETAG"}, False),
        ({"etag": '"1"'}, {}, True),
        ({}, {}, True),
    ],
)
def test_a_hub_whose_tag_is_no_etag_is_like_others(stored: dict[str, str], sent: dict[str, str], same: bool) -> None:  # noqa: FBT001  a parameter of the cases
    record = header_record(stored, 1, 2)

    assert is_current(sent, "0" * 64, etag_of(record)) is same


def test_two_files_have_two_ids() -> None:
    """Names of git have slashes, and a tag ``v1`` may be beside a branch ``v1/a``. A root may have spaces."""
    model, root = "hub.example/org/model", "https://hub.example/"
    keys = [
        FileKey(model, "v1", "a/config.json", root),
        FileKey(model, "v1/a", "config.json", root),
        FileKey(model, "v1%2Fa", "config.json", root),
        FileKey(model, "v1%252Fa", "config.json", root),
        FileKey(model, "v1", f"x/ {model}/v1/config.json", root),
        FileKey(model, "v1", "config.json", f"{root} {model}/v1/x/"),
    ]
    assert len({key.id for key in keys}) == len(keys)
    assert FileKey(model, "v1.0-rc", "a b.json", root).id == f"{root} {model}/v1.0-rc/a b.json"
