"""`ports.Crypto` and `ports.Expressions`: WebCrypto, and the trust worker (``web/worker/trust.ts``)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import js
from pyodide.ffi import JsException, to_js

from modelden._js.ffi import js_name, js_object, map_exceptions
from modelden._js.worker import WorkerPort
from modelden._js.worker_scripts import Script
from modelden.errors import CryptoUnavailable, EngineCrashed, EngineError, WorkerRefused
from modelden.settings.chain import Certificate

_WRONG_KEY = ("DataError", "NotSupportedError", "OperationError", "SyntaxError")
"""Names of ``importKey``'s errors for bytes that are no P-384 key."""


class TrustWorker:
    """The worker that parses certificates and evaluates JEXL. It runs while a context or a request needs it.

    Both are needed once in days, and a worker takes memory.
    """

    def __init__(self, worker_url: str | None) -> None:
        self._worker_url = worker_url
        self._port: WorkerPort | None = None
        self._users = 0

    @contextmanager
    def preload(self) -> Iterator[None]:
        """Keep the worker running while the context is open."""
        self._users += 1
        try:
            self._start()
            yield
        finally:
            self._users -= 1
            if self._users == 0:
                self._end()

    async def request(self, **message: Any) -> Any:
        """Send one request.

        Returns:
            The reply's JSON.

        Raises:
            EngineError: If the worker answers with a failure.
            WorkerRefused: If the browser does not start it.
            EngineCrashed: If it died.
        """
        with self.preload():
            return json.loads((await self._start().request(**message)).json)

    def _start(self) -> WorkerPort:
        if self._port is None or self._port.has_ended:
            self._port = WorkerPort(Script("trust.js", self._worker_url))
            self._port.watch(lambda _: self._end())  # the next request starts another one
        return self._port

    def _end(self) -> None:
        if self._port is not None:
            self._port.close()
            self._port = None


class JsCrypto:
    """WebCrypto, and X.509 in a worker of its own."""

    def __init__(self, worker: TrustWorker) -> None:
        self._worker = worker

    def preload(self) -> AbstractContextManager[None]:
        """Keep the worker running while the context is open."""
        return self._worker.preload()

    async def read_chain(self, pem: str) -> list[Certificate]:
        """Parse a PEM bundle."""
        _subtle()
        try:
            certificates = await self._worker.request(type="read-chain", pem=pem)
        except (EngineCrashed, WorkerRefused):
            raise
        except EngineError as error:
            raise ValueError(str(error)) from error
        return [_certificate(facts) for facts in certificates]

    async def verify_p384(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Verify an ECDSA P-384 signature with SHA-384."""
        subtle = _subtle()
        curve = js_object(name="ECDSA", namedCurve="P-384")
        algorithm = js_object(name="ECDSA", hash="SHA-384")
        with map_exceptions(_not_verified):
            try:
                key = await subtle.importKey("spki", to_js(public_key), curve, False, to_js(["verify"]))
            except JsException as error:
                if js_name(error) in _WRONG_KEY:
                    return False
                raise
            return bool(await subtle.verify(algorithm, key, to_js(signature), to_js(message)))


def _not_verified(error: JsException) -> CryptoUnavailable:
    return CryptoUnavailable(f"The browser could not verify a signature ({js_name(error)}: {error}). Reload the page.")


def _subtle() -> Any:
    crypto = getattr(js, "crypto", None)
    subtle = getattr(crypto, "subtle", None)
    if not subtle:
        raise CryptoUnavailable(
            "This page has no WebCrypto, so that signatures cannot be verified: serve it over https, or from "
            "localhost. In a network that you trust, modelden.configure(verify_signatures=False) does without."
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


class JsExpressions:
    """Evaluates JEXL with Mozilla's own library, as Firefox does."""

    def __init__(self, worker: TrustWorker) -> None:
        self._worker = worker

    async def evaluate(self, expressions: Sequence[str], context: Mapping[str, Any]) -> list[bool | str]:
        """Return for each expression its truth value, or the reason why it cannot be evaluated."""
        text = json.dumps({"expressions": list(expressions), "context": dict(context)})
        verdicts: list[bool | str] = await self._worker.request(type="evaluate", json=text)
        return verdicts
