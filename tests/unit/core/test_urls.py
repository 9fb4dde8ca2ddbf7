"""URLs that are read without the standard library's parser: the result is the parser's."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, unquote, urlencode, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis.strategies import dictionaries, from_regex, text

from modelden.core import urls


def parsed(url: str) -> urls.SplitURL:
    parts = urlsplit(url)
    return urls.SplitURL(
        parts.scheme, parts.username, parts.hostname, parts.port, parts.path, parts.query, parts.fragment
    )


@given(from_regex(urls.PLAIN, fullmatch=True))
def test_a_plain_url_has_the_parts_that_the_parser_finds(url: str) -> None:
    assert urls.split(url) == parsed(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:secret@hub.example/",
        "HTTPS://Hub.Example:443/A?b#c",
        "http://[::1]:8080/v1",
        "https://hub.example/a%20b?x=%2F",
        "//hub.example/a",
        "blob:https://hub.example/1",
        "",
    ],
)
def test_any_other_is_the_parsers(url: str) -> None:
    assert urls.PLAIN.fullmatch(url) is None
    assert urls.split(url) == parsed(url)


@pytest.mark.parametrize("url", ["http://[::1", "https://hub.example:65536/", "https://hub.example:x/"])
def test_what_can_be_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        urls.split(url)


@given(text())
def test_escapes_are_undone(some: str) -> None:
    some = some.encode(errors="ignore").decode()

    assert urls.unquote(quote(some)) == some
    assert urls.unquote(some) == unquote(some)


@given(from_regex(urls.PLAIN, fullmatch=True), from_regex(urls.PLAIN, fullmatch=True) | text())
def test_a_reference_means_what_the_parser_says(base: str, reference: str) -> None:
    def outcome(join: Callable[[str, str], str]) -> str:
        try:
            return join(base, reference)
        except ValueError as error:
            return str(error)

    assert outcome(urls.join) == outcome(urljoin)


@given(dictionaries(text(), text()) | dictionaries(text("_expected0"), text('"0123456789')))
def test_a_query_is_the_one_of_a_form(members: dict[str, str]) -> None:
    assert urls.encode_query(members) == urlencode(members)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/a?b#c", ("https", "example.org", 443)),
        ("http://example.org", ("http", "example.org", 80)),
        ("http://example.org:8080/", ("http", "example.org", 8080)),
        ("https://user:secret@example.org/", ("https", "example.org", 443)),
        ("https://EXAMPLE.org:443/", ("https", "example.org", 443)),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, expected: tuple[str, str, int]) -> None:
    assert urls.origin(url) == expected
