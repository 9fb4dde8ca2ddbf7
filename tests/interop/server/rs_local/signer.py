"""kinto-signer backend that signs as Mozilla's Autograph does for Remote Settings.

``Content-Signature:`` NUL and the canonical JSON, ECDSA P-384 with SHA-384: r and s of 48 bytes each, in URL-safe
base64, with the URL of the certificate chain. Each folder in ``STATE/signers`` has a ``key.pem`` and a ``chain.pem``.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from kinto_signer.signer.base import SignerBase

from .control import read_control

PREFIX = b"Content-Signature:\x00"
NUMBER_SIZE = 48


class Bundle(dict[str, str]):
    """The first signature, which is what kinto-signer stores, with the list of all."""

    def __init__(self, signatures: list[dict[str, str]]) -> None:
        super().__init__(signatures[0])
        self.signatures = signatures


class ContentSigner(SignerBase):
    def __init__(self, state: str, public_url: str) -> None:
        self._state = Path(state)
        self._public_url = public_url

    def sign(self, payload: str | bytes) -> Bundle:
        switches = read_control(self._state)
        message = PREFIX + (payload.encode() if isinstance(payload, str) else payload)
        if switches["tamper"]:
            message += b" "
        return Bundle([self._sign_with(name, message) for name in switches["signers"]])

    def _sign_with(self, name: str, message: bytes) -> dict[str, str]:
        folder = self._state / "signers" / name
        key = serialization.load_pem_private_key((folder / "key.pem").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        numbers = utils.decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA384())))
        raw = b"".join(number.to_bytes(NUMBER_SIZE, "big") for number in numbers)
        # A CDN never serves two chains under one name.
        digest = hashlib.sha256((folder / "chain.pem").read_bytes()).hexdigest()[:16]
        return {
            "signature": base64.urlsafe_b64encode(raw).decode(),
            "x5u": f"{self._public_url}/chains/{name}/{digest}.chain",
            "mode": "p384ecdsa",
            "type": "contentsignaturepki",
            "signer_id": "remote-settings",
            "ref": hashlib.sha256(raw).hexdigest()[:26],
        }


def load_from_settings(settings: dict[str, Any], prefix: str = "", *, prefixes: Any = None) -> ContentSigner:  # noqa: ARG001  kinto-signer's signature
    return ContentSigner(settings["rs_local.state_dir"], settings["rs_local.public_url"])
