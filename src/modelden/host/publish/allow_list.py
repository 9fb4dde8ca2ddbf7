"""Edit the allow/deny list."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from modelden.errors import InputError
from modelden.host.errors import HostError
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.release import LISTS, list_record


def change_list(
    publisher: Publisher, kind: str, prefix: str, description: str = "", *, remove: bool = False
) -> list[dict[str, Any]]:
    """Put a prefix on the list, in place of the opposite, or take it off; returns the list as it is then.

    Args:
        publisher: The tree.
        kind: ``ALLOW`` or ``DENY``.
        prefix: What URLs begin with.
        description: Why.
        remove: Take it off.

    Raises:
        InputError: The prefix is none that a client compares with.
        HostError: It is to be taken off and is not there.
    """
    parts = urlsplit(prefix)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise InputError(f"Expected a URL prefix such as https://models.example/hub/, got {prefix!r}.")
    same = [each for each in publisher.records(LISTS).values() if each.get("urlPrefix") == prefix]
    if remove:
        gone = [each["id"] for each in same if each.get("filter") == kind]
        if not gone:
            raise HostError(f"The list has no {kind} {prefix}.")
        publisher.delete(LISTS, *gone)
    else:
        publisher.delete(LISTS, *(each["id"] for each in same if each.get("filter") != kind))
        publisher.put(LISTS, list_record(kind, prefix, description))
    names = ("filter", "urlPrefix", "description")
    return [{name: each.get(name) for name in names} for each in publisher.records(LISTS).values()]
