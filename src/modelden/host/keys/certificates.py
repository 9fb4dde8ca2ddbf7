"""Certificate chains of the shape that Mozilla signs Remote Settings with, made locally.

A root (RSA-4096) issues an intermediate (P-384), which may only issue names below
``content-signature.mozilla.org``. The intermediate issues the leaf (P-384) that signs. Clients pin the SHA-256 of the
root, so a renewed leaf needs no change in clients.

Every rule that a client checks is a field of `CertificatePlan`. A test breaks one of them with `dataclasses.replace`
and issues the wrong certificate with the same code as the right one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SIGNER_NAME = "remote-settings.content-signature.mozilla.org"
"""The name that clients expect in the leaf (Firefox: ``SIGNER_NAME`` of the client)."""

CONSTRAINT = "content-signature.mozilla.org"
"""The DNS subtree to which the intermediate is constrained."""

type PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
_CA_USAGES = frozenset({"key_cert_sign", "crl_sign"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificatePlan:
    """The content of a certificate to issue.

    Attributes:
        common_name: CN of the subject.
        not_before: Start of validity.
        not_after: End of validity.
        is_ca: It is a certificate authority.
        path_length: Maximum number of intermediates below it, for a certificate authority.
        key_usages: Names of `cryptography.x509.KeyUsage`; always critical.
        extended_key_usages: Object identifiers; None leaves the extension out.
        extended_key_usage_critical: Mark that extension as critical.
        dns_names: Subject alternative names; empty leaves the extension out.
        permitted_dns: Permitted subtrees of the name constraints; critical. None leaves the extension out.
        rsa_bits: Size of an RSA key; None makes a P-384 key.
    """

    common_name: str
    not_before: datetime
    not_after: datetime
    is_ca: bool = False
    path_length: int | None = None
    key_usages: frozenset[str] = frozenset({"digital_signature"})
    extended_key_usages: tuple[x509.ObjectIdentifier, ...] | None = (ExtendedKeyUsageOID.CODE_SIGNING,)
    extended_key_usage_critical: bool = False
    dns_names: tuple[str, ...] = ()
    permitted_dns: tuple[str, ...] | None = None
    rsa_bits: int | None = None


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate with its private key. The key is not in its `repr`."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class SigningChain:
    """The three certificates of a signer, with their keys."""

    leaf: Authority
    intermediate: Authority
    root: Authority

    @property
    def pem(self) -> bytes:
        """The certificates in the order of ``x5u``: leaf first, root last."""
        authorities = (self.leaf, self.intermediate, self.root)
        return b"".join(authority.certificate.public_bytes(Encoding.PEM) for authority in authorities)

    @property
    def root_hash(self) -> str:
        """SHA-256 of the root in the form that clients pin: upper-case pairs with colons."""
        return fingerprint(self.root.certificate)

    @property
    def name(self) -> str:
        """Name of the chain file, derived from its bytes: another chain has another URL."""
        return f"{SIGNER_NAME}-{hashlib.sha256(self.pem).hexdigest()[:16]}"


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the DER bytes as upper-case hexadecimal pairs with colons."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def root_plan(now: datetime) -> CertificatePlan:
    """Plan a root that is valid for ten years."""
    return CertificatePlan(
        common_name="modelden local content signature root",
        not_before=now - timedelta(days=30),
        not_after=now + timedelta(days=3650),
        is_ca=True,
        key_usages=_CA_USAGES,
        rsa_bits=4096,
    )


def intermediate_plan(now: datetime) -> CertificatePlan:
    """Plan an intermediate that is valid for three years."""
    return CertificatePlan(
        common_name="modelden local content signing intermediate",
        not_before=now - timedelta(days=20),
        not_after=now + timedelta(days=1095),
        is_ca=True,
        path_length=0,
        key_usages=_CA_USAGES,
        extended_key_usage_critical=True,
        permitted_dns=(CONSTRAINT,),
    )


def leaf_plan(now: datetime) -> CertificatePlan:
    """Plan a leaf that is valid for 90 days. It starts ten days ago, for clients whose clocks are slow."""
    return CertificatePlan(
        common_name=SIGNER_NAME,
        not_before=now - timedelta(days=10),
        not_after=now + timedelta(days=90),
        dns_names=(SIGNER_NAME,),
    )


def issue(plan: CertificatePlan, issuer: Authority | None = None) -> Authority:
    """Make a key and its certificate, signed by the issuer; self-signed without one.

    All signatures use SHA-384, as Mozilla's do (RSASSA-PKCS1-v1_5 under an RSA key).
    """
    key: PrivateKey = (
        rsa.generate_private_key(public_exponent=65537, key_size=plan.rsa_bits)
        if plan.rsa_bits
        else ec.generate_private_key(ec.SECP384R1())
    )
    subject = _subject(plan.common_name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(plan.not_before)
        .not_valid_after(plan.not_after)
    )
    signing_key = issuer.key if issuer else key
    for extension, critical in _extensions(plan, key, signing_key):
        builder = builder.add_extension(extension, critical)
    return Authority(builder.sign(signing_key, hashes.SHA384()), key)


def new_chain(now: datetime | None = None, *, root: Authority | None = None) -> SigningChain:
    """Issue a chain of Mozilla's shape.

    Args:
        now: Reference time of the validity dates; None takes the machine's clock.
        root: An existing root to reuse, since a new RSA-4096 key takes about a second.
    """
    now = now or datetime.now(UTC)
    root = root or issue(root_plan(now))
    intermediate = issue(intermediate_plan(now), root)
    return SigningChain(issue(leaf_plan(now), intermediate), intermediate, root)


def _subject(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "modelden"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "trusted nowhere by default"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _extensions(
    plan: CertificatePlan, key: PrivateKey, signing_key: PrivateKey
) -> list[tuple[x509.ExtensionType, bool]]:
    """Build the extensions with their criticality, in the order of Mozilla's certificates."""
    usages = {name: name in plan.key_usages for name in _KEY_USAGES}
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(plan.is_ca, plan.path_length), True),
        (x509.KeyUsage(**usages), True),
    ]
    if plan.extended_key_usages is not None:
        extended = x509.ExtendedKeyUsage(plan.extended_key_usages)
        extensions.append((extended, plan.extended_key_usage_critical))
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key())
    extensions += [(identifier, False), (issuer, False)]
    if plan.dns_names:
        names = x509.SubjectAlternativeName([x509.DNSName(name) for name in plan.dns_names])
        extensions.append((names, False))
    if plan.permitted_dns is not None:
        subtrees = [x509.DNSName(name) for name in plan.permitted_dns]
        extensions.append((x509.NameConstraints(subtrees, None), True))
    return extensions
