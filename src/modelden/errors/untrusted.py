"""What came must not be used."""

from __future__ import annotations

from modelden.errors.base import ModelDenError


class UntrustedError(ModelDenError):
    """Something arrived that must not be used. Nothing of it was stored."""


class SignatureError(UntrustedError):
    """A collection that is not signed as configured.

    Attributes:
        collection: ``bucket/collection``.
        url: Where the signature or its certificate chain came from.
        reason: The check that failed.
    """

    def __init__(self, collection: str, url: str, reason: str) -> None:
        """Keep the facts and compose the message."""
        super().__init__(
            f"The Remote Settings collection {collection} cannot be trusted: {reason} (from {url}). "
            "Nothing of it was stored. "
            "If this is your own server, check signer_name and root_hash in modelden.configure()."
        )
        self.collection = collection
        self.url = url
        self.reason = reason


class InvalidRecord(UntrustedError):
    """A record of Remote Settings with missing, wrong or contradicting fields."""


class IntegrityError(UntrustedError):
    """Bytes that differ from what was announced.

    Attributes:
        url: Where they came from.
        expected: What was announced, with its unit.
        actual: What came.
    """

    def __init__(self, url: str, expected: str, actual: str) -> None:
        """Keep the facts and compose the message."""
        super().__init__(
            f"{url} is damaged or was replaced: expected {expected}, got {actual}. "
            "Nothing of it was stored; try again, and tell its publisher if it stays so."
        )
        self.url = url
        self.expected = expected
        self.actual = actual


class NoHash(UntrustedError):
    """A file whose bytes nobody vouches for, where hashes are required.

    Attributes:
        url: Where it would come from.
    """

    def __init__(self, url: str) -> None:
        """Keep the URL and compose the message."""
        super().__init__(
            f"Neither a signed manifest nor the hub tells the SHA-256 of {url}, and require_hashes is on. "
            "Nothing of it was stored. Publish a manifest (ml-model-manifests), or set require_hashes=False."
        )
        self.url = url


class ForbiddenURL(UntrustedError):
    """A model file's URL that the allow/deny list does not admit.

    Attributes:
        url: The refused URL.
        denied: The deny list names it; False: the allow list does not.
    """

    def __init__(self, url: str, reason: str, *, denied: bool = False) -> None:
        """Keep the facts and compose the message."""
        super().__init__(
            f"{url} may not be downloaded: {reason}. "
            "Whoever runs the settings server decides, in the collection ml-model-allow-deny-list."
        )
        self.url = url
        self.denied = denied


class RuntimeMismatch(UntrustedError):
    """The runtime of Remote Settings is not the one that the bundled JavaScript was built with."""
