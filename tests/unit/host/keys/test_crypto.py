from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from modelden.host.keys.certificates import SIGNER_NAME, Authority, SigningChain, intermediate_plan, issue, leaf_plan
from modelden.host.keys.crypto import HostCrypto
from modelden.host.keys.signer import Signer
from modelden.settings.chain import ChainFault, check_chain
from modelden.settings.json_text import signed_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelden.host.keys.certificates import CertificatePlan
    from modelden.ports import Crypto


NOW = datetime.now(UTC)


MILLISECONDS = int(NOW.timestamp() * 1000)


CRYPTO: Crypto = HostCrypto()


async def judge(chain: SigningChain) -> None:
    """Raises ChainFault unless a client that pins the chain's root would trust it."""
    certificates = await CRYPTO.read_chain(chain.pem.decode())
    check_chain(certificates, root_hash=chain.root_hash, signer_name=SIGNER_NAME, now=MILLISECONDS)


async def test_fields_of_the_leaf(chain: SigningChain) -> None:
    leaf, intermediate, root = await CRYPTO.read_chain(chain.pem.decode())

    assert leaf.dns_names == (SIGNER_NAME,)
    assert leaf.key_usage == ("digitalSignature",)
    assert leaf.extended_key_usage == ("1.3.6.1.5.5.7.3.3",)
    assert (leaf.is_ca, leaf.path_length, leaf.permitted_dns) == (False, None, None)
    assert leaf.public_key_algorithm == "P-384"
    assert leaf.issuer == intermediate.subject
    assert intermediate.key_usage == ("keyCertSign", "cRLSign")
    assert (intermediate.is_ca, intermediate.path_length) == (True, 0)
    assert intermediate.permitted_dns == ("content-signature.mozilla.org",)
    assert (root.public_key_algorithm, root.sha256) == ("RSA-4096", chain.root_hash)
    assert all(each.issued_by_next for each in (leaf, intermediate, root))
    assert leaf.not_before < MILLISECONDS < leaf.not_after


async def test_the_chain_is_trusted(chain: SigningChain) -> None:
    await judge(chain)


WRONG_LEAVES: dict[str, Callable[[CertificatePlan], CertificatePlan]] = {
    "expired": lambda plan: replace(plan, not_after=NOW - timedelta(days=1)),
    "is not valid before": lambda plan: replace(plan, not_before=NOW + timedelta(days=1)),
    "not for code signing": lambda plan: replace(plan, extended_key_usages=(ExtendedKeyUsageOID.SERVER_AUTH,)),
    "expected the signer": lambda plan: replace(plan, dns_names=("onecrl.content-signature.mozilla.org",)),
    "may only issue names below": lambda plan: replace(plan, dns_names=(SIGNER_NAME, "example.org")),
    "is a certificate authority": lambda plan: replace(plan, is_ca=True),
    "may not sign data": lambda plan: replace(plan, key_usages=frozenset({"key_agreement"})),
    "expected a P-384 key": lambda plan: replace(plan, rsa_bits=2048),
}


@pytest.mark.parametrize("fault", WRONG_LEAVES)
async def test_a_wrong_leaf_is_refused_for_its_fault(chain: SigningChain, fault: str) -> None:
    leaf = issue(WRONG_LEAVES[fault](leaf_plan(NOW)), chain.intermediate)

    with pytest.raises(ChainFault, match=fault):
        await judge(replace(chain, leaf=leaf))


async def test_a_leaf_of_a_stranger_with_the_same_name_is_refused(chain: SigningChain) -> None:
    stranger = issue(intermediate_plan(NOW), chain.root)
    leaf = issue(leaf_plan(NOW), stranger)

    with pytest.raises(ChainFault, match="the signature on"):
        await judge(replace(chain, leaf=leaf))


async def test_critical_extensions_without_a_field_are_named(chain: SigningChain) -> None:
    leaf = chain.leaf.certificate
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    builder = x509.CertificateBuilder(
        leaf.issuer,
        leaf.subject,
        leaf.public_key(),
        leaf.serial_number,
        leaf.not_valid_before_utc,
        leaf.not_valid_after_utc,
    ).add_extension(unknown, critical=True)
    signed = builder.sign(chain.intermediate.key, hashes.SHA384())
    marked = replace(chain, leaf=Authority(signed, chain.leaf.key))

    (certificate, *_) = await CRYPTO.read_chain(marked.pem.decode())

    assert certificate.unhandled_critical == ("1.2.3.4",)


async def test_constraints_on_other_names_than_dns_are_not_covered(chain: SigningChain) -> None:
    directory = x509.DirectoryName(chain.root.certificate.subject)
    intermediate = chain.intermediate.certificate
    builder = x509.CertificateBuilder(
        intermediate.issuer,
        intermediate.subject,
        intermediate.public_key(),
        intermediate.serial_number,
        intermediate.not_valid_before_utc,
        intermediate.not_valid_after_utc,
    ).add_extension(x509.NameConstraints([directory], None), critical=True)
    signed = builder.sign(chain.root.key, hashes.SHA384())

    (certificate,) = await CRYPTO.read_chain(signed.public_bytes(Encoding.PEM).decode())

    assert certificate.unhandled_critical == ("2.5.29.30",)


@pytest.mark.parametrize("text", ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
async def test_what_is_no_chain_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        await CRYPTO.read_chain(text)


async def test_signatures_verify_and_others_do_not(chain: SigningChain) -> None:
    (leaf, intermediate, root) = await CRYPTO.read_chain(chain.pem.decode())
    records = [{"id": "a", "text": "\u007f\U0001f600", "number": 2.5e-7}]
    message = signed_text(records, 42)
    signature = base64.urlsafe_b64decode(Signer(chain).sign(records, 42))

    assert await CRYPTO.verify_p384(leaf.public_key, message, signature)
    assert not await CRYPTO.verify_p384(leaf.public_key, message + b" ", signature)
    assert not await CRYPTO.verify_p384(leaf.public_key, message, signature[::-1])
    assert not await CRYPTO.verify_p384(leaf.public_key, message, signature[:95])
    padded = signature[:48] + b"\0" + signature[48:]  # the same numbers in 97 bytes
    assert not await CRYPTO.verify_p384(leaf.public_key, message, padded)
    assert not await CRYPTO.verify_p384(leaf.public_key, message, bytes(96))
    assert not await CRYPTO.verify_p384(intermediate.public_key, message, signature)
    assert not await CRYPTO.verify_p384(root.public_key, message, signature)
