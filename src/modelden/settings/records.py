"""What records say, read once and strictly. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from modelden.errors import InvalidRecord

if TYPE_CHECKING:
    from modelden.settings.changeset import Record


class Attachment(NamedTuple):
    """What a record says of its attachment.

    Attributes:
        location: Path below the server's ``base_url``.
        size: In bytes.
        hash: SHA-256 in lower-case hexadecimal.
    """

    location: str
    size: int
    hash: str

    @classmethod
    def of(cls, record: Record) -> Attachment:
        """Read it from a record.

        Raises:
            InvalidRecord: If the record has no attachment, or one with missing or wrong fields.
        """
        match record.get("attachment"):
            case {"location": str(location), "size": int(size), "hash": str(digest)} if len(digest) == 64:
                return cls(location, size, digest)
            case other:
                raise InvalidRecord(
                    f"The record {record['id']} of Remote Settings should have an attachment with location, size and "
                    f"SHA-256 hash, but has {other!r}."
                )
