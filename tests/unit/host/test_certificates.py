from __future__ import annotations

import hashlib
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from modelden.host.errors import KeysError
from modelden.host.keys.certificates import CONSTRAINT, SIGNER_NAME, issue, leaf_plan
from modelden.host.keys.key_folder import open_keys, save_keys

if TYPE_CHECKING:
    from pathlib import Path

    from modelden.host.keys.certificates import SigningChain

NOW = datetime.now(UTC)


def extension[T: x509.ExtensionType](certificate: x509.Certificate, kind: type[T]) -> x509.Extension[T]:
    return certificate.extensions.get_extension_for_class(kind)


def test_pem_is_leaf_intermediate_root(chain: SigningChain) -> None:
    found = x509.load_pem_x509_certificates(chain.pem)

    assert found == [each.certificate for each in (chain.leaf, chain.intermediate, chain.root)]
    for certificate, issuer in zip(found, [*found[1:], found[-1]], strict=True):
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


def test_keys_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "tree/keys"
    made = open_keys(folder)
    files = sorted(folder.iterdir())

    assert [file.name for file in files] == ["intermediate.pem", "leaf.pem", "root.pem"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert open_keys(folder).pem == made.pem
    assert [each.name for each in folder.parent.iterdir()] == ["keys"]


def test_a_leaf_near_its_end_is_renewed_below_the_same_root(tmp_path: Path, chain: SigningChain) -> None:
    save_keys(tmp_path / "keys", chain)
    later = NOW + timedelta(days=85)
    renewed = open_keys(tmp_path / "keys", later)

    assert renewed.root_hash == chain.root_hash
    assert renewed.leaf.certificate.not_valid_after_utc > later + timedelta(days=80)
    assert open_keys(tmp_path / "keys", later).pem == renewed.pem


def test_a_missing_key_is_named(tmp_path: Path, chain: SigningChain) -> None:
    save_keys(tmp_path / "keys", chain)
    (tmp_path / "keys/leaf.pem").unlink()

    with pytest.raises(KeysError, match=r"leaf\.pem is missing"):
        open_keys(tmp_path / "keys")


def test_a_damaged_key_is_named(tmp_path: Path, chain: SigningChain) -> None:
    save_keys(tmp_path / "keys", chain)
    (tmp_path / "keys/root.pem").write_text("nothing")

    with pytest.raises(KeysError, match=r"root\.pem does not hold"):
        open_keys(tmp_path / "keys")


def test_a_key_of_another_certificate_is_refused(tmp_path: Path, chain: SigningChain) -> None:
    mixed = replace(chain.leaf, key=ec.generate_private_key(ec.SECP384R1()))
    save_keys(tmp_path / "keys", replace(chain, leaf=mixed))

    with pytest.raises(KeysError, match="not the one of its certificate"):
        open_keys(tmp_path / "keys")
