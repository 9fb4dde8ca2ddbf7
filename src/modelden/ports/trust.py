"""Certificates, signatures, and the filter expressions of signed records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from modelden.settings.chain import Certificate


class Crypto(Protocol):
    """X.509 parsing and signature mathematics. The rules for certificates are `settings.chain`'s."""

    def preload(self) -> AbstractContextManager[None]:
        """Start what `read_chain` needs, and keep it while the context is open. Does not suspend.

        Starting takes as long as some requests, so it is done beside them.

        Raises:
            WorkerRefused: If the browser refuses to start the worker.
        """

    async def read_chain(self, pem: str) -> list[Certificate]:
        """Parse a PEM bundle, in its order. Suspends.

        Raises:
            ValueError: If it is not a sequence of X.509 certificates.
            CryptoUnavailable: If the page has no WebCrypto (an insecure context).
            WorkerRefused: If the browser refuses to start the worker that parses it.
            EngineCrashed: If that worker died.
        """

    async def verify_p384(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Verify an ECDSA P-384 signature with SHA-384 over ``message``. Suspends.

        Args:
            public_key: SubjectPublicKeyInfo, DER.
            message: The signed bytes.
            signature: r and s, 48 bytes each.

        Returns:
            True if the signature is good; False also for a key of another kind.

        Raises:
            CryptoUnavailable: If the page has no WebCrypto (an insecure context), or the browser's fails.
        """


class Expressions(Protocol):
    """Evaluates JEXL, the language of filter expressions."""

    async def evaluate(self, expressions: Sequence[str], context: Mapping[str, Any]) -> list[bool | str]:
        """Return for each expression its truth value, or the reason why it cannot be evaluated. Suspends.

        Args:
            expressions: JEXL.
            context: Plain JSON data that the expressions refer to.

        Raises:
            WorkerRefused: If the browser refuses to start the worker that evaluates them.
            EngineCrashed: If that worker died.
            EngineError: If that worker failed.
        """
