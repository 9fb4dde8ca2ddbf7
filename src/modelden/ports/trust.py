"""Certificates, signatures, and the filter expressions of signed records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from modelden.settings.chain import Certificate


class Crypto(Protocol):
    """X.509 parsing and signature mathematics; what they mean is `settings.chain`'s."""

    def preload(self) -> AbstractContextManager[None]:
        """Have what `read_chain` needs started while the context is open: that takes as long as some requests."""

    async def read_chain(self, pem: str) -> list[Certificate]:
        """Parse a PEM bundle, in its order.

        Raises:
            ValueError: If it is not a sequence of X.509 certificates.
        """

    async def verify_p384(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Tell whether ``signature`` (r and s, 48 bytes each) is ECDSA P-384 with SHA-384 over ``message``.

        Args:
            public_key: SubjectPublicKeyInfo, DER.
            message: The signed bytes.
            signature: 96 bytes.

        Raises:
            CryptoUnavailable: If the page has no WebCrypto (an insecure context).
        """


class Expressions(Protocol):
    """Evaluates JEXL, the language of filter expressions."""

    async def evaluate(self, expressions: Sequence[str], context: Mapping[str, Any]) -> list[bool | str]:
        """Return for each expression whether it is true, or why it cannot be evaluated.

        Args:
            expressions: JEXL.
            context: Plain JSON data that they may name.
        """
