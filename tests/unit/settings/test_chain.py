"""Each rule of `modelden.settings.chain`, broken once. Certificates are real where the generator can make them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from modelden.host.keys.certificates import (
    SIGNER_NAME,
    Authority,
    CertificatePlan,
    intermediate_plan,
    issue,
    leaf_plan,
)
from modelden.host.keys.crypto import HostCrypto
from modelden.settings.chain import Certificate, ChainFault, check_chain
from tests.replay import replay_chain

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
GOOD = replay_chain()


async def parsed(*authorities: Authority) -> list[Certificate]:
    pem = b"".join(each.certificate.public_bytes(Encoding.PEM) for each in authorities)
    return await HostCrypto().read_chain(pem.decode("ascii"))


async def good() -> list[Certificate]:
    return await parsed(GOOD.leaf, GOOD.intermediate, GOOD.root)


async def with_leaf(**changes: object) -> list[Certificate]:
    plan: CertificatePlan = replace(leaf_plan(NOW), **changes)  # type: ignore[arg-type]  # a table of any fields
    return await parsed(issue(plan, GOOD.intermediate), GOOD.intermediate, GOOD.root)


async def with_intermediate(**changes: object) -> list[Certificate]:
    plan: CertificatePlan = replace(intermediate_plan(NOW), **changes)  # type: ignore[arg-type]  # the same
    intermediate = issue(plan, GOOD.root)
    return await parsed(issue(leaf_plan(NOW), intermediate), intermediate, GOOD.root)


async def with_fields(index: int, **changes: Any) -> list[Certificate]:
    chain = await good()
    chain[index] = chain[index]._replace(**changes)
    return chain


def judge(chain: list[Certificate], *, now: datetime | None = None, signer_name: str = SIGNER_NAME) -> Certificate:
    milliseconds = int((now or NOW).timestamp() * 1000)
    return check_chain(chain, root_hash=GOOD.root_hash, signer_name=signer_name, now=milliseconds)


async def test_a_chain_of_mozillas_shape_is_trusted_and_gives_its_leaf() -> None:
    chain = await good()

    assert judge(chain) is chain[0]


async def two_intermediates(path_length: int | None) -> list[Certificate]:
    upper = issue(replace(intermediate_plan(NOW), path_length=path_length), GOOD.root)
    lower = issue(replace(intermediate_plan(NOW), common_name="lower"), upper)
    return await parsed(issue(leaf_plan(NOW), lower), lower, upper, GOOD.root)


async def issued_by_a_leaf() -> list[Certificate]:
    middle = issue(replace(leaf_plan(NOW), common_name="middle"), GOOD.intermediate)
    return await parsed(issue(leaf_plan(NOW), middle), middle, GOOD.intermediate, GOOD.root)


async def of_a_stranger_with_the_same_name() -> list[Certificate]:
    stranger = issue(intermediate_plan(NOW), GOOD.root)
    return await parsed(issue(leaf_plan(NOW), stranger), GOOD.intermediate, GOOD.root)


async def in_the_order(order: str) -> list[Certificate]:
    places = {"L": GOOD.leaf, "I": GOOD.intermediate, "R": GOOD.root}
    return await parsed(*(places[letter] for letter in order))


async def of_another_root() -> list[Certificate]:
    root = issue(replace(intermediate_plan(NOW), common_name="another root", path_length=None))
    intermediate = issue(intermediate_plan(NOW), root)
    return await parsed(issue(leaf_plan(NOW), intermediate), intermediate, root)


async def empty() -> list[Certificate]:
    return []


FAULTS: dict[str, tuple[Callable[[], Awaitable[list[Certificate]]], str]] = {
    "no certificate": (empty, r"found 0 certificate"),
    "the root alone": (lambda: in_the_order("R"), r"expected a leaf, its issuers and the root, found 1 certificate"),
    "another root": (of_another_root, r"expected the root certificate C?.*, found .*another root"),
    "root missing": (lambda: in_the_order("LI"), r"expected the root certificate"),
    "a certificate after the root": (lambda: in_the_order("LIRI"), r"expected the root certificate"),
    "intermediate missing": (lambda: in_the_order("LR"), r"names the issuer .*intermediate.*, found .*root"),
    "order shuffled": (lambda: in_the_order("ILR"), r"names the issuer"),
    "a certificate twice": (lambda: in_the_order("LIIR"), r"names the issuer"),
    "leaf expired": (lambda: with_leaf(not_after=NOW - DAY), r"remote-settings.* expired "),
    "leaf not yet valid": (lambda: with_leaf(not_before=NOW + DAY), r"remote-settings.* is not valid before"),
    "intermediate expired": (lambda: with_intermediate(not_after=NOW - DAY), r"intermediate.* expired "),
    "intermediate not yet valid": (lambda: with_intermediate(not_before=NOW + DAY), r"intermediate.* is not valid"),
    "root expired": (lambda: with_fields(2, not_after=1), r"root.* expired 1970-01-01"),
    "leaf for servers": (
        lambda: with_leaf(extended_key_usages=(ExtendedKeyUsageOID.SERVER_AUTH,)),
        r"not for code signing, its usages are \['1.3.6.1.5.5.7.3.1'\]",
    ),
    "leaf for nothing said": (
        lambda: with_leaf(extended_key_usages=None),
        r"not for code signing, its usages are \[\]",
    ),
    "intermediate for servers": (
        lambda: with_intermediate(extended_key_usages=(ExtendedKeyUsageOID.SERVER_AUTH,)),
        r"intermediate.* is not for code signing",
    ),
    "root for servers": (lambda: with_fields(2, extended_key_usage=("1.3.6.1.5.5.7.3.1",)), r"root.* not for code"),
    "a stranger of the issuer's name": (of_a_stranger_with_the_same_name, r"signature on .*remote-settings.* is not"),
    "root not signed by itself": (lambda: with_fields(2, issued_by_next=False), r"signature on .*root"),
    "root of another issuer": (lambda: with_fields(2, issuer="CN=else"), r"names the issuer CN=else"),
    "issued by a leaf": (issued_by_a_leaf, r"CN=middle.* is not a certificate authority"),
    "intermediate no authority": (lambda: with_intermediate(is_ca=False, path_length=None), r"not a certificate auth"),
    "root no authority": (lambda: with_fields(2, is_ca=False), r"root.* is not a certificate authority"),
    "intermediate may not sign": (
        lambda: with_intermediate(key_usages=frozenset({"crl_sign"})),
        r"may not sign certificates, only \['cRLSign'\]",
    ),
    "too many intermediates": (lambda: two_intermediates(0), r"allows 0 intermediate\(s\), found 1"),
    "root allows no intermediate": (lambda: with_fields(2, path_length=0), r"allows 0 intermediate\(s\), found 1"),
    "unknown critical extension of the leaf": (
        lambda: with_fields(0, unhandled_critical=("1.2.3.4",)),
        r"remote-settings.* critical extensions unknown here: .*1\.2\.3\.4",
    ),
    "unknown critical extension of the intermediate": (
        lambda: with_fields(1, unhandled_critical=("1.2.3.4",)),
        r"intermediate.* critical extensions unknown here",
    ),
    "leaf is an authority": (lambda: with_leaf(is_ca=True), r"the leaf .* is a certificate authority"),
    "leaf may not sign": (lambda: with_leaf(key_usages=frozenset({"key_agreement"})), r"may not sign data"),
    "leaf with an RSA key": (lambda: with_leaf(rsa_bits=2048), r"expected a P-384 key in .*, found RSA-2048"),
    "leaf of another curve": (lambda: with_fields(0, public_key_algorithm="P-256"), r"P-384 .*, found P-256"),
    "another signer": (
        lambda: with_leaf(dns_names=("onecrl.content-signature.mozilla.org",)),
        rf"expected the signer {SIGNER_NAME}, found onecrl\.",
    ),
    "a name that only ends like the signer's": (
        lambda: with_leaf(dns_names=(f"x.{SIGNER_NAME}",)),
        r"expected the signer",
    ),
    "no name": (lambda: with_leaf(dns_names=()), r"expected the signer .*, found no name"),
    "a name that the intermediate may not issue": (
        lambda: with_leaf(dns_names=(SIGNER_NAME, "example.org")),
        r"may only issue names below \['content-signature.mozilla.org'\], found example.org",
    ),
    "a name that the intermediate excludes": (
        lambda: with_fields(1, excluded_dns=("remote-settings.content-signature.mozilla.org",)),
        r"may not issue names below",
    ),
    **{
        f"a key of {algorithm} in the {where}": (
            partial(with_fields, index, public_key_algorithm=algorithm),
            rf"expected a key of RSA with 2048 bits at least, or of P-256, P-384, P-521, .*found {algorithm}",
        )
        for algorithm in ("RSA-1024", "RSA-2047", "RSA-", "P-224", "secp256k1", "Ed25519", "DSA", "")
        for index, where in enumerate(("leaf", "intermediate", "root"))
    },
    "an RSA key of 1024 bits that really signed": (
        lambda: with_intermediate(rsa_bits=1024),
        r"expected a key of RSA with 2048 bits at least.*intermediate.*found RSA-1024",
    ),
    "a name that the root excludes": (lambda: with_fields(2, excluded_dns=("mozilla.org",)), r"root.* may not issue"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_chain_is_refused_for(fault: str) -> None:
    broken, words = FAULTS[fault]
    chain = await broken()

    with pytest.raises(ChainFault, match=words):
        judge(chain)


ALLOWED: dict[str, Callable[[], Awaitable[list[Certificate]]]] = {
    "a new leaf below the same intermediate": with_leaf,
    "a new intermediate below the same root": with_intermediate,
    "no intermediate, if the root issued the leaf": lambda: parsed(issue(leaf_plan(NOW), GOOD.root), GOOD.root),
    "two intermediates, if the upper one allows it": lambda: two_intermediates(1),
    "no limit of intermediates": lambda: two_intermediates(None),
    "an issuer without extended key usages": lambda: with_intermediate(extended_key_usages=None),
    "an issuer without key usages": lambda: with_fields(1, key_usage=None),
    "a leaf without key usages": lambda: with_fields(0, key_usage=None),
    "an issuer without name constraints": lambda: with_intermediate(permitted_dns=None),
    "an intermediate with an RSA key of 2048 bits": lambda: with_intermediate(rsa_bits=2048),
    **{
        f"an issuer with a key of {algorithm}": partial(with_fields, 1, public_key_algorithm=algorithm)
        for algorithm in ("RSA-2048", "RSA-8192", "P-256", "P-384", "P-521")
    },
    "more usages than code signing": lambda: with_leaf(
        extended_key_usages=(ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.CODE_SIGNING)
    ),
    "more names than the signer's": lambda: with_leaf(
        dns_names=("onecrl.content-signature.mozilla.org", SIGNER_NAME),
    ),
    "names in other letters": lambda: with_leaf(dns_names=(SIGNER_NAME.upper(),)),
}


@pytest.mark.parametrize("chain", ALLOWED)
async def test_a_chain_may_have(chain: str) -> None:
    judge(await ALLOWED[chain]())


@pytest.mark.parametrize(
    ("name", "permitted", "excluded", "allowed"),
    [
        ("a.example.org", None, (), True),
        ("a.example.org", ("example.org",), (), True),
        ("example.org", ("example.org",), (), True),
        ("A.Example.ORG", ("example.org",), (), True),
        ("a.example.org", (".example.org",), (), True),
        ("a.example.org", ("EXAMPLE.org",), (), True),
        ("badexample.org", ("example.org",), (), False),
        ("example.org.evil", ("example.org",), (), False),
        ("org", ("example.org",), (), False),
        ("a.example.org", ("other.org", "example.org"), (), True),
        ("a.example.org", ("other.org",), (), False),
        ("a.example.org", ("",), (), True),
        ("a.example.org", (), (), False),
        ("a.example.org", None, ("example.org",), False),
        ("a.example.org", None, ("a.example.org",), False),
        ("a.example.org", None, ("b.example.org",), True),
        ("a.example.org", ("example.org",), ("a.example.org",), False),
        ("badexample.org", None, ("example.org",), True),
    ],
)
async def test_name_constraints(
    name: str, permitted: tuple[str, ...] | None, excluded: tuple[str, ...], *, allowed: bool
) -> None:
    leaf, intermediate, root = await good()
    chain = [
        leaf._replace(dns_names=(name,)),
        intermediate._replace(permitted_dns=permitted, excluded_dns=excluded),
        root,
    ]
    if allowed:
        judge(chain, signer_name=name)
    else:
        with pytest.raises(ChainFault, match="issue names below"):
            judge(chain, signer_name=name)


async def test_dates_count_to_the_millisecond() -> None:
    chain = await good()
    leaf = chain[0]

    def at(milliseconds: int) -> None:
        check_chain(chain, root_hash=GOOD.root_hash, signer_name=SIGNER_NAME, now=milliseconds)

    at(leaf.not_before)
    at(leaf.not_after)
    with pytest.raises(ChainFault, match="not valid before"):
        at(leaf.not_before - 1)
    with pytest.raises(ChainFault, match="expired"):
        at(leaf.not_after + 1)


async def test_the_root_is_pinned_by_all_its_digits() -> None:
    chain = await good()
    last = "0" if GOOD.root_hash[-1] != "0" else "1"

    with pytest.raises(ChainFault, match="expected the root certificate"):
        check_chain(
            chain, root_hash=GOOD.root_hash[:-1] + last, signer_name=SIGNER_NAME, now=int(NOW.timestamp() * 1000)
        )
