from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelden.errors import ForbiddenURL, InputError, InvalidRecord
from modelden.hub.catalog.allow_list import AllowList
from tests.replay import load_truth

LOCALHOST = {"filter": "DENY", "urlPrefix": "http://localhost:8000/org/model"}
LOCALHOST_PATH = {"filter": "DENY", "urlPrefix": "http://localhost/org"}

DIFFERENCES = {
    # Stricter.
    "https://model-hub.mozilla.org/x/../evil/y": ("DENIED", "the deny list is asked about the parsed URL (7)"),
    "https://model-hub.mozilla.org/%65vil/x": ("DENIED", "the same"),
    "http:/localhost/x": ("DISALLOWED", "a URL parser's courtesy; modelden writes its URLs in full"),
    "http:localhost/x": ("DISALLOWED", "the same"),
    "http://%6cocalhost/x": ("DISALLOWED", "the same"),
    "resource://gre/x": ("DISALLOWED", "Firefox's own files are not in a page"),
    "chrome://global/content/x": ("DISALLOWED", "the same"),
    "CHROME://global/x": ("DISALLOWED", "the same"),
    # More liberal.
    "https://model-hub.mozilla.org": ("NONE", "it is the same URL as with a slash"),
    "https://user@model-hub.mozilla.org/org": ("NONE", "the host is allowed; fetch refuses credentials anyway"),
}
"""URLs that are judged otherwise on purpose: how, and why. Numbers are of shared/firefox-facts.md, "Where Firefox"."""

DENIED_LOCALHOST = [LOCALHOST, LOCALHOST_PATH]
"""Prefixes with a port or a path deny localhost here, and never match in Firefox (7)."""


def judged(url: str, records: list[dict[str, Any]]) -> str:
    try:
        AllowList.of(records).check(url)
    except ForbiddenURL as error:
        return "DENIED" if "the deny list has" in str(error) else "DISALLOWED"
    return "NONE"


def table() -> list[Any]:
    found = []
    for step in load_truth("table_url_checker")["steps"]:
        if step["args"]["fn"] != "urlChecker":
            continue
        for (url, *more), outcome in zip(step["args"]["rows"], step["outcome"]["returned"], strict=True):
            records = (more[0] if more else None) or []
            expected = outcome["returned"]["rejectionType"]
            if url in DIFFERENCES:
                expected = DIFFERENCES[url][0]
            if len(records) == 1 and records[0] in DENIED_LOCALHOST:
                expected = "DENIED"
            found.append(pytest.param(url, records, expected, id=f"{url} {len(records)}"))
    return found


@pytest.mark.parametrize(("url", "records", "expected"), table())
def test_urls_are_judged_as_firefox_judges_them(url: str, records: list[dict[str, Any]], expected: str) -> None:
    assert judged(url, records) == expected


def allow(*prefixes: str) -> list[dict[str, str]]:
    return [{"filter": "ALLOW", "urlPrefix": prefix} for prefix in prefixes]


def deny(*prefixes: str) -> list[dict[str, str]]:
    return [{"filter": "DENY", "urlPrefix": prefix} for prefix in prefixes]


HUB = allow("https://hub.example/")


@pytest.mark.parametrize(
    ("url", "records", "expected"),
    [
        ("https://hub.example.evil/org/model", allow("https://hub.example"), "DISALLOWED"),
        ("https://hub.example@evil/org/model", allow("https://hub.example"), "DISALLOWED"),
        ("https://hub.example:444/org/model", HUB, "DISALLOWED"),
        ("https://hub.example:443/org/model", HUB, "NONE"),
        ("https://hub.example:0/org/model", HUB, "DISALLOWED"),
        ("https://hub.example./org/model", HUB, "DISALLOWED"),
        ("http://localhost./org/model", [], "DISALLOWED"),
        ("http://localhost./org/model", allow("http://localhost/"), "DISALLOWED"),
        ("http://LOCALHOST:1/org/model", [], "NONE"),
        ("http://hub.example/org/model", HUB, "DISALLOWED"),
        ("https://hub.example/good/../evil/x", allow("https://hub.example/good/"), "DISALLOWED"),
        ("https://hub.example/good/%2e%2e/evil/x", allow("https://hub.example/good/"), "DISALLOWED"),
        ("https://hub.example/good/..%2fevil/x", allow("https://hub.example/good/"), "DISALLOWED"),
        ("https://hub.example/good\\..\\evil/x", allow("https://hub.example/good/"), "DISALLOWED"),
        ("https://hub.example/goodness/x", allow("https://hub.example/good/"), "DISALLOWED"),
        ("https://hub.example//evil/x", [*HUB, *deny("https://hub.example/evil/")], "DENIED"),
        ("https://HUB.example/EVIL/x", [*HUB, *deny("https://hub.example/evil/")], "DENIED"),
        ("https://hub.example/evil/x", [*HUB, *deny("https://hub.example/evil/")], "DENIED"),
        ("https://hub.example:443/evil/x", [*HUB, *deny("https://hub.example/evil/")], "DENIED"),
        ("https://hub.example/x", [*allow(""), *deny("https://")], "DENIED"),
        ("https://hub.example/x", [*allow(""), *deny("")], "DENIED"),
        ("http://localhost:8642/hub/x", deny("http://localhost/"), "DENIED"),
        ("http://localhost:8642/hub/x", deny("http://localhost"), "DENIED"),
        ("http://localhost:8642/hub/x", deny("http://localhost:80/"), "NONE"),
        ("http://localhost:8642/hub/x", deny("https://localhost/"), "NONE"),
        ("http://127.0.0.1:8642/hub/x", [], "DISALLOWED"),
        ("http://localhost:8642/hub/x", [], "NONE"),
    ],
)
def test_attacks_on_prefixes(url: str, records: list[dict[str, str]], expected: str) -> None:
    assert judged(url, records) == expected


