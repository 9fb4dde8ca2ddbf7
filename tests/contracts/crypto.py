"""The contract of `ports.Crypto`. Runs against `host.keys.crypto` on CPython and against the browser's in a page.

Each of `CASES` is ``async def case(crypto)``; it returns, or raises AssertionError. ``crypto`` is a `ports.Crypto`.

The certificates were made once with `host.keys.certificates` and read with openssl: what is expected of them does
not come from the code under test. Their keys are gone, and nothing trusts them.

Only the standard library and modelden are imported: ship this file's text to the page and execute it there.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from modelden.ports import Crypto

Case = Callable[[Crypto], Awaitable[None]]

LEAF = """\
-----BEGIN CERTIFICATE-----
MIICzTCCAlSgAwIBAgIUewSm2lbHUktZj80XikSnjn15shkwCgYIKoZIzj0EAwMw
bjERMA8GA1UECgwIbW9kZWxkZW4xIzAhBgNVBAsMGnRydXN0ZWQgbm93aGVyZSBi
eSBkZWZhdWx0MTQwMgYDVQQDDCttb2RlbGRlbiBsb2NhbCBjb250ZW50IHNpZ25p
bmcgaW50ZXJtZWRpYXRlMB4XDTI1MTIyMjAwMDAwMFoXDTI2MDQwMTAwMDAwMFow
cDERMA8GA1UECgwIbW9kZWxkZW4xIzAhBgNVBAsMGnRydXN0ZWQgbm93aGVyZSBi
eSBkZWZhdWx0MTYwNAYDVQQDDC1yZW1vdGUtc2V0dGluZ3MuY29udGVudC1zaWdu
YXR1cmUubW96aWxsYS5vcmcwdjAQBgcqhkjOPQIBBgUrgQQAIgNiAAR120YIRP2C
M+3bYbDaEbHSBrFp2YWxKmGZud/2hulkTbWfNdZPAzuOxrc8YdqyvJ2WBHJ4OKA7
vQuxJRcKWvQYZHJ6DkCKYlOZjHTFJcvEW+4LuP5EwPyEWhcYZ0r0hQijgbAwga0w
DAYDVR0TAQH/BAIwADAOBgNVHQ8BAf8EBAMCB4AwEwYDVR0lBAwwCgYIKwYBBQUH
AwMwHQYDVR0OBBYEFE9YqXtBe83DrRRS4bly+g33jJnTMB8GA1UdIwQYMBaAFHpr
I/3YbVzagJgfQXkAe3FGtJOiMDgGA1UdEQQxMC+CLXJlbW90ZS1zZXR0aW5ncy5j
b250ZW50LXNpZ25hdHVyZS5tb3ppbGxhLm9yZzAKBggqhkjOPQQDAwNnADBkAjBn
eRB2h45q2Uc49VpAdTWsjwUz9uB6ELYBLDAaecLvHYyGQmMrUd1aFbHLiAlWf0kC
MGf8entifG8fSaFJUzaC6yGUddQ7dIXAABTZiQ5SU6VLtLJSFRSvogaW/3QHbkdw
Iw==
-----END CERTIFICATE-----
"""

INTERMEDIATE = """\
-----BEGIN CERTIFICATE-----
MIIEZzCCAk+gAwIBAgIUbE01RXYHM2qxzw/FdfEHZ/JcLHgwDQYJKoZIhvcNAQEM
BQAwaDERMA8GA1UECgwIbW9kZWxkZW4xIzAhBgNVBAsMGnRydXN0ZWQgbm93aGVy
ZSBieSBkZWZhdWx0MS4wLAYDVQQDDCVtb2RlbGRlbiBsb2NhbCBjb250ZW50IHNp
Z25hdHVyZSByb290MB4XDTI1MTIxMjAwMDAwMFoXDTI4MTIzMTAwMDAwMFowbjER
MA8GA1UECgwIbW9kZWxkZW4xIzAhBgNVBAsMGnRydXN0ZWQgbm93aGVyZSBieSBk
ZWZhdWx0MTQwMgYDVQQDDCttb2RlbGRlbiBsb2NhbCBjb250ZW50IHNpZ25pbmcg
aW50ZXJtZWRpYXRlMHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEs620DwBxWEOo4RW0
RtrnvW2TQKXypW/OwDVQ1sGGgohliwoFXcOVrvOkxWkJLBMbiCSRFw2Lrv8q1y1l
ocEx+OCUMFmnLllHd5W+oW2NI0lS8VatQw4QXDpnbdDyZaYqo4GwMIGtMBIGA1Ud
EwEB/wQIMAYBAf8CAQAwDgYDVR0PAQH/BAQDAgEGMBYGA1UdJQEB/wQMMAoGCCsG
AQUFBwMDMB0GA1UdDgQWBBR6ayP92G1c2oCYH0F5AHtxRrSTojAfBgNVHSMEGDAW
gBT/SrMzbaTXR6krZrSj/1FeASqGrjAvBgNVHR4BAf8EJTAjoCEwH4IdY29udGVu
dC1zaWduYXR1cmUubW96aWxsYS5vcmcwDQYJKoZIhvcNAQEMBQADggIBAB4LL0Ln
K9dilPzOWDfef+pMIyRZN8nvN5HoaIoP8hwFX4mAc4/YuNMSLOwAtZfYqeWVx4VV
CwPf1puJntNtmMfUbTKuFcEoqMGzz+YnLbHsys/q01rY/Qf9hokg1BiRirb1Oani
zVUlWvem8jXPJ+rpegOAgumW7ONw1GDmRPwNyHWUNlH4UyauqFrfufVeAVCiobR5
NrYi06qMf1sTgk6HDwGppI41lih+bvuPaEmA7nqY27hYryx3OYPnPMPCFIB6VHSx
CZSFnm6B9PxycnqcgeSUz/z8x6VEcdFkTkiXVVt9JkxAfT5N+CInH0mypw4ej+KO
MDhTqJBkEaTF9nW9XgdsmNYrOVt73jp8zAYj2N8n9XYAtWazix/QlpDc3RnsXVLj
PASsKlAqyuQYiGMKyULgH78Vf5dFuwzVCViHSLk/B7fJxDJB74AxN9GPrO6waK+B
VzLvmTR1uaRgNk3HDuRGolx+yk7ngzD2mWt2XRstGhKZhQadHJeUfKNWiZkklyfX
F5V8lzboZVVQPDcgd0GZdE8rY7cPjQZXKhrQ7mObYwDuFdoeY6wKvQ2I+O/WtrIO
4VXjxw0IWFXEpTM6ws0p2cjytaVRia4cuSYrhmwPXUHHXfYJI8fv1ddOa5hQ6f9f
oEa2PLZxPN3px7z3n435ZDGaQAN4PCErIW5s
-----END CERTIFICATE-----
"""

ROOT = """\
-----BEGIN CERTIFICATE-----
MIIF1jCCA76gAwIBAgIUOQyrdsoDlZ+6ZwY6xdsle8S/s0QwDQYJKoZIhvcNAQEM
BQAwaDERMA8GA1UECgwIbW9kZWxkZW4xIzAhBgNVBAsMGnRydXN0ZWQgbm93aGVy
ZSBieSBkZWZhdWx0MS4wLAYDVQQDDCVtb2RlbGRlbiBsb2NhbCBjb250ZW50IHNp
Z25hdHVyZSByb290MB4XDTI1MTIwMjEyMzAxNVoXDTM1MTIzMDAwMDAwMFowaDER
MA8GA1UECgwIbW9kZWxkZW4xIzAhBgNVBAsMGnRydXN0ZWQgbm93aGVyZSBieSBk
ZWZhdWx0MS4wLAYDVQQDDCVtb2RlbGRlbiBsb2NhbCBjb250ZW50IHNpZ25hdHVy
ZSByb290MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAmrqWUSKiYIhu
vyPGVjEH2UBIHqeyMMtC2vA9HrIaLqZ3a3sXapLnlDlOJN3L1Nw1c3izYi51xCtM
Z+VQMIl5cX0hQ71x7oL4tRc8DEpv/F6LXumug1eqiKMr4hn/DYroeMRjIKd+fXLi
zWgu7G7thMlEPqcl9wP5dVxP+YZH3Z25K9TYRV0CjQn6ZlQ4y82Ri4tz+fLYKNme
fgR6H+FFqkeNRZTZcqyiE+HcGZFe7VW5imBKaTjV7zr0UPp6RJNE+m2eU/Un/W2C
fqf/FxPyvhVeetNtC65ZAy7rxV26cIqdH66D+BjDDsxxOqyCBGIG7YzQ6LTV7bYy
v/5+VmBnivGtPFN54+uXZfNLG89OvWYr31urRbAcFUN+lCPjJOG+0UUeRiWX2eNa
apIORSm4xk3DMPuX/G83Qz8l7vCxyWle1XYRovmF1ANTBV6+74mPiJ8iQrLvfxvS
/RyHkCEzUh1bOQy/xtZbbGuYIPVtKz8ndy8EpZq9CdgCMjN7IicwdbIAVKthjeMF
HU+TKbnEQXw8r2esL8yJpKo1zyWYO6G9X7VJCeW6UP6BgMKlOvFqHJ7x7uX0qJ9O
yDxg4ZhQW7AoFs2pXFdSD7g6lqRekcOCLNJXVb3fXym6Q1dkkHr7gCFu8ktcez9w
HdYfIEVoDB8XN2Cgz78qQ688l1nyta8CAwEAAaN4MHYwDwYDVR0TAQH/BAUwAwEB
/zAOBgNVHQ8BAf8EBAMCAQYwEwYDVR0lBAwwCgYIKwYBBQUHAwMwHQYDVR0OBBYE
FP9KszNtpNdHqStmtKP/UV4BKoauMB8GA1UdIwQYMBaAFP9KszNtpNdHqStmtKP/
UV4BKoauMA0GCSqGSIb3DQEBDAUAA4ICAQBzutfiMpPYFKE+HUidKrMm2uNmIzCx
G9RqPn9O2oNeb5ZsoQJgs3U3WWz00WHVBv7vqsK7Nxo65wCUIKhdKSmCKwkGg9cn
5FybN5CXH12v0ZxyjTwYQbkAFU2KvsyYixi2M+RM4LFRfHsu35xtFbOm37Z1zgpo
JOl5Ql1Sy/5tryptl3uel87UCfzd85EnbNWPfU30Fq20kWTnm0gSfBC3n0rantHe
19kbjO8DfLwjTlU6qJfJG5GjFaXW3RJKVjVo9Uo68Zo4mP/lf7TGuJuanQo9Zj+B
kkxJbCJzhtAPhtoXpUok0XWbfcOUWGRbP/toN3Yho354eY2noPwKkhkgtUpmsSfq
mxXH2RFHSDcca2B2j+3xIEUOLtHRGdmMceQMgauf06bX/xP4e1jQikkHrgryMjWJ
yt9xdimYpLDF1VItXQr5Rql7zBqNJ43B/Hluzt3ODdH4MJUqhFZrnWMiE8ymmdHr
6ehm6UGdmni/BPXEbknxmC6y9172iHQhdpxqCXsP6MzPYY8gmkaPWoElez9XYDXs
wa5Y3nU4mluGcfZMuIyMjq4YFbeiInJiRWUO4TBaPInte0OBjc50iWOD4sv40wmA
IRMM6CD9TV9FsfEZ4vTWiA/hceFwPZ6j7/+C84RrZhxGi0HpA7p3YANuWhxckbLi
w9W7MTd+CAtJIQ==
-----END CERTIFICATE-----
"""

ODD = """\
-----BEGIN CERTIFICATE-----
MIIBejCCASCgAwIBAgIBBzAKBggqhkjOPQQDAjASMRAwDgYDVQQDDAdvZGQgb25l
MB4XDTIwMDEwMTAwMDAwMFoXDTQ5MTIzMTIzNTk1OVowEjEQMA4GA1UEAwwHb2Rk
IG9uZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABHVlqxUPKKfIkPHgw8bLGhHX
zyH5q+d7YvNslgNUFr3Cq9xBgHxe6VQwaz//xzCwvL0M1UiMrTF+JpFMa1zLRhij
ZzBlMA8GA1UdEwEB/wQFMAMBAf8wOQYDVR0eAQH/BC8wLaAaMAuCCWEuZXhhbXBs
ZTALggliLmV4YW1wbGWhDzANggt4LmEuZXhhbXBsZTAMBgMqAwQBAf8EAgUAMAkG
AyoDBQQCBQAwCgYIKoZIzj0EAwIDSAAwRQIgNDMmfa8wllN+sp/i4rPmf9xdZ9tK
62Unkp1DcG5xkYECIQCPIA2eiTY115a51IqmmU5Qc+7lNgLkcErLqgve3Fnc8w==
-----END CERTIFICATE-----
"""

MESSAGE = b'Content-Signature:\x00{"data":[],"last_modified":"1603992731957"}'

SIGNATURE = base64.urlsafe_b64decode(
    "OXKFMMKBclMKM9j0-hkMzVEtvGIE_Gtv0g-QMYqeeV3LtzA--IB1c74lPF0VyCJl"
    "fz84gmSOvigkRX2K8IRKOvbW6Rq0OSuQrWoXtkjSfV25USCjNRv5LfUTtd71iPbc"
)
"""Of MESSAGE, by the key of LEAF."""

LEAF_KEY = base64.b64decode(
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEddtGCET9gjPt22Gw2hGx0gaxadmFsSphmbnf9obpZE21nzXW"
    "TwM7jsa3PGHasrydlgRyeDigO70LsSUXClr0GGRyeg5AimJTmYx0xSXLxFvuC7j+RMD8hFoXGGdK9IUI"
)

OTHER_KEY = base64.b64decode(
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEr6YvooMl8DKhLABsHbQKIBZF8CVlIHxg2QvWN+1cuH+yIoKg"
    "e5oIsBWYBz/U2ITU2R0v4bca0ed45ZEkeOJewoT/cLZqsH+/ecXn/EPPdDNTS7/vqUCLWl+hnugKRGB9"
)
"""A P-384 key that signed nothing."""

CODE_SIGNING = "1.3.6.1.5.5.7.3.3"


async def a_chain_is_read_in_its_order(crypto: Crypto) -> None:
    chain = await crypto.read_chain(LEAF + INTERMEDIATE + ROOT)
    fingerprints = [
        "43:D1:65:EC:78:5D:5D:EB:69:AB:B6:34:5D:E3:EA:77:C7:5E:48:97:B1:BF:86:FB:75:BB:52:F0:85:34:B2:EC",
        "5D:F1:E8:94:4D:5E:76:F0:EE:79:5C:8C:E2:B0:21:66:01:9D:93:13:82:89:94:32:77:4B:96:8F:F6:5C:44:2B",
        "1A:01:2A:61:0C:17:C6:D2:95:A8:51:10:11:D1:27:7E:F8:CA:86:06:B8:7E:70:EA:3A:AE:4C:46:91:6C:B1:6D",
    ]

    assert [each.sha256 for each in chain] == fingerprints
    reversed_chain = await crypto.read_chain(ROOT + INTERMEDIATE + LEAF)
    assert [each.sha256 for each in reversed_chain] == fingerprints[::-1]


async def names_link_a_certificate_to_its_issuer(crypto: Crypto) -> None:
    leaf, intermediate, root = await crypto.read_chain(LEAF + INTERMEDIATE + ROOT)

    assert leaf.issuer == intermediate.subject
    assert intermediate.issuer == root.subject == root.issuer
    assert len({leaf.subject, intermediate.subject, root.subject}) == 3
    assert "CN=modelden local content signature root" in root.subject


async def dates_are_milliseconds(crypto: Crypto) -> None:
    leaf, _, root = await crypto.read_chain(LEAF + INTERMEDIATE + ROOT)

    assert (leaf.not_before, leaf.not_after) == (_milliseconds(2025, 12, 22), _milliseconds(2026, 4, 1))
    assert root.not_before == _milliseconds(2025, 12, 2, 12, 30, 15)
    assert root.not_after == _milliseconds(2035, 12, 30)
    assert type(leaf.not_after) is int


async def usages_are_read(crypto: Crypto) -> None:
    leaf, intermediate, root = await crypto.read_chain(LEAF + INTERMEDIATE + ROOT)

    assert (leaf.is_ca, leaf.path_length) == (False, None)
    assert (intermediate.is_ca, intermediate.path_length) == (True, 0)
    assert (root.is_ca, root.path_length) == (True, None)
    assert leaf.key_usage == ("digitalSignature",)
    assert intermediate.key_usage is not None
    assert set(intermediate.key_usage) == {"keyCertSign", "cRLSign"}
    assert [each.extended_key_usage for each in (leaf, intermediate, root)] == [(CODE_SIGNING,)] * 3


async def names_and_their_constraints_are_read(crypto: Crypto) -> None:
    leaf, intermediate, root = await crypto.read_chain(LEAF + INTERMEDIATE + ROOT)

    assert leaf.dns_names == ("remote-settings.content-signature.mozilla.org",)
    assert intermediate.dns_names == ()
    assert (leaf.permitted_dns, leaf.excluded_dns) == (None, ())
    assert (intermediate.permitted_dns, intermediate.excluded_dns) == (("content-signature.mozilla.org",), ())
    assert root.permitted_dns is None


async def keys_are_read(crypto: Crypto) -> None:
    leaf, intermediate, root = await crypto.read_chain(LEAF + INTERMEDIATE + ROOT)

    assert leaf.public_key == LEAF_KEY
    assert [each.public_key_algorithm for each in (leaf, intermediate, root)] == ["P-384", "P-384", "RSA-4096"]


async def signatures_of_the_next_certificate_are_verified(crypto: Crypto) -> None:
    # P-384 under P-384, P-384 under RSA with SHA-384, and RSA under itself.
    chain = await crypto.read_chain(LEAF + INTERMEDIATE + ROOT)
    assert [each.issued_by_next for each in chain] == [True, True, True]
    assert [each.unhandled_critical for each in chain] == [(), (), ()]

    shuffled = await crypto.read_chain(INTERMEDIATE + LEAF + ROOT)
    assert [each.issued_by_next for each in shuffled] == [False, False, True]
    (alone,) = await crypto.read_chain(LEAF)
    assert not alone.issued_by_next


async def a_changed_certificate_is_not_issued_by_the_next(crypto: Crypto) -> None:
    lines = LEAF.splitlines()
    der = bytearray(base64.b64decode("".join(lines[1:-1])))
    place = der.index(b"remote-settings")
    der[place : place + 6] = b"Remote"
    text = base64.encodebytes(bytes(der)).decode("ascii")
    changed = f"{lines[0]}\n{text}{lines[-1]}\n"

    (leaf, *_) = await crypto.read_chain(changed + INTERMEDIATE + ROOT)
    assert not leaf.issued_by_next


async def what_is_critical_and_unknown_is_named(crypto: Crypto) -> None:
    (odd,) = await crypto.read_chain(ODD)

    assert odd.unhandled_critical == ("1.2.3.4",)
    assert odd.permitted_dns == ("a.example", "b.example")
    assert odd.excluded_dns == ("x.a.example",)
    assert (odd.key_usage, odd.extended_key_usage, odd.dns_names) == (None, None, ())
    assert odd.public_key_algorithm == "P-256"
    assert odd.issued_by_next
    assert odd.not_after == _milliseconds(2049, 12, 31, 23, 59, 59)


async def what_is_no_chain_is_a_value_error(crypto: Crypto) -> None:
    cut = LEAF[: len(LEAF) // 2]
    for text in ("", "<!doctype html>", cut, ROOT + cut, LEAF.replace("MII", "AAA", 1), LEAF.replace("\n", " ")[:-30]):
        try:
            chain = await crypto.read_chain(text)
        except ValueError:
            continue
        raise AssertionError(f"{len(chain)} certificates in {text!r}")


async def a_good_signature_verifies(crypto: Crypto) -> None:
    assert await crypto.verify_p384(LEAF_KEY, MESSAGE, SIGNATURE) is True


async def another_message_does_not_verify(crypto: Crypto) -> None:
    for message in (b"", MESSAGE + b" ", MESSAGE[:-1], MESSAGE.replace(b"7", b"8")):
        assert await crypto.verify_p384(LEAF_KEY, message, SIGNATURE) is False, message


async def another_key_does_not_verify(crypto: Crypto) -> None:
    (odd,) = await crypto.read_chain(ODD)
    (root,) = await crypto.read_chain(ROOT)
    for key in (OTHER_KEY, odd.public_key, root.public_key):
        assert await crypto.verify_p384(key, MESSAGE, SIGNATURE) is False


async def another_signature_does_not_verify(crypto: Crypto) -> None:
    swapped = SIGNATURE[48:] + SIGNATURE[:48]
    wrong = [b"", SIGNATURE[:-1], SIGNATURE + b"\0", bytes(96), b"\xff" * 96, swapped, SIGNATURE[:95] + b"\0"]
    for signature in wrong:
        assert await crypto.verify_p384(LEAF_KEY, MESSAGE, signature) is False, signature.hex()


CASES: list[Case] = [
    a_chain_is_read_in_its_order,
    names_link_a_certificate_to_its_issuer,
    dates_are_milliseconds,
    usages_are_read,
    names_and_their_constraints_are_read,
    keys_are_read,
    signatures_of_the_next_certificate_are_verified,
    a_changed_certificate_is_not_issued_by_the_next,
    what_is_critical_and_unknown_is_named,
    what_is_no_chain_is_a_value_error,
    a_good_signature_verifies,
    another_message_does_not_verify,
    another_key_does_not_verify,
    another_signature_does_not_verify,
]


def _milliseconds(*moment: int) -> int:
    year, month, day, hour, minute, second = (*moment, 0, 0, 0)[:6]
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp() * 1000)
