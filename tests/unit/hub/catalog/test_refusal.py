"""The words for responses that are no files; which of them will change later is told as well."""

from __future__ import annotations

import pytest

from modelden.errors import AccessDenied, FileNotFoundOnHub, HttpError
from modelden.hub.catalog.refusal import refusal

URL = "https://hub.example/org/model/resolve/v1/config.json"
NAMES = {"model": "org/model", "revision": "v1", "file": "config.json"}


@pytest.mark.parametrize(
    ("status", "code", "kind", "text"),
    [
        (401, "RepoNotFound", FileNotFoundOnHub, "The hub has no model org/model, or it is a private one"),
        (404, "RepoNotFound", FileNotFoundOnHub, "The hub has no model org/model, or it is a private one"),
        (404, "RevisionNotFound", FileNotFoundOnHub, "has no revision v1"),
        (404, "EntryNotFound", FileNotFoundOnHub, "The hub has no config.json"),
        (404, None, FileNotFoundOnHub, "The hub has no config.json"),
        (410, None, FileNotFoundOnHub, "The hub has no config.json"),
        (401, "GatedRepo", AccessDenied, "is gated (GatedRepo): accept its terms"),
        (403, "GatedRepo", AccessDenied, "is gated (GatedRepo): accept its terms"),
        (401, None, AccessDenied, "Either the hub has no model org/model, or it is private or gated"),
        (403, "DisabledRepo", AccessDenied, "(DisabledRepo)"),
        (403, None, HttpError, "it was taken down"),
        (451, None, AccessDenied, "is blocked for legal reasons"),
        (400, None, HttpError, "check the address"),
        (418, None, HttpError, "check the address"),
    ],
)
def test_what_stays_as_it_is_is_not_to_be_tried_again(
    status: int, code: str | None, kind: type[HttpError], text: str
) -> None:
    error = refusal(URL, status, {"x-error-code": code} if code else {}, **NAMES)
    assert type(error) is kind
    assert text in str(error)
    assert "later" not in str(error)
    assert error.status == status
    if isinstance(error, AccessDenied | FileNotFoundOnHub):
        assert (error.code, error.model) == (code, "org/model")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_to_be_tried_later(status: int) -> None:
    error = refusal(URL, status, {"retry-after": "7", "x-error-code": "GatedRepo"}, **NAMES)
    assert type(error) is HttpError
    assert "Try again later" in str(error)
    assert error.retry_after == 7


@pytest.mark.parametrize("code", ["<script>", "a" * 41, "Gated Repo", "\x1b[31m", "Gatedé"])
def test_a_reason_that_is_no_code_is_not_repeated(code: str) -> None:
    error = refusal(URL, 403, {"x-error-code": code}, **NAMES)
    assert code not in str(error)
    assert type(error) is HttpError


@pytest.mark.parametrize("status", [400, 401, 403, 404, 407, 410, 418, 451])
def test_any_servers_error_that_stays_is_not_to_be_tried_again(status: int) -> None:
    assert "again later" not in str(HttpError(URL, status))
