"""X.509 and ECDSA for the core, on ``cryptography``: `ports.Crypto` on CPython.

The fields of a certificate are those of the page's trust worker (``web/worker/trust.ts``). All rules are in
`modelden.settings.chain`; this module only parses and verifies signatures.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from modelden.host.keys.certificates import fingerprint
from modelden.settings.chain import Certificate

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

_SIGNATURE_SIZE = 96

_KEY_USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}
"""Names in ``cryptography`` and in RFC 5280, 4.2.1.3."""

_SIGNATURE_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}

_HANDLED = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.SubjectAlternativeName,
    x509.NameConstraints,
)


class HostCrypto:
    """`ports.Crypto` without a browser."""

    def preload(self) -> AbstractContextManager[None]:
        """Return an empty context: there is no worker to start."""
        return nullcontext()

    async def read_chain(self, pem: str) -> list[Certificate]:
        """Parse a PEM bundle, in its order.

        Raises:
            ValueError: If it is not a sequence of X.509 certificates.
        """
        try:
            chain = x509.load_pem_x509_certificates(pem.encode())
            if len(chain) != pem.count("-----BEGIN "):  # `cryptography` skips a truncated last certificate
                raise ValueError("not all of it is certificates, or it is cut")
            issuers = [*chain[1:], chain[-1]]
            return [_certificate_of(certificate, issuer) for certificate, issuer in zip(chain, issuers, strict=True)]
        except (x509.DuplicateExtension, x509.InvalidVersion, UnsupportedAlgorithm) as error:
            raise ValueError(f"not a chain of X.509 certificates: {error}") from error

    async def verify_p384(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Tell whether ``signature`` (r and s) is ECDSA P-384 with SHA-384 over ``message``."""
        key = load_der_public_key(public_key)
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp384r1":
            return False
        if len(signature) != _SIGNATURE_SIZE:
            return False
        half = _SIGNATURE_SIZE // 2
        numbers = (int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
        try:
            key.verify(encode_dss_signature(*numbers), message, ec.ECDSA(hashes.SHA384()))
        except InvalidSignature:
            return False
        return True


def _certificate_of(certificate: x509.Certificate, issuer: x509.Certificate) -> Certificate:
    extensions = _Extensions(certificate)
    constraints = extensions.find(x509.BasicConstraints)
    permitted, excluded = extensions.name_constraints()
    return Certificate(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        sha256=fingerprint(certificate),
        not_before=_milliseconds(certificate.not_valid_before_utc),
        not_after=_milliseconds(certificate.not_valid_after_utc),
        is_ca=constraints is not None and constraints.ca,
        path_length=constraints.path_length if constraints else None,
        key_usage=extensions.key_usage(),
        extended_key_usage=extensions.extended_key_usage(),
        dns_names=extensions.dns_names(),
        permitted_dns=permitted,
        excluded_dns=excluded,
        unhandled_critical=extensions.unhandled_critical(),
        public_key=certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        public_key_algorithm=_algorithm(certificate.public_key()),
        issued_by_next=_issued_by(certificate, issuer.public_key()),
    )


class _Extensions:
    """The extensions of one certificate, in the form of `Certificate`'s fields."""

    def __init__(self, certificate: x509.Certificate) -> None:
        self._extensions = certificate.extensions

    def find[T: x509.ExtensionType](self, kind: type[T]) -> T | None:
        for extension in self._extensions:
            if isinstance(extension.value, kind):
                return extension.value
        return None

    def key_usage(self) -> tuple[str, ...] | None:
        usage = self.find(x509.KeyUsage)
        if usage is None:
            return None
        return tuple(name for flag, name in _KEY_USAGES.items() if getattr(usage, flag))

    def extended_key_usage(self) -> tuple[str, ...] | None:
        usage = self.find(x509.ExtendedKeyUsage)
        return None if usage is None else tuple(usage_oid.dotted_string for usage_oid in usage)

    def dns_names(self) -> tuple[str, ...]:
        names = self.find(x509.SubjectAlternativeName)
        return tuple(names.get_values_for_type(x509.DNSName)) if names else ()

    def name_constraints(self) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
        constraints = self.find(x509.NameConstraints)
        if constraints is None:
            return None, ()
        permitted = _dns_names(constraints.permitted_subtrees) or None
        return permitted, _dns_names(constraints.excluded_subtrees)

    def unhandled_critical(self) -> tuple[str, ...]:
        return tuple(
            extension.oid.dotted_string
            for extension in self._extensions
            if extension.critical and not _is_covered(extension.value)
        )


def _is_covered(value: x509.ExtensionType) -> bool:
    if isinstance(value, x509.NameConstraints):
        # `Certificate` has no field for constraints on addresses or directory names
        trees = [*(value.permitted_subtrees or ()), *(value.excluded_subtrees or ())]
        return all(isinstance(tree, x509.DNSName) for tree in trees)
    return isinstance(value, _HANDLED)


def _dns_names(names: list[x509.GeneralName] | None) -> tuple[str, ...]:
    return tuple(name.value for name in names or () if isinstance(name, x509.DNSName))


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)


def _algorithm(key: CertificatePublicKeyTypes) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA-{key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _CURVES.get(key.curve.name, key.curve.name)
    return type(key).__name__.removesuffix("PublicKey")


def _issued_by(certificate: x509.Certificate, key: CertificatePublicKeyTypes) -> bool:
    """Verify the signature with this key. `modelden.settings.chain` compares the names.

    Raises:
        ValueError: The hash of the signature is accepted from nobody, SHA-1 for example.
    """
    algorithm = certificate.signature_hash_algorithm
    signature, message = certificate.signature, certificate.tbs_certificate_bytes
    if not isinstance(algorithm, _SIGNATURE_HASHES):  # as in a page: web/worker/certificate.ts
        name = algorithm.name if algorithm else "no hash"
        raise ValueError(f"{certificate.subject.rfc4514_string()} is signed with {name}, which is not accepted")  # noqa: TRY004  a fault of the chain
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(algorithm))
        else:
            return False
    except InvalidSignature:
        return False
    return True
