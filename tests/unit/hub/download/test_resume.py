"""Responses that continue a download, by RFC 9110."""

from __future__ import annotations

import pytest

from modelden.hub.download.resume import ResponseKind, interpret, range_headers
from modelden.hub.store.records import PartialFile

TAG = '"tag"'
PARTIAL = PartialFile("content", "url", TAG, 100, received=40, chunks=1)
RANGE = {"Range": "bytes=40-", "If-Range": TAG}
REST = {"content-range": "bytes 40-99/100", "etag": TAG}


def test_the_remaining_bytes_of_an_unchanged_file_are_requested() -> None:
    assert range_headers(PARTIAL) == RANGE
    assert range_headers(PARTIAL._replace(received=0)) == {}
    assert range_headers(PARTIAL._replace(validator=None)) == {}


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (200, {}, ResponseKind.FULL),
        (206, REST, ResponseKind.REMAINDER),
        (206, {**REST, "content-range": "bytes 40-99/*"}, ResponseKind.REMAINDER),
        (206, {"content-range": "bytes 40-99/100"}, ResponseKind.REMAINDER),
        (206, {**REST, "etag": '"other"'}, ResponseKind.UNUSABLE),
        (206, {**REST, "content-range": "bytes 0-99/100"}, ResponseKind.UNUSABLE),
        (206, {**REST, "content-range": "bytes 40-98/100"}, ResponseKind.UNUSABLE),
        (206, {**REST, "content-range": "bytes 40-100/101"}, ResponseKind.UNUSABLE),
        (206, {"etag": TAG}, ResponseKind.UNUSABLE),
        (416, {}, ResponseKind.UNUSABLE),
        (404, {}, ResponseKind.ERROR),
        (503, {}, ResponseKind.ERROR),
    ],
)
def test_a_response_to_a_range_request(status: int, headers: dict[str, str], kind: ResponseKind) -> None:
    assert interpret(PARTIAL, RANGE, status, headers).kind is kind


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (200, {}, ResponseKind.FULL),
        (201, {}, ResponseKind.FULL),
        (203, {}, ResponseKind.FULL),
        (206, {"content-range": "bytes 0-99/100"}, ResponseKind.FULL),
        (206, {"content-range": "bytes 0-98/100"}, ResponseKind.ERROR),
        (206, {"content-range": "bytes 1-99/100"}, ResponseKind.ERROR),
        (206, {"content-range": "bytes 0-99/*"}, ResponseKind.ERROR),
        (206, {}, ResponseKind.ERROR),
        (202, {}, ResponseKind.ERROR),
        (204, {}, ResponseKind.ERROR),
        (205, {}, ResponseKind.ERROR),
    ],
)
def test_a_response_to_a_request_for_the_whole_file(status: int, headers: dict[str, str], kind: ResponseKind) -> None:
    assert interpret(PARTIAL, {}, status, headers).kind is kind


@pytest.mark.parametrize("status", [206, 416])
def test_a_partial_response_without_a_range_request_is_an_error(status: int) -> None:
    assert interpret(PARTIAL, {}, status, REST).kind is ResponseKind.ERROR


def test_the_size_is_that_of_the_whole_file() -> None:
    assert interpret(PARTIAL, RANGE, 206, {**REST, "content-length": "60"}).total == 100
    assert interpret(PARTIAL, RANGE, 206, {**REST, "content-range": "bytes 40-99/*"}).total is None
    assert interpret(PARTIAL, {}, 200, {"content-length": "100"}).total == 100
    assert interpret(PARTIAL, {}, 200, {"content-length": "many"}).total is None


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"etag": TAG, "last-modified": "yesterday"}, TAG),
        ({"etag": f"W/{TAG}", "last-modified": "yesterday"}, "yesterday"),
        ({"etag": f"W/{TAG}"}, None),
        ({}, None),
    ],
)
def test_a_weak_tag_is_no_validator(headers: dict[str, str], validator: str | None) -> None:
    assert interpret(PARTIAL, {}, 200, headers).validator == validator
