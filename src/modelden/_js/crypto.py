"""`ports.Crypto`: certificates by the trust worker (``web/worker/trust.ts``), signatures by WebCrypto."""

from __future__ import annotations

import base64
from contextlib import AbstractContextManager
from typing import Any

import js
from pyodide.ffi import JsException, to_js

from modelden._js.convert import js_object
from modelden._js.trust import TrustWorker
from modelden.errors import CryptoUnavailable, EngineCrashed, EngineError, WorkerRefused
from modelden.settings.chain import Certificate


class JsCrypto:
    """WebCrypto, and X.509 in a worker of its own."""

    def __init__(self, worker: TrustWorker) -> None:
        """Start nothing yet."""
        self._worker = worker

    def kept_ready(self) -> AbstractContextManager[None]:
        """Have the worker started while the context is open."""
        return self._worker.kept_ready()

    async def read_chain(self, pem: str) -> list[Certificate]:
        """Parse a PEM bundle."""
        _subtle()
        try:
            facts = await self._worker.ask(type="read-chain", pem=pem)
        except (EngineCrashed, WorkerRefused):
            raise
        except EngineError as error:
            raise ValueError(str(error)) from error
        return [_certificate(each) for each in facts]

    async def verify_p384(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Verify an ECDSA P-384 signature with SHA-384."""
        subtle = _subtle()
        curve = js_object(name="ECDSA", namedCurve="P-384")
        try:
            key = await subtle.importKey("spki", to_js(public_key), curve, False, to_js(["verify"]))
        except JsException:
            return False  # not a P-384 key
        algorithm = js_object(name="ECDSA", hash="SHA-384")
        return bool(await subtle.verify(algorithm, key, to_js(signature), to_js(message)))


def _subtle() -> Any:
    crypto = getattr(js, "crypto", None)
    subtle = getattr(crypto, "subtle", None)
    if not subtle:
        raise CryptoUnavailable(
            "This page has no WebCrypto, so that signatures cannot be verified: serve it over https, or from localhost."
        )
    return subtle


def _certificate(facts: dict[str, Any]) -> Certificate:
    return Certificate(
        subject=facts["subject"],
        issuer=facts["issuer"],
        sha256=facts["sha256"],
        not_before=facts["notBefore"],
        not_after=facts["notAfter"],
        is_ca=facts["isCA"],
        path_length=facts["pathLength"],
        key_usage=_names(facts["keyUsage"]),
        extended_key_usage=_names(facts["extendedKeyUsage"]),
        dns_names=tuple(facts["dnsNames"]),
        permitted_dns=_names(facts["permittedDns"]),
        excluded_dns=tuple(facts["excludedDns"]),
        unhandled_critical=tuple(facts["unhandledCritical"]),
        public_key=base64.b64decode(facts["publicKey"]),
        public_key_algorithm=facts["publicKeyAlgorithm"],
        issued_by_next=facts["issuedByNext"],
    )


def _names(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
