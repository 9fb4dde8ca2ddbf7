"""Verification of a collection's signature. The mathematics are `ports.Crypto`'s.

Source: Firefox ``RemoteSettingsClient.sys.mjs`` (``validateCollectionSignature``); Mozilla's content signatures.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from modelden.config import Configuration
from modelden.core import urls
from modelden.core.response_body import limit_request, read_text
from modelden.errors import HttpError, SignatureError
from modelden.ports import Clock, Crypto, Fetcher
from modelden.settings.chain import Certificate, ChainFault, check_chain
from modelden.settings.changeset import Collection
from modelden.settings.json_text import signed_parts
from modelden.settings.records import MAX_SAFE_INTEGER, SigningPeriod

logger = logging.getLogger(__name__)

MODE = "p384ecdsa"
"""The signature mode of Remote Settings. Signatures of other modes are skipped."""

MAX_SIGNATURES = 10
"""Signatures of a collection that are looked at. Each may name a chain, which is requested."""

CHAIN_LIMIT = 64 * 1024
"""Largest certificate chain, in bytes. Three certificates have about 6 KiB."""

NEVER = MAX_SAFE_INTEGER
"""End of the validity of unsigned collections, milliseconds since the epoch."""

CHAIN_TIMEOUT = 30.0
"""Time limit for a whole chain, in seconds."""


class SignatureVerifier:
    """Verifies collections against the configured signer and root. Caches chains, but checks their dates anew."""

    def __init__(self, config: Configuration, fetcher: Fetcher, crypto: Crypto, clock: Clock) -> None:
        self._config = config
        self._fetcher = fetcher
        self._crypto = crypto
        self._clock = clock
        self._chains: dict[str, list[Certificate]] = {}

    def preload(self) -> AbstractContextManager[None]:
        """Load the parser of certificates while the context is open, during the requests of a first sync."""
        return self._crypto.preload() if self._config.verify_signatures and not self._chains else nullcontext()

    async def verify(
        self, name: str, collection: Collection, source_url: str, *, at: int | None = None
    ) -> SigningPeriod:
        """Return if one of the collection's signatures is valid, or if the configuration requires none.

        Args:
            name: ``bucket/collection``.
            collection: The whole state, after the merge.
            source_url: URL of the changeset, for messages and relative ``x5u``.
            at: Time of the certificates' check, milliseconds since the epoch; None for now.

        Returns:
            The period in which it can have been signed.

        Raises:
            SignatureError: If none is valid, with the fault of the first one.
            NetworkError, RequestTimeout, HttpError, ResponseTooLarge: If the chain cannot be downloaded.
            CryptoUnavailable: If the page has no WebCrypto.
        """
        if not self._config.verify_signatures:
            logger.warning(
                "%s IS NOT VERIFIED (verify_signatures=False): whoever answers for %s decides what is run",
                name,
                source_url,
            )
            return SigningPeriod(NEVER, NEVER)
        now = self._clock.now() if at is None else at
        message = b""
        faults = []
        for entry in _signatures(collection.metadata):
            try:
                # The certificates first: they are small, and the text of all records is not.
                url, leaf, signature = await self._read_entry(entry, source_url, now)
                message = message or await _message(name, source_url, collection)
                signed = await self._verify_entry(url, leaf, message, signature)
            except ChainFault as fault:
                logger.debug("%s: a signature is not good: %s", name, fault)
                faults.append(fault)
            else:
                _check_meaning(name, source_url, collection, signed, now)
                return signed
        if faults:
            raise SignatureError(name, source_url, str(faults[0])) from faults[0]
        raise SignatureError(name, source_url, f"expected a signature of mode {MODE}, found none")

    async def _read_entry(self, entry: Mapping[str, Any], source_url: str, now: int) -> tuple[str, Certificate, bytes]:
        """Return the URL of a signature's chain, its leaf, which can be trusted, and the signature."""
        signature = _decode(entry.get("signature"))
        url = _chain_url(entry.get("x5u"), source_url)
        if url not in self._chains:
            self._chains[url] = await self._fetch_chain(url)
        try:
            leaf = check_chain(
                self._chains[url],
                root_hash=self._config.root_hash,
                signer_name=self._config.signer_name,
                now=now,
            )
        except ChainFault:
            # The next attempt may get another chain.
            self._chains.pop(url, None)
            raise
        return url, leaf, signature

    async def _verify_entry(self, url: str, leaf: Certificate, message: bytes, signature: bytes) -> SigningPeriod:
        if not await self._crypto.verify_p384(leaf.public_key, message, signature):
            self._chains.pop(url, None)
            raise ChainFault("the signature does not fit the records")
        return SigningPeriod(leaf.not_before, leaf.not_after)

    async def _fetch_chain(self, url: str) -> list[Certificate]:
        async with limit_request(url, CHAIN_TIMEOUT), self._fetcher.fetch(url, timeout=CHAIN_TIMEOUT) as response:
            if response.status != 200:
                raise HttpError(url, response.status, "It holds the certificates of Remote Settings.")
            pem = await read_text(response, url, CHAIN_LIMIT)
        try:
            return await self._crypto.read_chain(pem)
        except ValueError as error:
            raise ChainFault(f"{url} is not a certificate chain: {error}") from error


async def _message(name: str, url: str, collection: Collection) -> bytes:
    """Return the message that a signature covers, with turns for the page between the records."""
    try:
        parts: list[bytes] = []
        for part in signed_parts(collection.records.values(), collection.timestamp):
            if parts:
                await asyncio.sleep(0)
            parts.append(part)
        return b"".join(parts)
    except ValueError as error:
        raise SignatureError(name, url, f"its records have no canonical form, {error}") from error


def _check_meaning(name: str, url: str, collection: Collection, signed: SigningPeriod, now: int) -> None:
    """Refuse what is validly signed and cannot be meant: another collection, or a state of the future."""
    other = collection.other_name(name)
    if other is not None:
        raise SignatureError(name, url, f"it is the collection {other}, validly signed, under another name")
    fault = signed.timestamp_fault(collection.timestamp, now)
    if fault is not None:
        raise SignatureError(name, url, fault)


def _signatures(metadata: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    # `signature` repeats the first of `signatures` for old clients; both are read (kinto/README: "Shape").
    signatures = metadata.get("signatures")
    entries = signatures if isinstance(signatures, list) and signatures else [metadata.get("signature")]
    found: list[Mapping[str, Any]] = [each for each in entries if isinstance(each, dict) and each.get("mode") == MODE]
    return found[:MAX_SIGNATURES]


def _chain_url(x5u: object, source_url: str) -> str:
    if not isinstance(x5u, str) or not x5u:
        raise ChainFault(f"expected the URL of a certificate chain as x5u, found {x5u!r}")
    try:
        return urls.join(source_url, x5u)
    except ValueError as error:
        raise ChainFault(f"expected the URL of a certificate chain as x5u, found {x5u!r}") from error


def _decode(signature: object) -> bytes:
    try:
        raw = base64.b64decode(str(signature).encode("ascii"), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise ChainFault("the signature is not URL-safe base64") from error
    if len(raw) != 96:
        raise ChainFault(f"expected a signature of 96 bytes, found {len(raw)}")
    return raw
