"""Typed readers of the collections with which Firefox steers its AI features, beside the options of engines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from modelden.core.arguments import check_number, check_text, show
from modelden.default_context import current_context
from modelden.engine.block_list import BlockList, decode_phrases
from modelden.engine.versioned_records import newest_record
from modelden.errors import InputError, InvalidRecord, UnknownCollection
from modelden.settings.json_text import check_depth

REQUEST_OPTIONS = "ml-inference-request-options"
"""The collection with the options of runs by feature."""

BLOCK_LISTS = "ml-inference-words-block-list"
"""The collection with words that a result must not have."""

_MAX_VERSION = 2**31


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """The options with which a feature runs its model, from Remote Settings.

    Attributes:
        feature_id: The feature.
        version: Version of the record.
        options: The options, as Firefox hands them to ``engine.run``.
    """

    __module__ = "modelden"

    feature_id: str
    version: str
    options: Mapping[str, Any]


async def request_options(feature_id: str, *, major_version: int = 1) -> RequestOptions | None:
    """Return the options of a feature's runs (``ml-inference-request-options``), of the highest version within a major.

    Args:
        feature_id: The feature, ``link-preview`` for example.
        major_version: The major version that the caller understands.

    Returns:
        The options; None if Remote Settings have none, so that the feature's own ones count.

    Raises:
        InputError: For invalid arguments.
        InvalidRecord: If a record cannot be understood, or more than one matches.
        SignatureError: If the collection is not signed as configured.
        UnavailableError: If it is not stored and cannot be fetched.
        StorageError: If the browser cannot store it.
        NotInBrowser: Outside Pyodide.
    """
    check_text("feature_id", feature_id)
    _check_major_version(major_version)
    settings = await (await current_context()).settings()
    try:
        records = await settings.client.get(REQUEST_OPTIONS, filters={"featureId": feature_id})
    except UnknownCollection:  # the server is not Mozilla's
        return None
    record = newest_record(records, major_version, REQUEST_OPTIONS, f"the feature {feature_id!r}")
    if record is None:
        return None
    return RequestOptions(feature_id, record["version"], _parse_options(record))


async def words_block_list(name: str, *, language: str = "en", major_version: int = 1) -> BlockList:
    """Return a list of blocked words (``ml-inference-words-block-list``), of the highest version within a major.

    Args:
        name: The name of the list.
        language: Its language, a BCP 47 tag.
        major_version: The major version that the caller understands.

    Raises:
        InputError: For invalid arguments, and for a language that the browser does not know.
        InvalidRecord: If there is no such list, or its record cannot be understood.
        SignatureError: If the collection is not signed as configured.
        UnavailableError: If it is not stored and cannot be fetched.
        StorageError: If the browser cannot store it.
        NotInBrowser: Outside Pyodide.
    """
    check_text("name", name)
    check_text("language", language)
    _check_major_version(major_version)
    context = await current_context()
    segment = partial(context.ports.page.segment_words, language)
    segment("")  # the browser refuses an unknown language before anything is requested
    settings = await context.settings()
    records = await settings.client.get(BLOCK_LISTS, filters={"name": name, "language": language})
    record = newest_record(records, major_version, BLOCK_LISTS, f"the list {name!r} in {language!r}")
    if record is None:
        raise InvalidRecord(
            f"The collection {BLOCK_LISTS} has no list {name!r} in the language {language!r} of the major version "
            f"{major_version}. Publish one, or name another list, language or major_version."
        )
    phrases = decode_phrases(record.get("blockList"), f"The record {record.get('id')} of {BLOCK_LISTS}")
    return BlockList(name, language, record["version"], phrases, segment)


def _check_major_version(value: Any) -> None:
    check_number("major_version", value, 0, _MAX_VERSION)
    if value != int(value):
        raise InputError(f"major_version: expected a whole number, got {show(value)}.")


def _parse_options(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the record's ``options``, which are JSON text (Firefox: ``JSON.parse(record.options)``)."""
    text = record.get("options") or "{}"
    try:
        check_depth(text)
        options = json.loads(text)
    except (AttributeError, TypeError, ValueError):
        options = None
    if not isinstance(options, dict):
        raise InvalidRecord(
            f"The record {record.get('id')} of {REQUEST_OPTIONS} should have an object in JSON as options, but has "
            f"{show(text)}."
        )
    return options


for _function in (request_options, words_block_list):
    _function.__module__ = "modelden"
