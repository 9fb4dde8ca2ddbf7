"""The rules a content-signature certificate chain must satisfy. Pure; parsing and mathematics are `ports.Crypto`'s.

Source: Firefox ``ContentSignatureVerifier`` with ``AppTrustDomain`` (code-signing usage, pinned root); RFC 5280,
4.2.1.3 (key usage), 4.2.1.9 (basic constraints), 4.2.1.10 (name constraints) and 6.1 (path validation).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

CODE_SIGNING = "1.3.6.1.5.5.7.3.3"
"""Object identifier of the extended key usage "code signing" (RFC 5280, 4.2.1.12)."""


MIN_RSA_BITS = 2048
"""Smallest RSA key (Mozilla Root Store Policy, 5.1; Firefox: ``AppTrustDomain``, ``DEFAULT_MIN_RSA_BITS``)."""

CURVES = ("P-256", "P-384", "P-521")
"""Curves of keys (Mozilla Root Store Policy, 5.1; Firefox: ``AppTrustDomain::CheckECDSACurveIsAcceptable``)."""


class Certificate(NamedTuple):
    """The fields of an X.509 certificate that the rules need.

    Attributes:
        subject: Distinguished name, for messages and for matching with the issuer below.
        issuer: Distinguished name of the issuer.
        sha256: SHA-256 of the DER bytes, upper-case hexadecimal pairs with colons.
        not_before: Start of validity, milliseconds since the epoch.
        not_after: End of validity, milliseconds since the epoch.
        is_ca: Its basic constraints allow it to issue certificates.
        path_length: Most intermediates allowed below it, or None for no limit.
        key_usage: Names of the bits of the key usage extension (``digitalSignature``, ``keyCertSign``, ...), or None.
        extended_key_usage: Object identifiers, or None when the extension is absent.
        dns_names: DNS names of the subject alternative name.
        permitted_dns: Permitted DNS subtrees of the name constraints, or None when there are none.
        excluded_dns: Excluded DNS subtrees.
        unhandled_critical: Object identifiers of critical extensions that the fields above do not cover.
        public_key: SubjectPublicKeyInfo, DER.
        public_key_algorithm: ``P-384``, ``RSA-4096``, ...
        issued_by_next: Its signature verifies with the key of the next certificate; for the last one, with its own.
    """

    subject: str
    issuer: str
    sha256: str
    not_before: int
    not_after: int
    is_ca: bool
    path_length: int | None
    key_usage: tuple[str, ...] | None
    extended_key_usage: tuple[str, ...] | None
    dns_names: tuple[str, ...]
    permitted_dns: tuple[str, ...] | None
    excluded_dns: tuple[str, ...]
    unhandled_critical: tuple[str, ...]
    public_key: bytes
    public_key_algorithm: str
    issued_by_next: bool


class ChainFault(Exception):
    """A chain that breaks a rule. The message has the certificate, the expected and the actual value."""


def check_chain(chain: Sequence[Certificate], *, root_hash: str, signer_name: str, now: int) -> Certificate:
    """Return the leaf of ``chain`` if the whole chain can be trusted.

    Args:
        chain: Leaf first, root last, as Remote Settings serves it.
        root_hash: SHA-256 of the trusted root's DER bytes, upper-case hexadecimal pairs with colons.
        signer_name: DNS name that the leaf must carry.
        now: The one clock reading for all validity dates, milliseconds since the epoch.

    Raises:
        ChainFault: At the first rule that is broken.
    """
    if len(chain) < 2:
        raise ChainFault(f"expected a leaf, its issuers and the root, found {len(chain)} certificate(s)")
    leaf, issuers, root = chain[0], chain[1:], chain[-1]
    if root.sha256 != root_hash:
        raise ChainFault(f"expected the root certificate {root_hash}, found {root.sha256} ({root.subject})")
    for certificate in chain:
        _check_dates(certificate, now)
        _check_key(certificate)
        _check_code_signing(certificate, leaf)
    _check_links(chain)
    for below, issuer in enumerate(issuers):
        _check_issuer(issuer, intermediates_below=below)
        _check_name_constraints(issuer, leaf)
    _check_leaf(leaf, signer_name)
    return leaf


def _check_dates(certificate: Certificate, now: int) -> None:
    if now < certificate.not_before:
        raise ChainFault(f"{certificate.subject} is not valid before {_day(certificate.not_before)}, it is {_day(now)}")
    if now > certificate.not_after:
        raise ChainFault(f"{certificate.subject} expired {_day(certificate.not_after)}, it is {_day(now)}")


def _check_key(certificate: Certificate) -> None:
    """Refuse weak keys (NIST SP 800-57 part 1, revision 5, table 2: at least 112 bits)."""
    algorithm = certificate.public_key_algorithm
    kind, _, bits = algorithm.partition("-")
    if algorithm in CURVES or (kind == "RSA" and bits.isdecimal() and int(bits) >= MIN_RSA_BITS):
        return
    raise ChainFault(
        f"expected a key of RSA with {MIN_RSA_BITS} bits at least, or of {', '.join(CURVES)}, in "
        f"{certificate.subject}, found {algorithm}"
    )


def _check_links(chain: Sequence[Certificate]) -> None:
    for certificate, issuer in zip(chain, (*chain[1:], chain[-1]), strict=True):
        if certificate.issuer != issuer.subject:
            raise ChainFault(f"{certificate.subject} names the issuer {certificate.issuer}, found {issuer.subject}")
        if not certificate.issued_by_next:
            raise ChainFault(f"the signature on {certificate.subject} is not one of {issuer.subject}")


def _check_code_signing(certificate: Certificate, leaf: Certificate) -> None:
    usages = certificate.extended_key_usage
    # An issuer without the extension is unrestricted (RFC 5280, 4.2.1.12); the leaf must say it.
    if usages is None and certificate is not leaf:
        return
    if CODE_SIGNING not in (usages or ()):
        raise ChainFault(f"{certificate.subject} is not for code signing, its usages are {list(usages or ())}")


def _check_issuer(issuer: Certificate, *, intermediates_below: int) -> None:
    if not issuer.is_ca:
        raise ChainFault(f"{issuer.subject} is not a certificate authority, but issued the certificate before it")
    if issuer.key_usage is not None and "keyCertSign" not in issuer.key_usage:
        raise ChainFault(f"the key of {issuer.subject} may not sign certificates, only {list(issuer.key_usage)}")
    if issuer.path_length is not None and intermediates_below > issuer.path_length:
        raise ChainFault(f"{issuer.subject} allows {issuer.path_length} intermediate(s), found {intermediates_below}")
    _check_critical(issuer)


def _check_leaf(leaf: Certificate, signer_name: str) -> None:
    if leaf.is_ca:
        raise ChainFault(f"the leaf {leaf.subject} is a certificate authority")
    if leaf.key_usage is not None and "digitalSignature" not in leaf.key_usage:
        raise ChainFault(f"the key of {leaf.subject} may not sign data, only {list(leaf.key_usage)}")
    if leaf.public_key_algorithm != "P-384":
        raise ChainFault(f"expected a P-384 key in {leaf.subject}, found {leaf.public_key_algorithm}")
    if signer_name.lower() not in (name.lower() for name in leaf.dns_names):
        raise ChainFault(f"expected the signer {signer_name}, found {', '.join(leaf.dns_names) or 'no name'}")
    _check_critical(leaf)


def _check_critical(certificate: Certificate) -> None:
    # RFC 5280, 4.2: a critical extension that is not understood makes the certificate unusable.
    if certificate.unhandled_critical:
        raise ChainFault(
            f"{certificate.subject} has critical extensions unknown here: {certificate.unhandled_critical}"
        )


def _check_name_constraints(issuer: Certificate, leaf: Certificate) -> None:
    for name in leaf.dns_names:
        if issuer.permitted_dns is not None and not any(_within(name, tree) for tree in issuer.permitted_dns):
            raise ChainFault(f"{issuer.subject} may only issue names below {list(issuer.permitted_dns)}, found {name}")
        if any(_within(name, tree) for tree in issuer.excluded_dns):
            raise ChainFault(f"{issuer.subject} may not issue names below {list(issuer.excluded_dns)}, found {name}")


def _within(name: str, subtree: str) -> bool:
    # RFC 5280, 4.2.1.10: labels may be added on the left. Some issuers write the subtree with a leading dot.
    name, subtree = name.lower(), subtree.lower().lstrip(".")
    return not subtree or name == subtree or name.endswith("." + subtree)


def _day(milliseconds: int) -> str:
    from datetime import UTC, datetime  # slow to import, and only for messages

    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
