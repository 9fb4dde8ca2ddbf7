from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from modelden.host.keys.certificates import CONSTRAINT, SIGNER_NAME, issue, leaf_plan

if TYPE_CHECKING:
    from modelden.host.keys.certificates import SigningChain


NOW = datetime.now(UTC)


def extension[T: x509.ExtensionType](certificate: x509.Certificate, kind: type[T]) -> x509.Extension[T]:
    return certificate.extensions.get_extension_for_class(kind)


def test_pem_is_leaf_intermediate_root(chain: SigningChain) -> None:
    certificates = x509.load_pem_x509_certificates(chain.pem)

    assert certificates == [each.certificate for each in (chain.leaf, chain.intermediate, chain.root)]
    for certificate, issuer in zip(certificates, [*certificates[1:], certificates[-1]], strict=True):
        certificate.verify_directly_issued_by(issuer)


def test_root_is_rsa_4096_with_sha_384(chain: SigningChain) -> None:
    root = chain.root.certificate
    key = root.public_key()

    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 4096
    assert root.signature_hash_algorithm is not None
    assert root.signature_hash_algorithm.name == "sha384"
    assert extension(root, x509.BasicConstraints).value.ca


def test_intermediate_may_only_issue_names_below_content_signature(chain: SigningChain) -> None:
    intermediate = chain.intermediate.certificate
    constraints = extension(intermediate, x509.NameConstraints)
    usage = extension(intermediate, x509.ExtendedKeyUsage)

    assert constraints.critical
    assert constraints.value.permitted_subtrees == [x509.DNSName(CONSTRAINT)]
    assert usage.critical
    assert list(usage.value) == [ExtendedKeyUsageOID.CODE_SIGNING]
    assert isinstance(intermediate.public_key(), ec.EllipticCurvePublicKey)


def test_leaf_names_the_signer(chain: SigningChain) -> None:
    leaf = chain.leaf.certificate
    names = extension(leaf, x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.DNSName) == [SIGNER_NAME]
    (common_name,) = leaf.subject.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME)
    assert common_name.value == SIGNER_NAME
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)
    assert not extension(leaf, x509.BasicConstraints).value.ca


def test_root_hash_is_sha_256_of_the_der(chain: SigningChain) -> None:
    der = chain.root.certificate.public_bytes(Encoding.DER)

    assert chain.root_hash.replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    assert chain.root_hash == chain.root_hash.upper()
    assert chain.root_hash.count(":") == 31


def test_a_plan_can_be_wrong_on_purpose(chain: SigningChain) -> None:
    expired = issue(replace(leaf_plan(NOW), not_after=NOW - timedelta(days=1)), chain.intermediate)
    for_servers = issue(
        replace(leaf_plan(NOW), extended_key_usages=(ExtendedKeyUsageOID.SERVER_AUTH,)), chain.intermediate
    )

    assert expired.certificate.not_valid_after_utc < NOW
    usage = extension(for_servers.certificate, x509.ExtendedKeyUsage)
    assert list(usage.value) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_another_chain_has_another_name(chain: SigningChain) -> None:
    other = replace(chain, leaf=issue(leaf_plan(NOW), chain.intermediate))

    assert other.name != chain.name
    assert other.root_hash == chain.root_hash
