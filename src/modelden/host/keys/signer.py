"""Content signatures over the records of a collection, as Remote Settings publishes them.

Source: Mozilla's Autograph (content-signature, P-384) and Firefox's ``RemoteSettingsClient``. The message is a prefix
and canonical JSON; the signature is r and s, 48 bytes each.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from modelden.settings.json_text import signed_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelden.host.keys.certificates import SigningChain

_NUMBER_SIZE = 48


class Signer:
    """Signs collections with the leaf of a chain.

    Raises:
        TypeError: The leaf has no elliptic-curve key.
    """

    def __init__(self, chain: SigningChain) -> None:
        key = chain.leaf.key
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("content signatures are made with a P-384 key, the leaf has RSA")
        self.chain = chain
        self._key = key

    def sign(self, records: Iterable[Mapping[str, Any]], timestamp: int) -> str:
        """Sign these records at this timestamp; returns URL-safe base64 (128 characters).

        Args:
            records: All live records in any order, without tombstones.
            timestamp: The collection's timestamp.

        Raises:
            ValueError: A record has no canonical form.
        """
        der = self._key.sign(signed_text(records, timestamp), ec.ECDSA(hashes.SHA384()))
        raw = b"".join(number.to_bytes(_NUMBER_SIZE) for number in decode_dss_signature(der))
        return base64.urlsafe_b64encode(raw).decode("ascii")


def signature_entry(signature: str, x5u: str) -> dict[str, str]:
    """Build the entry of a collection's ``metadata.signatures``.

    The URL of the chain is not part of the signed message, so one signature serves every host name of the server.
    """
    return {
        "signature": signature,
        "x5u": x5u,
        "mode": "p384ecdsa",
        "type": "contentsignaturepki",
        "signer_id": "remote-settings",
    }
