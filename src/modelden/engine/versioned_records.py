"""Records of Remote Settings that exist in several versions: the highest one within a major version counts. Pure.

Source: Firefox ``Utils.sys.mjs`` (``RemoteSettingsManager.getRemoteData``) and ``TranslationsParent.sys.mjs``
(``getMaxSupportedVersionRecords``). Records of different names are different records, so that two of them are an error.
"""

from __future__ import annotations

from collections.abc import Iterable

from modelden.engine.runtime_selection import compare_versions
from modelden.errors import InvalidRecord
from modelden.settings.changeset import Record


def newest_record(records: Iterable[Record], major_version: int, collection: str, purpose: str) -> Record | None:
    """Return the record of the highest version within ``major_version``; None if there is none.

    Args:
        records: The records that match by their other fields.
        major_version: The only major version that counts.
        collection: Name of the collection, for messages.
        purpose: The fields that the records match by, for messages.

    Raises:
        InvalidRecord: If a record has no version, or if records of two names match.
    """
    newest: dict[object, Record] = {}
    for record in records:
        version = record.get("version")
        if not isinstance(version, str) or not version:
            raise InvalidRecord(
                f"The record {record.get('id')} of {collection} should have a version such as '{major_version}.0', but "
                f"has {version!r}."
            )
        if (
            not compare_versions(f"{major_version}.0a", version)
            <= 0
            < compare_versions(f"{major_version + 1}.0a", version)
        ):
            continue
        name = record.get("name")
        name = name if isinstance(name, str) else None
        if name not in newest or compare_versions(newest[name]["version"], version) < 0:
            newest[name] = record
    if len(newest) > 1:
        names = ", ".join(sorted(repr(name) for name in newest))
        raise InvalidRecord(
            f"Found more than one record in {collection!r} for {purpose}: records named {names}. Expected one name."
        )
    return next(iter(newest.values()), None)
