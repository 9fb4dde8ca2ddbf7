"""Errors of settings and files that must not be used."""

from __future__ import annotations

from modelden.errors.base import ModelDenError


class UntrustedError(ModelDenError):
    """Settings or a file must not be used. Nothing of them was stored."""


class SignatureError(UntrustedError):
    """A collection is not signed as configured.

    Attributes:
        collection: ``bucket/collection``.
        url: URL of the signature or of its certificate chain.
        reason: The failed check.
    """

    def __init__(self, collection: str, url: str, reason: str) -> None:
        super().__init__(
            f"The Remote Settings collection {collection} cannot be trusted: {reason} (from {url}). "
            "Nothing of it was stored. "
            "If this is your own server, check signer_name and root_hash in modelden.configure()."
        )
        self.collection = collection
        self.url = url
        self.reason = reason


class InvalidRecord(UntrustedError):
    """A record of Remote Settings has missing, wrong or contradictory fields."""


class IntegrityError(UntrustedError):
    """A file differs from its expected size or hash.

    Attributes:
        url: URL of the file.
        expected: Expected value, with its unit.
        actual: Actual value.
    """

    def __init__(self, url: str, expected: str, actual: str) -> None:
        super().__init__(
            f"{url} is damaged or was replaced: expected {expected}, got {actual}. "
            "Nothing of it was stored; try again, and tell its publisher if it stays so."
        )
        self.url = url
        self.expected = expected
        self.actual = actual


class NoHash(UntrustedError):
    """A file has no known hash, and ``require_hashes`` is on.

    Attributes:
        url: URL of the file.
    """

    def __init__(self, url: str) -> None:
        super().__init__(
            f"Neither a signed manifest nor the hub tells the SHA-256 of {url}, and require_hashes is on. "
            "Nothing of it was stored. Publish a manifest (ml-model-manifests), or set require_hashes=False."
        )
        self.url = url


class ForbiddenURL(UntrustedError):
    """The allow/deny list does not admit the URL of a model file.

    Attributes:
        url: The refused URL.
        denied: True if the deny list names it, False if the allow list does not.
    """

    def __init__(self, url: str, reason: str, *, denied: bool = False) -> None:
        super().__init__(
            f"{url} may not be downloaded: {reason}. "
            "Whoever runs the settings server decides, in the collection ml-model-allow-deny-list."
        )
        self.url = url
        self.denied = denied


class RuntimeMismatch(UntrustedError):
    """The runtime of Remote Settings is not the one that the bundled JavaScript was built with."""
