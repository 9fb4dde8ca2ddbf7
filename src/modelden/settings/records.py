"""Values that are read from records and signatures, checked once. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from modelden.errors import InvalidRecord

if TYPE_CHECKING:
    from modelden.settings.changeset import Record


def is_sha256(value: object) -> bool:
    """Return True for a SHA-256 in lower-case hexadecimal."""
    return isinstance(value, str) and len(value) == 64 and not value.strip("0123456789abcdef")


class SigningPeriod(NamedTuple):
    """The period in which a collection can have been signed: the certificate of its signer was valid.

    Attributes:
        since: Begin, milliseconds since the epoch.
        until: End, milliseconds since the epoch.
    """

    since: int
    until: int


class Attachment(NamedTuple):
    """Size, hash and location of a record's attachment.

    Attributes:
        location: Path below the server's ``base_url``.
        size: Size in bytes.
        hash: SHA-256 in lower-case hexadecimal.
    """

    location: str
    size: int
    hash: str

    @classmethod
    def of(cls, record: Record) -> Attachment:
        """Read the attachment of a record.

        Raises:
            InvalidRecord: If the record has no attachment, or if one of its fields is missing or wrong.
        """
        match record.get("attachment"):
            case {"location": str(location), "size": int(size), "hash": str(digest)} if is_sha256(digest):
                return cls(location, size, digest)
            case other:
                raise InvalidRecord(
                    f"The record {record['id']} of Remote Settings should have an attachment with location, size and "
                    f"SHA-256 hash, but has {other!r}."
                )
