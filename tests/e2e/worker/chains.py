"""Print chains of certificates as JSON: for each its PEM, and what `modelden.host.keys.crypto` reads in it.

    python tests/e2e/worker/chains.py

The trust worker has to read the same (`trust.spec.ts`). Two libraries that have nothing in common agree on it, which
neither could say alone.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from modelden.host.keys.certificates import CONSTRAINT, intermediate_plan, issue, leaf_plan, new_chain, root_plan
from modelden.host.keys.crypto import HostCrypto

if TYPE_CHECKING:
    from modelden.settings.chain import Certificate

NOW = datetime.now(UTC).replace(microsecond=0)
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
P256_KEY = ec.generate_private_key(ec.SECP256R1())
P521_KEY = ec.generate_private_key(ec.SECP521R1())

type Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
type Extension = tuple[x509.ExtensionType, bool]


def bare(*extensions: Extension) -> x509.CertificateBuilder:
    """A certificate that says nothing but what is given."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a name, with = and ü")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW)
        # After 2049 dates have another form (RFC 5280, 4.1.2.5).
        .not_valid_after(NOW.replace(year=2061, day=1))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder


def self_signed(key: Key, algorithm: hashes.SHA256 | hashes.SHA512, *extensions: Extension) -> str:
    return pem(bare(*extensions).public_key(key.public_key()).sign(key, algorithm))


def constraints(permitted: list[x509.GeneralName] | None, excluded: list[x509.GeneralName] | None = None) -> str:
    return self_signed(P256_KEY, hashes.SHA256(), (x509.NameConstraints(permitted, excluded), True))


def pem(*certificates: x509.Certificate) -> str:
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates)


def chains() -> dict[str, str]:
    """Chains that both sides read."""
    root = issue(root_plan(NOW))
    good = new_chain(NOW, root=root)
    other = issue(replace(root_plan(NOW), rsa_bits=2048))
    deep = issue(replace(intermediate_plan(NOW), path_length=3, permitted_dns=(CONSTRAINT, "example.org")), root)
    uses = (ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.SERVER_AUTH)
    leaf = replace(leaf_plan(NOW), extended_key_usages=uses, dns_names=("b.example", "*.a.example"))
    server = issue(leaf, good.intermediate)
    dns, address = x509.DNSName("example.org"), x509.IPAddress(ip_network("10.0.0.0/8"))
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    return {
        "of Mozilla's shape": good.pem.decode(),
        "with Windows line ends": good.pem.decode().replace("\n", "\r\n"),
        "under another root": pem(good.leaf.certificate, good.intermediate.certificate, other.certificate),
        "in the wrong order": pem(good.root.certificate, good.leaf.certificate),
        "with more of everything": pem(server.certificate, deep.certificate, root.certificate),
        "RSA with SHA-256": self_signed(RSA_KEY, hashes.SHA256()),
        "RSA with SHA-512": self_signed(RSA_KEY, hashes.SHA512()),
        "P-256 with SHA-512": self_signed(P256_KEY, hashes.SHA512()),
        "P-521 with SHA-256": self_signed(P521_KEY, hashes.SHA256()),
        "a critical extension that nobody knows": self_signed(P256_KEY, hashes.SHA256(), (unknown, True)),
        "the same, not critical": self_signed(P256_KEY, hashes.SHA256(), (unknown, False)),
        "an excluded name": constraints(None, [dns]),
        "a name and an address": constraints([dns, address]),
        "only an address": constraints([address]),
    }


def refused() -> dict[str, str]:
    """Chains that only `cryptography` accepts."""
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    builder = bare().public_key(RSA_KEY.public_key())
    return {"signed with RSASSA-PSS": pem(builder.sign(RSA_KEY, hashes.SHA256(), rsa_padding=pss))}


def facts(certificate: Certificate) -> dict[str, Any]:
    """The fields of the trust worker's reply, without the names: the two libraries write those differently."""
    return {
        "sha256": certificate.sha256,
        "notBefore": certificate.not_before,
        "notAfter": certificate.not_after,
        "isCA": certificate.is_ca,
        "pathLength": certificate.path_length,
        "keyUsage": certificate.key_usage,
        "extendedKeyUsage": certificate.extended_key_usage,
        "dnsNames": certificate.dns_names,
        "permittedDns": certificate.permitted_dns,
        "excludedDns": certificate.excluded_dns,
        "unhandledCritical": certificate.unhandled_critical,
        "publicKey": base64.b64encode(certificate.public_key).decode(),
        "publicKeyAlgorithm": certificate.public_key_algorithm,
        "issuedByNext": certificate.issued_by_next,
    }


async def main() -> None:
    read = HostCrypto().read_chain
    expected = {
        name: {"pem": text, "facts": [facts(certificate) for certificate in await read(text)]}
        for name, text in chains().items()
    }
    sys.stdout.write(json.dumps({"read": expected, "refused": refused()}))


if __name__ == "__main__":
    asyncio.run(main())
