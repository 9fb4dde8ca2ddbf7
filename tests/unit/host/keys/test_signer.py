"""Signatures, verified with ``cryptography`` and ``json`` only: none of the check is our code."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from modelden.host.keys.signer import Signer

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from modelden.host.keys.certificates import SigningChain
    from modelden.host.serve.server import Application


CHANGESET = "/v1/buckets/main/collections/options/changeset?_expected=0"


def verify(client: httpx.Client, changeset: dict[str, Any]) -> None:
    """Raises InvalidSignature unless the changeset is signed as Remote Settings signs."""
    (entry,) = changeset["metadata"]["signatures"]
    assert entry["mode"] == "p384ecdsa"
    (leaf, *_) = x509.load_pem_x509_certificates(client.get(entry["x5u"]).content)
    records = sorted(changeset["changes"], key=lambda record: record["id"])
    signed = {"data": records, "last_modified": str(changeset["timestamp"])}
    text = json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    raw = base64.urlsafe_b64decode(entry["signature"])
    assert len(raw) == 96
    der = encode_dss_signature(int.from_bytes(raw[:48]), int.from_bytes(raw[48:]))
    key = leaf.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(der, b"Content-Signature:\x00" + text.encode(), ec.ECDSA(hashes.SHA384()))


def test_a_served_collection_verifies(client: httpx.Client) -> None:
    verify(client, client.get(CHANGESET).json())


def test_an_empty_collection_verifies(client: httpx.Client) -> None:
    verify(client, client.get(CHANGESET.replace("options", "empty")).json())


def test_signature_repeats_the_first_of_signatures(client: httpx.Client) -> None:
    metadata = client.get(CHANGESET).json()["metadata"]

    assert metadata["signature"] == metadata["signatures"][0]
    assert metadata["signature"]["type"] == "contentsignaturepki"
    assert metadata["signature"]["signer_id"] == "remote-settings"
    assert len(metadata["signature"]["signature"]) == 128


def test_each_change_is_signed(client: httpx.Client, application: Application) -> None:
    options = application.collections["main", "options"]
    changes: list[Callable[[], int]] = [
        lambda: options.publish({"id": "c", "taskName": "fill-mask"}),
        lambda: options.update("b", modelRevision="v2"),
        lambda: options.delete("A"),
        lambda: options.replace([{"id": "z"}]),
    ]
    for change in changes:
        timestamp = change()
        changeset = client.get(CHANGESET).json()
        assert changeset["timestamp"] == timestamp
        verify(client, changeset)


def test_a_replacement_may_keep_the_old_signature(client: httpx.Client, application: Application) -> None:
    application.collections["main", "options"].replace([{"id": "evil"}], sign=False)

    with pytest.raises(InvalidSignature):
        verify(client, client.get(CHANGESET).json())


def test_an_unsigned_collection_names_no_signature(client: httpx.Client, application: Application) -> None:
    application.collections["main", "options"].sign(None)
    metadata = client.get(CHANGESET).json()["metadata"]

    assert "signature" not in metadata
    assert "signatures" not in metadata


def test_a_root_key_does_not_sign_collections(chain: SigningChain) -> None:
    rsa_leaf = type(chain)(chain.root, chain.intermediate, chain.root)

    with pytest.raises(TypeError, match="P-384"):
        Signer(rsa_leaf)