@pytest.mark.parametrize("prefix", ["http://[", "https://hub.example:port/", "//", "hub.example", "\x00", "https:///"])
def test_an_entry_that_is_no_url_admits_nothing(prefix: str) -> None:
    assert judged("https://hub.example/x", allow(prefix)) == "DISALLOWED"
    with pytest.raises(InvalidRecord):  # it is meant to deny something, and would deny nothing
        AllowList.of([*HUB, *deny(prefix)])


@pytest.mark.parametrize("prefix", ["", "h", "HTTP", "https:", "https://"])
def test_the_beginning_of_all_urls_denies_all(prefix: str) -> None:
    assert judged("https://hub.example/x", [*HUB, *deny(prefix)]) == "DENIED"


def test_the_error_names_the_url_and_who_decides() -> None:
    with pytest.raises(ForbiddenURL, match=r"https://x/y may not be downloaded: .*ml-model-allow-deny-list") as caught:
        AllowList.of([]).check("https://x/y")
    assert caught.value.url == "https://x/y"


def test_records_that_say_neither_count_for_nothing() -> None:
    records: list[dict[str, Any]] = [
        {"filter": "allow", "urlPrefix": "https://a/"},
        {"filter": "ALLOW"},
        {"filter": "ALLOW", "urlPrefix": None},
        {"filter": ["ALLOW"], "urlPrefix": "https://a/"},
        {"urlPrefix": "https://a/"},
        {"filter": "ALLOW", "urlPrefix": "https://b/", "description": "more"},
    ]

    assert AllowList.of(records) == AllowList(("https://b/",), ())


@pytest.mark.parametrize(
    "record",
    [
        {"filter": "DENY"},
        {"filter": "DENY", "urlPrefix": None},
        {"filter": "DENY", "urlPrefix": 7},
        {"filter": "DENY", "urlPrefix": ["https://a/"]},
        {"filter": "deny", "urlPrefix": "https://a/"},
        {"filter": " DENY", "urlPrefix": "https://a/"},
        {"filter": ["DENY"], "urlPrefix": "https://a/"},
        {"filter": {"DENY": True}, "urlPrefix": "https://a/"},
        {"filter": "DENY", "urlPrefix": "a.example/org/model"},
        {"filter": "DENY", "urlPrefix": "//a.example/org"},
        {"filter": "DENY", "urlPrefix": "*.a.example"},
        {"filter": "DENY", "urlPrefix": "\ufeffhttps://a.example/"},
        {"filter": "DENY", "urlPrefix": "https//a.example/"},
    ],
    ids=repr,
)
def test_a_record_that_may_deny_and_cannot_be_read_denies_everything(record: dict[str, Any]) -> None:
    with pytest.raises(InvalidRecord, match="Nothing is downloaded until it is mended"):
        AllowList.of([{"filter": "ALLOW", "urlPrefix": "https://b/"}, record])


@pytest.mark.parametrize(
    "records", ["https://a/", 7, {"filter": "ALLOW"}, ["https://a/"], [None], [["ALLOW"]]], ids=repr
)
def test_what_is_no_list_of_records_is_refused(records: Any) -> None:
    with pytest.raises(InvalidRecord, match="allow/deny list should"):
        AllowList.of(records)


@given(st.text(max_size=30), st.text(max_size=30), st.booleans())
def test_no_url_and_no_prefix_makes_it_fail_otherwise(url: str, prefix: str, absolute: bool) -> None:  # noqa: FBT001  a parameter of the cases
    text = f"https://hub.example/{url}" if absolute else url

    assert judged(text, [*allow(prefix), *deny("https://denied.example/")]) in ("NONE", "DENIED", "DISALLOWED")


def test_records_that_cannot_be_read_are_an_input_error() -> None:
    def broken() -> Iterator[dict[str, str]]:
        yield from HUB
        raise OSError("the file is closed")

    with pytest.raises(InputError, match="allow_deny_list: expected a list of records, got <generator"):
        AllowList.of_argument(broken())
