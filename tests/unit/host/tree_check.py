"""An independent check of a published tree, with `cryptography` and `json` alone: nothing of modelden is imported."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature


def collections_of(tree: Path, root_hash: str) -> dict[str, list[dict[str, Any]]]:
    """The records of each collection of the bucket `main`, every signature verified from the root down."""
    monitor = json.loads((tree / "v1/buckets/monitor/collections/changes/changeset").read_bytes())
    records = {}
    for change in monitor["changes"]:
        path = tree / "v1/buckets" / change["bucket"] / "collections" / change["collection"] / "changeset"
        changeset = json.loads(path.read_bytes())
        assert changeset["metadata"]["bucket"] == change["bucket"]
        assert changeset["metadata"]["id"] == change["collection"]
        _verify_signature(changeset, path, root_hash)
        identity = next(each for each in changeset["changes"] if each["id"] == "modelden-identity")
        assert (identity["bucket"], identity["collection"]) == (change["bucket"], change["collection"])
        records[change["collection"]] = [each for each in changeset["changes"] if each is not identity]
    return records


def assert_whole(tree: Path, root_hash: str) -> dict[str, str]:
    """Check that models, manifests and files fit together. Returns the revision for each feature or task."""
    records = collections_of(tree, root_hash)
    manifests = {(each["modelId"], each["revision"]): each["files"] for each in records.get("ml-model-manifests", [])}
    for (model, revision), files in manifests.items():
        for file in files:
            data = (tree / "hub" / model / revision / file["path"]).read_bytes()
            assert len(data) == file["size"], file["path"]
            assert hashlib.sha256(data).hexdigest() == file["sha256"], file["path"]
    for runtime in records.get("ml-onnx-runtime", []):
        attachment = runtime["attachment"]
        data = (tree / "attachments" / attachment["location"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (attachment["size"], attachment["hash"])
    options = records.get("ml-inference-options", [])
    for each in options:
        assert (each["modelId"], each["modelRevision"]) in manifests
    return {each.get("featureId") or each["taskName"]: each["modelRevision"] for each in options}


def _verify_signature(changeset: dict[str, Any], path: Path, root_hash: str) -> None:
    entry = changeset["metadata"]["signature"]
    assert entry["mode"] == "p384ecdsa"
    assert not entry["x5u"].startswith("http")
    leaf, intermediate, root = x509.load_pem_x509_certificates((path.parent / entry["x5u"]).resolve().read_bytes())
    assert root.fingerprint(hashes.SHA256()).hex(":").upper() == root_hash
    root.verify_directly_issued_by(root)
    intermediate.verify_directly_issued_by(root)
    leaf.verify_directly_issued_by(intermediate)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["remote-settings.content-signature.mozilla.org"]
    content = {
        "data": sorted(changeset["changes"], key=lambda record: record["id"]),
        "last_modified": str(changeset["timestamp"]),
    }
    # for records of ASCII keys, texts and integers this is canonical JSON
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    raw = base64.urlsafe_b64decode(entry["signature"])
    der = encode_dss_signature(int.from_bytes(raw[:48]), int.from_bytes(raw[48:]))
    key = leaf.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(der, b"Content-Signature:\x00" + text.encode(), ec.ECDSA(hashes.SHA384()))
