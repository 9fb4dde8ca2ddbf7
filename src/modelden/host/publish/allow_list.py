"""Edits of the allow/deny list in a tree."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from modelden.errors import InputError
from modelden.host.errors import HostError
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.record_check import ALLOW_LIST
from modelden.host.publish.release import allow_list_record


def change_list(
    publisher: Publisher, kind: str, prefix: str, description: str = "", *, remove: bool = False
) -> list[dict[str, Any]]:
    """Add a prefix to the list, in place of an opposite entry, or remove it. Returns the changed list.

    Args:
        publisher: The tree.
        kind: ``ALLOW`` or ``DENY``.
        prefix: Prefix of URLs.
        description: The reason, for people.
        remove: Remove the entry.

    Raises:
        InputError: Clients cannot match the prefix.
        HostError: The entry to remove does not exist.
    """
    parts = urlsplit(prefix)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise InputError(f"Expected a URL prefix such as https://models.example/hub/, got {prefix!r}.")
    matching = [record for record in publisher.records(ALLOW_LIST).values() if record.get("urlPrefix") == prefix]
    if remove:
        removed = [record["id"] for record in matching if record.get("filter") == kind]
        if not removed:
            raise HostError(f"The list has no {kind} {prefix}.")
        publisher.delete(ALLOW_LIST, *removed)
    else:
        publisher.delete(ALLOW_LIST, *(record["id"] for record in matching if record.get("filter") != kind))
        publisher.put(ALLOW_LIST, allow_list_record(kind, prefix, description))
    names = ("filter", "urlPrefix", "description")
    return [{name: record.get(name) for name in names} for record in publisher.records(ALLOW_LIST).values()]
