"""Checks of URLs and headers that callers and settings name. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from modelden.core import urls
from modelden.core.arguments import check_text, show
from modelden.errors import InputError

_FOLDER = r"(?:\{model\}|\{revision\}|[\w.~@-])+"
_TEMPLATE = re.compile(rf"/?{_FOLDER}(?:/{_FOLDER})*/?", re.ASCII)

_PLACEHOLDERS = ("{model}", "{revision}")

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def check_headers(name: str, headers: Any) -> Mapping[str, str]:
    """Return ``headers`` if they can be sent (RFC 9110, section 5).

    Raises:
        InputError: If they cannot. The message has no value of theirs, for it may be a secret.
    """
    if not isinstance(headers, Mapping):
        raise InputError(f"{name}: expected a mapping of names to values, got {type(headers).__name__}")
    for key, value in headers.items():
        if not isinstance(key, str) or not _HEADER_NAME.fullmatch(key):
            raise InputError(f"{name}: {show(key)} is no name of a header")
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise InputError(f"{name}: the value of {key} cannot be sent: expected a text of one line, in Latin-1")
    return headers


def check_root_url(name: str, value: str) -> str:
    """Return ``value`` if it is an http(s) URL without query.

    Raises:
        InputError: If it is not, with the option's name.
    """
    try:
        parts = urls.split(value)
        usable = value.isprintable() and bool(parts.hostname) and parts.port != 0 and parts.scheme in ("http", "https")
    except (ValueError, TypeError):  # the port or a bracket; or no text at all
        usable = False
    # fetch refuses URLs with credentials.
    if not usable or "?" in value or "#" in value or parts.username is not None:
        raise InputError(f"{name}: expected an http(s) URL without query and credentials, got {show(value)}")
    return value


def check_roots(name: str, value: Any) -> tuple[str, ...]:
    """Return a list of roots; errors as `check_root_url`."""
    if not isinstance(value, list | tuple):
        raise InputError(f"{name}: expected a list of URLs, got {show(value)}")
    return tuple(check_root_url(name, root) for root in value)


def check_url_template(name: str, value: Any) -> None:
    """Check that a template is a path with placeholders for model and revision.

    The rule is that of the constructor of Firefox's ``ModelHub``. It is more liberal in the names of folders, and
    stricter as it requires both placeholders and allows no others. The names must be found again in a URL: each
    placeholder is there once, in a folder of its own, and no folder is ``.`` or ``..``.

    Raises:
        InputError: If it is not, with the option's name.
    """
    has_placeholders = isinstance(value, str) and "{model}" in value and "{revision}" in value
    if not has_placeholders or not _TEMPLATE.fullmatch(value):
        raise InputError(f"{name}: expected a path with {{model}} and {{revision}}, got {show(value)}")
    folders = value.split("/")
    if {".", ".."} & set(folders) or any(sum(mark in folder for folder in folders) != 1 for mark in _PLACEHOLDERS):
        raise InputError(f"{name}: expected {{model}} and {{revision}} once each and no '..', got {show(value)}")
    if value.count("{") != 2 or any(folder.count("{") > 1 for folder in folders):
        raise InputError(
            f"{name}: expected {{model}} and {{revision}} in a folder each, got {show(value)}: the names could not be "
            "told apart in a URL."
        )


def auth_headers(headers: Any, token: Any) -> dict[str, str]:
    """Return the request headers for a private hub, with a token as ``Authorization``; errors as `check_headers`."""
    token = "" if token is None else check_text("token", token)
    bearer = check_headers("token", {"Authorization": f"Bearer {token}"} if token else {})
    return {**check_headers("headers", {} if headers is None else headers), **bearer}
